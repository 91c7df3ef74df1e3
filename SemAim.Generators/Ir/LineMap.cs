using SemAim.Generators.Collections;

namespace SemAim.Generators.Ir;

/// <summary>Where an expression stands: lines and columns from 1, the last column included.</summary>
public sealed record LinePlace(string File, int Line, int Column, int LastLine, int LastColumn);

/// <summary>Places of a module's expressions by their numbers; empty unless line directives are wanted, because it changes with every edit above them.</summary>
public sealed record LineMap(EquatableArray<LinePlace?> Places)
{
    /// <summary>No directives.</summary>
    public static LineMap None { get; } = new(default(EquatableArray<LinePlace?>));

    /// <summary>True where directives are wanted.</summary>
    public bool IsOn => Places.Count > 0;

    /// <summary>Where an expression stands, or null.</summary>
    public LinePlace? Of(int source) => source > 0 && source < Places.Count ? Places[source] : null;
}
