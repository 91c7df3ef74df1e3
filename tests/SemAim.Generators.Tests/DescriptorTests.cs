using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Tests;

/// <summary>Every diagnostic is announced and explained, and its explanation is true.</summary>
public sealed partial class DescriptorTests
{
    private const string Head = "using SemAim.Dsl;\nusing static SemAim.Dsl.Ops;\nnamespace Page;\n";

    // what another assembly publishes of a module, as its attributes say it
    private const string Outside = """
        using SemAim.Dsl;
        namespace Outside
        {
            [Module]
            [GraphSummary("Forward", "token-wise, stochastic, capture-safe")]
            public sealed class Noisy(int D) : GraphModule
            {
                [Graph] [return: Shape("B T D")] public Sym Forward([Shape("B T D")] Sym x) => x * D;
                public TorchSharp.torch.Tensor Forward(TorchSharp.torch.Tensor x) => x;
            }
            [Module]
            [GraphSummary("Forward", "token-wise, stochastic, capture-safe")]
            public sealed class Dropping(int D) : GraphModule
            {
                [Graph] [return: Shape("B T D")] public Sym Forward([Shape("B T D")] Sym x) => x * D;
                public TorchSharp.torch.Tensor Forward(TorchSharp.torch.Tensor x, Draws? draws = null) => x;
            }
            [Module]
            public sealed class Unknown(int D) : GraphModule
            {
                [Graph] [return: Shape("B T D")] public Sym Forward([Shape("B T D")] Sym x) => x * D;
                public TorchSharp.torch.Tensor Forward(TorchSharp.torch.Tensor x) => x;
            }
        }
        """;

    internal static readonly Lazy<MetadataReference> OutsideAssembly = new(() =>
    {
        using var image = new MemoryStream();
        var result = AuthorSource.Compilation([("Outside.cs", Outside)]).WithAssemblyName("Outside").Emit(image);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics));
        return MetadataReference.CreateFromImage(image.ToArray());
    });

    public static TheoryData<string> Ids => [.. new GraphAnalyzer().SupportedDiagnostics.Select(d => d.Id)];

    [Fact]
    public void Every_id_has_a_release_entry_and_a_page()
    {
        var release = File.ReadAllText(Path.Combine(AuthorSource.Root, "SemAim.Generators", "AnalyzerReleases.Unshipped.md"));

        foreach (var d in new GraphAnalyzer().SupportedDiagnostics)
        {
            Assert.Contains($"{d.Id} | SemAim | {d.DefaultSeverity} | ", release);
            Assert.True(File.Exists(Path.Combine(AuthorSource.Root, d.HelpLinkUri)), $"{d.HelpLinkUri} is missing");
        }
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void What_a_page_calls_wrong_yields_its_id_and_what_it_calls_right_yields_nothing(string id)
    {
        var page = File.ReadAllText(Path.Combine(AuthorSource.Root, "docs", "diagnostics", id + ".md"));
        var examples = Example().Matches(page).Select(m => m.Groups[1].Value).ToList();
        Assert.Equal(2, examples.Count);

        var manifests = Manifest().Matches(page).Select(m => (m.Groups[1].Value, m.Groups[2].Value)).ToList();

        var (wrong, right) = (Judge(examples[0], manifests.Take(1)), Judge(examples[1], manifests.Skip(1)));

        Assert.Equal([id], wrong.Where(d => d.Id.StartsWith("SEM", StringComparison.Ordinal)).Select(d => d.Id).Distinct());
        Assert.Empty(right.Where(d => d.Severity == DiagnosticSeverity.Error || d.Id.StartsWith("SEM", StringComparison.Ordinal)).Select(d => $"{d.Id} {d.GetMessage()}"));
    }

    private static IReadOnlyList<Diagnostic> Judge(string source, IEnumerable<(string, string)> manifests)
        => AuthorSource.Diagnose([("Page.cs", Head + source)], DiagnosticSeverity.Info, manifests, OutsideAssembly.Value);

    [Theory]
    [InlineData("    private readonly Linear fc = new(2 * D, D);\n    [Graph] [return: Shape(\"B D\")] public Sym F([Shape(\"B D\")] Sym x) => fc.Forward(x);", "SEM0201", "new(2 * D, D)", null)]
    [InlineData("    [Graph] [return: Shape(\"B D\")] public Sym F([Shape(\"B D+1\")] Sym x) => x.Gelu();", "SEM0206", "\"B D\"", null)]
    [InlineData("    private int E => D / H;\n    [Graph] [return: Shape(\"B D\")] public Sym F([Shape(\"B D\")] Sym x) => x;", "SEM0120", null, "[Require(\"D % H == 0\")]")]
    [InlineData("    [Graph] [return: Shape(\"B Dh\")] public Sym F([Shape(\"B D\")] Sym x) => x;", "SEM0101", null, "D")]
    [InlineData("    private readonly Linear a = new(D, D);\n    [Key(\"a\")] private readonly Linear b = new(D, D);\n    [Graph] [return: Shape(\"B D\")] public Sym F([Shape(\"B D\")] Sym x) => b.Forward(a.Forward(x));", "SEM0104", "new(D, D)", "[Key(\"a_2\")]")]
    public void A_finding_names_the_declaration_it_speaks_of_and_what_to_write(string body, string id, string? declaration, string? fix)
    {
        var only = Assert.Single(AuthorSource.Diagnose(AuthorSource.Module(body)));

        Assert.Equal(id, only.Id);
        if (declaration is not null) Assert.Equal(declaration, only.AdditionalLocations[0].SourceTree!.GetText().ToString(only.AdditionalLocations[0].SourceSpan));
        if (fix is not null) Assert.Equal(fix, only.Properties["fix"]);
    }

    [Fact]
    public void A_forgotten_factor_is_shown_with_its_origin_and_its_cure()
    {
        const string body = "    private int E => D / H;\n    private readonly Linear qkv = new(D, 3 * D);\n    [Graph] [return: Shape(\"B T H E\")] public Sym F([Shape(\"B T D\")] Sym x) => qkv.Forward(x).Rearrange(\"B T (H E) -> B T H E\", H);";

        var only = Assert.Single(AuthorSource.Diagnose(AuthorSource.Module(body, attributes: "[Require(\"D % H == 0\")]")));

        Assert.Equal("axis 2 of `qkv.Forward(x)` has size 3·D, but \"(H E)\" says D\n    3·D comes from qkv = new Linear(D, 3 * D)\n    did you mean \"B T (3 H E) -> 3 B T H E\"?", only.GetMessage());
        Assert.Equal("B T (3 H E) -> 3 B T H E", only.Properties["fix"]);
        Assert.Equal("new(D, 3 * D)", only.AdditionalLocations[0].SourceTree!.GetText().ToString(only.AdditionalLocations[0].SourceSpan));
    }

    /// <summary>The first line stands alone: sizes in the author's words, numbers where there are any; then the origin; one way out.</summary>
    [Theory]
    [InlineData("    private readonly Weight t = new([H], Inits.Ones);\n    [Graph] [return: Shape(\"B H T T\")] public Sym F([Shape(\"B H T T\")] Sym x) => (x + 1) * t;", "`(x + 1) * t`: axis 3 is T on the left and H on the right; they are only equal by luck\n    H comes from t = new Weight([H])")]
    [InlineData("    [Graph] [return: Shape(\"B T\")] public Sym F([Shape(\"B T\")] Sym x, [Shape(\"B M\")] Sym y) => x / Math.Sqrt(D) + y;", "`x / Math.Sqrt(D) + y`: axis 1 is T on the left and M on the right; they are only equal by luck. Mark it #T in the [Shape] of `y` if broadcasting from 1 is meant")]
    [InlineData("    private readonly Weight k = new([1, H, D], Inits.Ones);\n    [Graph] [return: Shape(\"B H D\")] public Sym F([Shape(\"B D\")] Sym x) => k.Value.Expand(\"1 H D -> B H D\");", "the specification cannot run \"1 H D -> B H D\": B is unknown to the value; pass it: Expand(\"…\", B), with `var B = x.Size(0);`")]
    [InlineData("    private readonly Weight k = new([1, H, D], Inits.Ones);\n    [Graph] [return: Shape(\"B H D\")] public Sym F([Shape(\"B D\")] Sym x) { var B = x.Size(0); return k.Value.Expand(\"1 H D -> B H D\", x.Size(0)); }", "size argument `x.Size(0)` must be a plain name that the pattern uses; pass `B`")]
    [InlineData("    private readonly Weight k = new([1, H, D], Inits.Ones);\n    [Graph] [return: Shape(\"B H D\")] public Sym F([Shape(\"B D\")] Sym x) => k.Value.Expand(\"1 H D -> B H D\", x.Size(0));", "size argument `x.Size(0)` must be a plain name that the pattern uses; give it a name: `var B = x.Size(0);`")]
    [InlineData("    private int E => D / H;\n    [Graph] [return: Shape(\"B H T E\")] public Sym F([Shape(\"B T D\")] Sym x) => x.Rearrange(\"B T (h E) -> B h T E\");", "the specification cannot run \"(h E)\": h and E are both unknown to the value; pass one: Rearrange(\"…\", E)")]
    [InlineData("    [Graph] [return: Shape(\"B H D H\")] public Sym F([Shape(\"B H*H D\")] Sym x) => x.Rearrange(\"B (H H') D -> B H D H'\");", "the specification cannot run \"(H H')\": H is unknown to the value; pass it: Rearrange(\"…\", H)")]
    [InlineData("    private readonly Weight k = new([1, H, D], Inits.Ones);\n    [Graph] [return: Shape(\"B T D\")] public Sym F([Shape(\"B T D\")] Sym x) => Two(k, x);\n    [Graph] [return: Shape(\"B M D\")] public Sym Two([Shape(\"B T D\")] Sym x, [Shape(\"B M D\")] Sym y) => x.Mean(\"B [T] D\", keep: true) + y;", "axis 0 of `x` has size B, but y of Two wants 1, the size of B in `k` (B M D)")]
    [InlineData("    [Graph] [return: Shape(\"B 3 T\")] public Sym F([Shape(\"B 3 T\")] Sym x, [Shape(\"B H\")] Sym y) => x + y;", "`x + y`: B 3 T and B H have no common reading")]
    public void A_message_says_where_a_size_comes_from_and_what_to_write(string body, string message)
        => Assert.Equal(message, Assert.Single(AuthorSource.Diagnose(AuthorSource.Module(body, attributes: "[Require(\"D % H == 0\")]"))).GetMessage());

    [Fact]
    public void A_wrong_call_points_at_the_contract_and_at_the_construction()
    {
        const string source = """
            using SemAim.Dsl;
            namespace Test;
            [Module] public sealed partial class Inner(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym Forward([Shape("B T D")] Sym x) => x * D; }
            [Module] public sealed partial class Outer(int D) : GraphModule
            {
                private readonly Inner inner = new(2 * D);
                [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => inner.Forward(x);
            }
            """;

        var only = Assert.Single(AuthorSource.Diagnose(source));

        Assert.Equal(["\"B T D\"", "new(2 * D)"], only.AdditionalLocations.Select(l => l.SourceTree!.GetText().ToString(l.SourceSpan)));
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex("`(\\S+\\.manifest\\.json)`:\n\n```json\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Manifest();
}
