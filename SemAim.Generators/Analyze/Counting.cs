using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Analyze;

/// <summary>Counts multiply-adds: dense layers, convolutions, einsums, and the two products of attention (without regard to what a mask hides).</summary>
public static class Counting
{
    /// <summary>Of one call, or null where a host value or an outer loop decides.</summary>
    public static Dim? MultiplyAdds(ModuleScope scope, CheckedGraph graph) => Sum(scope, graph.Body, []);

    private static Dim? Sum(ModuleScope scope, Region region, List<string> loops)
    {
        var sum = Dim.Zero;
        foreach (var op in region.Ops)
        {
            if (Of(scope, op, loops) is not { } cost) return null;
            sum += cost;
        }
        return sum;
    }

    private static Dim? Of(ModuleScope scope, Op op, List<string> loops)
    {
        switch (op.Kind)
        {
            case OpKind.Linear: return Costs.Elements(op.Result) * op.Dims[0];
            case OpKind.Conv2d: return Costs.Elements(op.Result) * op.Dims[0] * op.Dims[2] * op.Dims[2];
            case OpKind.Attend: return 2 * Costs.Elements(op.Operands[0]!) * op.Operands[1]!.Axes[2];
            case OpKind.Einsum: return Letters(op).Values.Aggregate(Dim.One, (a, b) => a * b);
            case OpKind.Call: return Costs.Graph(scope, op)?.Summary.Cost is { } cost ? Costs.OfCall(scope, op, cost.MultiplyAdds) : null;
            case OpKind.Repeat:
                if (Costs.Trips(op, loops) is not { } trips) return null;
                return Sum(scope, op.Body!, [.. loops, op.Variable]) is { } body ? trips * body : null;
            case OpKind.If: return Sum(scope, op.Body!, loops) is { } then && Sum(scope, op.Otherwise!, loops) is { } otherwise ? Costs.Greater(scope.Facts, then, otherwise) : null;
            default: return Dim.Zero;
        }
    }

    /// <summary>Size of every letter of an einsum.</summary>
    public static Dictionary<char, Dim> Letters(Op einsum)
    {
        var sizes = new Dictionary<char, Dim>();
        var sides = einsum.Text.Substring(0, einsum.Text.IndexOf("->", System.StringComparison.Ordinal)).Split(',');
        for (var i = 0; i < sides.Length; i++)
            for (var a = 0; a < sides[i].Length; a++) sizes[sides[i][a]] = einsum.Operands[i]!.Axes[a];
        return sizes;
    }
}
