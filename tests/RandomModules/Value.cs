using System.Collections.Immutable;

namespace SemAim.RandomModules;

/// <summary>What the elements of a value are.</summary>
internal enum ElementKind
{
    Number,
    Index,
    Truth,
}

/// <summary>A value in a graph, as the generator thinks of it.</summary>
/// <param name="Text">the expression that gives it</param>
/// <param name="Axes">its axes; behind <c>...</c> where it has a lead</param>
internal sealed record Value(string Text, ImmutableArray<Size> Axes)
{
    internal ElementKind Kind { get; init; }

    /// <summary>The samples of the graph are on its first axis, and it comes from them.</summary>
    internal bool IsSampled { get; init; }

    /// <summary>It comes from weights through views and arithmetic alone: leading axes may be missing where it meets another value.</summary>
    internal bool IsWeight { get; init; }

    /// <summary>Any number of axes stands before the named ones.</summary>
    internal bool HasLead { get; init; }

    /// <summary>It has a name of its own.</summary>
    internal bool IsLocal { get; init; }

    internal bool IsNumber => Kind == ElementKind.Number;

    internal bool HasShapeOf(Value other) => HasLead == other.HasLead && HasAxes(other.Axes);

    internal bool HasAxes(IReadOnlyList<Size> axes) => Axes.Length == axes.Count && Axes.Zip(axes).All(p => p.First.Is(p.Second));
}
