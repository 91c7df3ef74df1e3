using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>
/// Which values of a graph flow into which others. A value into which none flows comes from weights alone: it belongs to no sample, and a run of the specification does not know it. Whether that is so of a graph's own
/// parameter, its caller knows; so a graph tells, for each thing that it drops, from which of its parameters that comes.
/// </summary>
internal sealed class SampleFlow
{
    private readonly Dictionary<Value, HashSet<string>> known = [];

    /// <summary>Sets of parameters, one for each operation that draws: something must flow into one of each.</summary>
    internal List<HashSet<string>> Dropped { get; } = [];

    /// <summary>Where a value that no operation makes comes from.</summary>
    internal void Enter(Value value, IEnumerable<string> parameters) => known[value] = [.. parameters];

    /// <summary>The parameters that flow into a value; masks do not carry samples.</summary>
    internal HashSet<string> Into(Value value)
    {
        if (known.TryGetValue(value, out var found)) return found;
        var all = new HashSet<string>();
        if (value is { Type: not ElementType.Mask, Producer: { } op })
            foreach (var operand in op.Operands) if (operand is not null) all.UnionWith(Into(operand));
        return known[value] = all;
    }

    /// <summary>The sets as a contract says them, <c>x</c> or <c>x memory</c>; those that follow from others are left out.</summary>
    internal IEnumerable<string> Contract
        => Dropped.Where(set => !Dropped.Any(other => other.Count < set.Count && other.IsSubsetOf(set))).Select(set => string.Join(" ", set.OrderBy(n => n, System.StringComparer.Ordinal))).Distinct().OrderBy(t => t, System.StringComparer.Ordinal);
}
