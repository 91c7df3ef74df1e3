using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>Removes what no result needs. A stochastic operation stays: it takes its row of the draws.</summary>
public sealed class DeadCode : IPass
{
    /// <inheritdoc />
    public string Name => nameof(DeadCode);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        while (Sweep(graph.Body)) { }
    }

    private static bool Sweep(Region region)
    {
        var needed = new HashSet<Value>(region.Results);
        foreach (var op in region.Ops)
            foreach (var v in Rewriting.Reads(op)) needed.Add(v);
        var changed = false;
        foreach (var op in region.Ops.ToList())
        {
            if (op.Results.All(r => !needed.Contains(r)) && Rewriting.IsPure(op))
            {
                region.Ops.Remove(op);
                changed = true;
                continue;
            }
            if (op.Kind == OpKind.Repeat) changed |= DropCarried(op, needed);
            foreach (var inner in Rewriting.Regions(op)) changed |= Sweep(inner);
        }
        return changed;
    }

    // a carried value that nobody reads after the loop nor, except to carry it on, within
    private static bool DropCarried(Op op, HashSet<Value> needed)
    {
        var changed = false;
        for (var i = op.Results.Count - 1; i >= 0; i--)
        {
            if (needed.Contains(op.Results[i])) continue;
            var (parameter, result) = (op.Body!.Parameters[i], op.Body.Results[i]);
            if (result != parameter || op.Body.Ops.SelectMany(Rewriting.Reads).Contains(parameter)) continue;
            op.Operands.RemoveAt(i);
            op.Results.RemoveAt(i);
            op.Body.Parameters.RemoveAt(i);
            op.Body.Results.RemoveAt(i);
            changed = true;
        }
        return changed;
    }
}
