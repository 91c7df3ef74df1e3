using Microsoft.CodeAnalysis.CSharp;
using VerifyXunit;

namespace SemAim.Generators.Tests;

/// <summary>Generated code is read by people: the file of every module of SemAim.Models is looked at when it changes.</summary>
public sealed class SnapshotTests
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> Generated = new(() =>
    {
        var folder = Path.Combine(AuthorSource.Root, "SemAim.Models");
        var files = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/')).Where(f => !f.StartsWith("obj/", StringComparison.Ordinal) && !f.StartsWith("bin/", StringComparison.Ordinal));
        var compilation = AuthorSource.Compilation(files.Order(StringComparer.Ordinal).Select(f => (f, File.ReadAllText(Path.Combine(folder, f)))));
        return CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(compilation).GetRunResult().Results[0].GeneratedSources.ToDictionary(s => s.HintName, s => s.SourceText.ToString());
    });

    public static TheoryData<string> Modules => [.. Generated.Value.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Modules))]
    public async Task The_generated_part_is_the_one_that_was_looked_at(string file)
        => await Verifier.Verify(Generated.Value[file], "cs").UseDirectory("../Snapshots").UseFileName(file[..^".g.cs".Length]);

    [Fact]
    public void Every_snapshot_is_of_a_module_that_exists()
    {
        var snapshots = Directory.EnumerateFiles(Path.Combine(AuthorSource.Root, "tests", "Snapshots"), "*.verified.cs").Select(f => Path.GetFileName(f).Replace(".verified.cs", ".g.cs"));

        Assert.Empty(snapshots.Except(Generated.Value.Keys));
    }

    [Fact]
    public void Generated_code_does_not_depend_on_the_culture()
    {
        var before = System.Globalization.CultureInfo.CurrentCulture;
        try
        {
            var other = (System.Globalization.CultureInfo)System.Globalization.CultureInfo.InvariantCulture.Clone();
            (other.NumberFormat.NegativeSign, other.NumberFormat.NumberDecimalSeparator) = ("\u2212", ",");
            System.Globalization.CultureInfo.CurrentCulture = other;
            var code = CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)))).GetRunResult().Results[0].GeneratedSources;
            foreach (var file in code.Where(f => f.HintName != "SemAim.Models.AimViT.g.cs")) Assert.Equal(Generated.Value[file.HintName], file.SourceText.ToString());
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = before;
        }
    }
}
