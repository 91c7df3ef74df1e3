namespace SemAim.Runtime.Tests.Data;

/// <summary>A theory over recorded files that may lie in any folder below the golden one; skipped where there are none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenSetTheoryAttribute : TheoryAttribute
{
    /// <param name="pattern">file name, with * for anything</param>
    public GoldenSetTheoryAttribute(string pattern)
    {
        if (!Files(pattern).Any()) Skip = $"{GoldenFolder.Path} has no {pattern}";
    }

    internal static IEnumerable<string> Files(string pattern) => Directory.Exists(GoldenFolder.Path) ? Directory.EnumerateFiles(GoldenFolder.Path, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [];
}
