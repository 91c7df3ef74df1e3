using System.Text.RegularExpressions;
using SemAim.Dsl;
using SemAim.Mutation;

namespace SemAim.Models.Tests;

/// <summary>Modules as authors write them (tests/corpus/right): what the compiler makes of them computes what they say, values and gradients, at random admissible sizes.</summary>
public sealed class CorpusEqualsSpecificationTests
{
    private const int Seed = 7, Trials = 2;

    private static string Folder { get; } = Path.Combine(CompiledModels.Root, "tests", "corpus", "right");

    public static TheoryData<string> Sources => [.. Directory.EnumerateFiles(Folder, "*.cs.txt").Select(f => Path.GetFileName(f)[..^7]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Sources))]
    public void What_is_compiled_computes_what_was_written(string name) => Compare(name, File.ReadAllText(Path.Combine(Folder, name + ".cs.txt")));

    [Fact]
    public void The_page_of_the_language_computes_what_it_says()
        => Compare("Page", string.Concat(Regex.Matches(File.ReadAllText(Path.Combine(CompiledModels.Root, "docs", "dsl.md")), "```csharp\n(.*?)```", RegexOptions.Singleline).Select(m => m.Groups[1].Value)));

    private static void Compare(string name, string source)
    {
        var (assembly, _) = CompiledModels.Compile("Corpus" + name, [(name + ".cs", source)]);
        var compared = 0;

        foreach (var module in assembly.GetTypes().Where(t => t.GetCustomAttributes(typeof(ModuleAttribute), false).Length > 0))
        {
            var truth = new CodeTruth(Seed);
            var difference = truth.Difference(module, Trials);
            Assert.True(difference is null, difference);
            compared += truth.Compared;
        }

        Assert.True(compared > 0, $"{name} holds no graph that was run");
    }
}
