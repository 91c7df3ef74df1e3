using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>Takes out of loops what is the same in every round: casts, views of weights, dense masks.</summary>
public sealed class HoistInvariants : IPass
{
    /// <inheritdoc />
    public string Name => nameof(HoistInvariants);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body);

    private static void Run(Region region)
    {
        foreach (var op in region.Ops.ToList())
        {
            foreach (var inner in Rewriting.Regions(op)) Run(inner);
            if (op.Kind != OpKind.Repeat) continue;
            var body = op.Body!;
            var local = new HashSet<Value>(body.Parameters.Concat(body.Ops.SelectMany(o => o.Results)));
            foreach (var candidate in body.Ops.ToList())
            {
                if (!OpTable.Of(candidate.Kind).IsSmall || candidate.Operands.Any(o => o is null || local.Contains(o)) || Names(candidate).Contains(op.Variable) || candidate.Results.Any(body.Results.Contains)) continue;
                body.Ops.Remove(candidate);
                region.Ops.Insert(region.Ops.IndexOf(op), candidate);
                foreach (var r in candidate.Results) local.Remove(r);
            }
        }
    }

    private static IEnumerable<string> Names(Op op) => op.Dims.SelectMany(d => d.Symbols).Concat(op.Index?.Symbols ?? []);
}
