namespace SemAim.Generators.Ir;

/// <summary>What a project tells the compiler by properties.</summary>
/// <param name="Trace"><c>SemAimTrace</c>: report every value to <c>SemAim.Dsl.Trace</c></param>
/// <param name="WithoutPass"><c>SemAimWithoutPass</c>: a pass to leave out, to ask whether it is to blame for something</param>
/// <param name="Lines"><c>SemAimLineDirectives</c>: where the author's expressions stand</param>
public sealed record CompilerOptions(bool Trace, string? WithoutPass, LineMap Lines)
{
    /// <summary>Nothing special.</summary>
    public static CompilerOptions Default { get; } = new(false, null, LineMap.None);
}
