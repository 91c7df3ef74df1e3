using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Ir;

/// <summary>Walking and replacing, shared by the passes.</summary>
public static class Rewriting
{
    /// <summary>All operations, inner ones included.</summary>
    public static IEnumerable<Op> All(Region region)
    {
        foreach (var op in region.Ops)
        {
            yield return op;
            foreach (var inner in Regions(op))
                foreach (var o in All(inner)) yield return o;
        }
    }

    /// <summary>Regions of an operation.</summary>
    public static IEnumerable<Region> Regions(Op op)
    {
        if (op.Body is not null) yield return op.Body;
        if (op.Otherwise is not null) yield return op.Otherwise;
    }

    /// <summary>Lets every reader of a value read another.</summary>
    public static void Replace(Region region, Value old, Value by)
    {
        for (var i = 0; i < region.Results.Count; i++) if (region.Results[i] == old) region.Results[i] = by;
        foreach (var op in region.Ops)
        {
            for (var i = 0; i < op.Operands.Count; i++) if (op.Operands[i] == old) op.Operands[i] = by;
            foreach (var inner in Regions(op)) Replace(inner, old, by);
        }
        if (by.Name is null && by.Producer is not null) by.Name = old.Name;
    }

    /// <summary>Puts the operations that calls carry in their place.</summary>
    /// <param name="region">changed in place</param>
    /// <param name="methods">names of graphs whose calls stay, without their operations; null: none</param>
    public static void Inline(Region region, ICollection<string>? methods = null)
    {
        for (var i = 0; i < region.Ops.Count; i++)
        {
            var op = region.Ops[i];
            if (op.Kind != OpKind.Call || op.Body is not { } body)
            {
                foreach (var inner in Regions(op)) Inline(inner, methods);
                continue;
            }
            if (methods is null || !methods.Contains(op.Method))
            {
                // its results are values of the body: who reads them need not be told
                region.Ops.RemoveAt(i);
                region.Ops.InsertRange(i--, body.Ops);
                continue;
            }
            op.Body = null;
            op.Results = [];
            foreach (var result in body.Results)
            {
                // what the graph hands through is what went in, whoever reads it
                var made = body.Ops.Exists(o => o.Results.Contains(result)) && !op.Results.Contains(result);
                op.Results.Add(made ? result : new Value(result.Axes, result.Type));
                op.Results[op.Results.Count - 1].Producer = op;
            }
        }
    }

    /// <summary>Values read by an operation, its regions included.</summary>
    public static IEnumerable<Value> Reads(Op op)
    {
        foreach (var v in op.Operands) if (v is not null) yield return v;
        foreach (var inner in Regions(op))
        {
            foreach (var v in inner.Results) yield return v;
            foreach (var o in inner.Ops)
                foreach (var v in Reads(o)) yield return v;
        }
    }

    /// <summary>True where an operation may be removed, moved or shared.</summary>
    public static bool IsPure(Op op)
        => !OpTable.Of(op.Kind).Draws && (op.Kind is not OpKind.Call || !DrawsOnDevice(op) && (!op.TakesDraws || !IsStochastic(op))) && Regions(op).All(r => r.Ops.All(IsPure));

    private static bool IsStochastic(Op call) => call.Callee?.Graphs.FirstOrDefault(g => g.Name == call.Method)?.Summary.IsStochastic ?? true;

    private static bool DrawsOnDevice(Op call) => call.Callee?.Graphs.FirstOrDefault(g => g.Name == call.Method)?.Summary.DrawsOnDevice ?? false;
}
