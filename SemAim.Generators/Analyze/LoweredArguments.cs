using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Analyze;

/// <summary>Arguments that a graph reads by dense layers alone, its own or those of a callee: it loses nothing where the caller hands them over in the type of the products.</summary>
public static class LoweredArguments
{
    /// <summary>Names, in order.</summary>
    /// <param name="graph">a graph that was found right</param>
    /// <param name="called">what is known of a callee</param>
    public static EquatableArray<string> Of(CheckedGraph graph, System.Func<Op, GraphContract?> called)
    {
        var values = graph.Unit.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        return values.Where((p, i) => p.Kind == ParameterKind.Value && Holds(graph.Body, graph.Body.Parameters[i], called)).Select(p => p.Name).ToEquatable();
    }

    /// <summary>True where a value has readers, and each of them lowers it.</summary>
    /// <param name="root">the whole graph</param>
    /// <param name="value">of the root or of a region within</param>
    /// <param name="called">what is known of a callee</param>
    public static bool Holds(Region root, Value value, System.Func<Op, GraphContract?> called)
    {
        if (value.Type != ElementType.Float || Results(root).Contains(value)) return false;
        var readers = Rewriting.All(root).Where(o => o.Operands.Contains(value)).ToList();
        return readers.Count > 0 && readers.All(o => Lowers(o, value, called));
    }

    private static IEnumerable<Value> Results(Region root)
        => root.Results.Concat(Rewriting.All(root).SelectMany(Rewriting.Regions).SelectMany(r => r.Results));

    private static bool Lowers(Op op, Value value, System.Func<Op, GraphContract?> called)
    {
        if (op.Kind is OpKind.Linear or OpKind.Lower) return true;
        if (op.Kind != OpKind.Call || called(op) is not { } callee) return false;
        var names = callee.Parameters.Where(p => p.Kind != ParameterKind.Host).Select(p => p.Name).ToList();
        return op.Operands.Select((o, i) => (o, i)).Where(x => x.o == value).All(x => callee.Summary.Lowered.Contains(names[x.i]));
    }
}
