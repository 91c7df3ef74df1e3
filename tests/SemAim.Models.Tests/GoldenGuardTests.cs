using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace SemAim.Models.Tests;

/// <summary>Every recorded file has a test of its kind, in whichever test project.</summary>
[Trait("Category", "Golden")]
public sealed partial class GoldenGuardTests
{
    [Fact]
    public void Every_recorded_file_has_a_test()
    {
        var patterns = Directory.EnumerateFiles(Path.Combine(GoldenFolder.Repository, "tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(source => Kind().Matches(File.ReadAllText(source)).Select(m => m.Groups[1].Value)).Distinct().ToList();
        var untested = Directory.EnumerateFiles(GoldenFolder.Path, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(GoldenFolder.Path, f))
            .Where(f => Path.GetFileName(f) != "README.md" && !patterns.Exists(p => FileSystemName.MatchesSimpleExpression(p, f, ignoreCase: false))).Order(StringComparer.Ordinal);

        Assert.True(!untested.Any(), $"no test declares [GoldenKind] for {string.Join(", ", untested)}");
    }

    [GeneratedRegex("GoldenKind\\(\"([^\"]+)\"\\)")]
    private static partial Regex Kind();
}
