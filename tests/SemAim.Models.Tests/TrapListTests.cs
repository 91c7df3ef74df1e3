using System.Text.RegularExpressions;

namespace SemAim.Models.Tests;

/// <summary>docs/traps.md answers each of the original's fifty traps, and the tests that it names exist.</summary>
public sealed partial class TrapListTests
{
    [Fact]
    public void Every_trap_is_answered_and_every_named_test_exists()
    {
        var rows = File.ReadLines(Path.Combine(GoldenFolder.Repository, "docs", "traps.md")).Select(l => Row().Match(l)).Where(m => m.Success).ToList();
        var tests = Directory.EnumerateFiles(Path.Combine(GoldenFolder.Repository, "tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(source => Test().Matches(File.ReadAllText(source)).Select(m => m.Groups[1].Value)).ToHashSet();

        Assert.Equal(Enumerable.Range(1, 50), rows.Select(r => int.Parse(r.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal("", string.Join(", ", rows.Select(r => r.Groups[2].Value).Where(name => name.Length > 0 && !tests.Contains(name))));
    }

    [GeneratedRegex("^\\| (\\d+) \\|.*\\| (?:none|`(\\w+)`) \\|$")]
    private static partial Regex Row();

    [GeneratedRegex("public (?:async )?(?:void|Task) (\\w+)\\(")]
    private static partial Regex Test();
}
