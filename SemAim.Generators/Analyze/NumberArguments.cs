using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Analyze;

/// <summary>Arguments that a graph reads by operations on numbers alone, its own or those of a callee, as they come or a view of them: indices and truth values fail there when it runs.</summary>
public static class NumberArguments
{
    /// <summary>Names, in order.</summary>
    /// <param name="graph">a graph that was found right</param>
    /// <param name="called">what is known of a callee</param>
    public static EquatableArray<string> Of(CheckedGraph graph, System.Func<Op, GraphContract?> called)
    {
        var all = Rewriting.All(graph.Body).ToList();
        var values = graph.Unit.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        return values.Where((p, i) => p.Kind == ParameterKind.Value && IsNumber(graph.Body.Parameters[i])).Select(p => p.Name).ToEquatable();

        bool IsNumber(Value value) => all.Where(o => o.Operands.Contains(value)).Any(o => Takes(o, value) || IsView(o) && o.Operands[0] == value && o.Results.Any(IsNumber) || Enters(o, value));

        // a loop's first round reads what it is given
        bool Enters(Op op, Value value) => op.Kind == OpKind.Repeat && op.Operands.Zip(op.Body!.Parameters, (given, inside) => (given, inside)).Any(x => x.given == value && IsNumber(x.inside));

        bool Takes(Op op, Value value) => op.Kind switch
        {
            OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d or OpKind.Softmax or OpKind.Normalize or OpKind.Einsum or OpKind.DropPath => true,
            OpKind.Attend => op.Operands.Take(3).Contains(value),
            OpKind.Unary => op.Method is "gelu" or "silu" or "quickgelu",
            OpKind.Reduce => op.Method is "mean" or "var",
            OpKind.Call when op.Body is null && called(op) is { } callee => Names(callee) is var names && op.Operands.Select((o, i) => (o, i)).Any(x => x.o == value && callee.Summary.Numbers.Contains(names[x.i])),
            _ => false,
        };
    }

    private static List<string> Names(GraphContract callee) => [.. callee.Parameters.Where(p => p.Kind != ParameterKind.Host).Select(p => p.Name)];

    private static bool IsView(Op op)
        => op.Kind is OpKind.Reshape or OpKind.Permute or OpKind.Expand or OpKind.Select or OpKind.Narrow or OpKind.Detach or OpKind.Unbind;
}
