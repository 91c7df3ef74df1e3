using System.Globalization;

namespace SemAim.Dsl;

/// <summary>One weight or constant as the compiler knows it.</summary>
/// <param name="Key">state-dict key</param>
/// <param name="SymbolicShape">axes in the module's sizes, separated by blanks: <c>3*D D</c></param>
/// <param name="Shape">axes of this instance</param>
/// <param name="IsTrained">false for constants</param>
/// <param name="IsProductOnly">read by matrix products alone</param>
public sealed record ManifestEntry(string Key, string SymbolicShape, long[] Shape, bool IsTrained, bool IsProductOnly)
{
    /// <summary>Level of a backward pass cut by <see cref="BackwardCutter"/> at which the gradient is complete; a tensor of two names is complete at the lower of both. 0 where no graph is cut: when everything is done.</summary>
    public int Level { get; init; }

    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => checked(a * b));

    /// <summary>One entry for every number that a key's <c>{0..L}</c> stands for.</summary>
    internal static IEnumerable<ManifestEntry> Expand(GraphWeightAttribute published, Func<string, long> size)
    {
        var shape = published.Shape.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(axis => SizeExpression.Evaluate(axis, size)).ToArray();
        int Level(int index) => published.Level.Length == 0 ? 0 : checked((int)SizeExpression.Evaluate(published.Level, name => name == "index" ? index : size(name)));
        return Keys(published.Key, size, null).Select(k => new ManifestEntry(k.Key, published.Shape, shape, !published.Constant, published.Products) { Level = Level(k.Index ?? 0) });
    }

    // with the number of the outermost copy
    private static IEnumerable<(string Key, int? Index)> Keys(string pattern, Func<string, long> size, int? outer)
    {
        var open = pattern.IndexOf("{0..", StringComparison.Ordinal);
        if (open < 0) return [(pattern, outer)];
        var close = pattern.IndexOf('}', open);
        var count = SizeExpression.Evaluate(pattern[(open + 4)..close], size);
        return Enumerable.Range(0, checked((int)count)).SelectMany(i => Keys(string.Concat(pattern.AsSpan(0, open), i.ToString(CultureInfo.InvariantCulture), pattern.AsSpan(close + 1)), size, outer ?? i));
    }
}
