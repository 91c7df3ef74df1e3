using Microsoft.CodeAnalysis.Diagnostics;

namespace SemAim.Generators.Frontend;

/// <summary>What a project asks of the compiler of models.</summary>
/// <param name="LineDirectives"><c>SemAimLineDirectives</c>: generated code names the author's lines</param>
/// <param name="Trace"><c>SemAimTrace</c>: report every value</param>
/// <param name="WithoutPass"><c>SemAimWithoutPass</c>: a pass to leave out</param>
internal sealed record Properties(bool LineDirectives, bool Trace, string? WithoutPass)
{
    internal static Properties Read(AnalyzerConfigOptions options)
    {
        string? Value(string name) => options.TryGetValue("build_property." + name, out var value) && value.Length > 0 ? value : null;
        bool Flag(string name) => string.Equals(Value(name), "true", System.StringComparison.OrdinalIgnoreCase);
        return new(Flag("SemAimLineDirectives"), Flag("SemAimTrace"), Value("SemAimWithoutPass"));
    }
}
