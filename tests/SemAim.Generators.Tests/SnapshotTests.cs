using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using VerifyXunit;

namespace SemAim.Generators.Tests;

/// <summary>Generated code is read by people: every file is looked at when it changes.</summary>
public sealed class SnapshotTests
{
    public static TheoryData<string> Modules
    {
        get
        {
            var names = new TheoryData<string>();
            foreach (var file in AuthorSource.Models.Keys) names.Add(Path.GetFileNameWithoutExtension(file));
            return names;
        }
    }

    [Theory]
    [MemberData(nameof(Modules))]
    public async Task The_generated_part_is_the_one_that_was_looked_at(string module)
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        var files = CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(compilation).GetRunResult().Results[0].GeneratedSources;

        var file = files.Single(f => f.HintName == $"SemAim.Models.{module}.g.cs");

        await Verifier.Verify(file.SourceText.ToString(), "cs").UseDirectory("../Snapshots").UseFileName($"SemAim.Models.{module}");
    }
}
