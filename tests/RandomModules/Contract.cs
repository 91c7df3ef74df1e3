namespace SemAim.RandomModules;

/// <summary>A fact that a module asks of its users.</summary>
/// <param name="Kind">%, ==, &gt;=, &lt;= or &lt;</param>
internal sealed record Fact(string Kind, Size Left, Size Right)
{
    internal string Text => Kind == "%" ? $"{Left.Text} % {(Right.Text.Contains('*', StringComparison.Ordinal) ? $"({Right.Text})" : Right.Text)} == 0" : $"{Left.Text} {Kind} {Right.Text}";
}

/// <summary>What a graph takes: the axes of a value as its contract writes them.</summary>
/// <param name="IsMask">an order over the last two axes, which may be left out</param>
/// <param name="Marked">this axis may be 1 instead</param>
internal sealed record Taken(string Name, IReadOnlyList<Size> Axes, ElementKind Kind = ElementKind.Number, bool HasLead = false, bool IsMask = false, int Marked = -1);

/// <summary>What callers know of a graph.</summary>
/// <param name="Drops">it drops samples, so its first argument must hold them in front</param>
internal sealed record Contract(string Name, IReadOnlyList<Taken> Takes, IReadOnlyList<(IReadOnlyList<Size> Axes, ElementKind Kind)> Gives, bool Drops);
