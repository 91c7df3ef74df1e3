using Microsoft.CodeAnalysis.CSharp;
using static SemAim.Generators.Tests.AuthorSource;

namespace SemAim.Generators.Tests;

/// <summary>Short right and wrong sources.</summary>
public sealed class LanguageTests
{
    private const string Head = "    [Graph] [return: Shape(\"B T D\")] public Sym Run([Shape(\"B T D\")] Sym x) ";

    [Theory]
    [InlineData("{ while (x.Size(0) > 1) { } return x; }", "SEM0020", "while")]
    [InlineData("{ Console.WriteLine(1); return x; }", "SEM0021", "Console.WriteLine")]
    [InlineData("{ return x.Value.dim() > 2 ? x : x; }", "SEM0020", null)]
    [InlineData("=> x.Softmax(\"B T D\");", "SEM0031", "B T D")]
    [InlineData("=> x.Softmax(\"B [H] D\");", "SEM0201", "[H]")]
    [InlineData("=> x.Rearrange(\"B T (H e) -> B T e\");", "SEM0212", "H")]
    [InlineData("=> x.Rearrange(\"B T (a b) -> B T (b a)\");", "SEM0211", "(a b)")]
    [InlineData("=> x.Rearrange(\"B (4 e) D -> B (e 4) D\");", "SEM0210", "(4 e)")]
    [InlineData("=> x + x[\"B [0] D\"];", "SEM0204", null)]
    [InlineData("=> x.Expand(\"B T D -> B H D\", H);", "SEM0218", "H")]
    [InlineData("=> Run(x);", "SEM0024", "Run(x)")]
    public void What_is_wrong_is_refused_at_its_token(string body, string id, string? token)
    {
        var found = Diagnose(Module(Head + body));

        var only = Assert.Single(found);
        Assert.Equal(id, only.Id);
        if (token is not null) Assert.Equal(token, Token(only));
    }

    [Theory]
    [InlineData("{ var y = x * 2 + 1; y += x; return -y / 3; }")]
    [InlineData("{ var B = x.Size(0); return x[\"B [..1] D\"].Mean(\"B [t] D\", keep: true).Expand(\"B 1 D -> B 1 D\") + x - x.Detach(); }")]
    [InlineData("{ for (var i = 0; i < H; i++) x = x.Gelu(); for (var i = 0; i <= 3; i++) x = x.Relu(); return x; }")]
    [InlineData("=> x.Rearrange(\"B T D -> T B D\").Rearrange(\"T B D -> B T D\");")]
    [InlineData("=> Einsum(\"B T D, B T D -> B T D\", x, x).Softmax(\"B [T] D\");")]
    [InlineData("=> Concat(\"B [T] D\", x[\"B [..1] D\"], x[\"B [1..] D\"]);")]
    public void What_is_right_is_accepted(string body)
    {
        Assert.Empty(Diagnose(Module(Head + body)));
    }

    [Fact]
    public void A_size_that_need_not_be_whole_asks_for_a_requirement()
    {
        var only = Assert.Single(Diagnose(Module("    private int E => D / H;\n" + Head + "=> x.Rearrange(\"B T (H E) -> B T (H E)\", H);")));

        Assert.Equal("SEM0120", only.Id);
        Assert.Contains("[Require(\"D % H == 0\")]", only.GetMessage());
    }

    [Theory]
    [InlineData("", "B N+1 D", ". Drop the class token with [\"B [1..] D\"]?")]
    [InlineData("    private int T => N + 1;\n", "B T D", ". T is N + 1: drop the class token with [\"B [1..] D\"]?")]
    public void A_kept_class_token_is_told_without_saying_the_same_twice(string member, string given, string told)
    {
        var found = Diagnose($$"""
            using SemAim.Dsl;
            namespace Test;
            [Module] public sealed partial class Kept(int D, int N) : GraphModule
            {
                {{member}}
                private readonly Linear fc = new(D, D);
                [Graph] [return: Shape("B N D")] public Sym Run([Shape("{{given}}")] Sym x) => fc.Forward(x);
            }
            """);

        Assert.EndsWith(told, Assert.Single(found).GetMessage());
    }

    [Fact]
    public void A_module_with_errors_causes_no_other_error()
    {
        var found = Diagnose(Module("    private readonly Linear fc = new(D, H);\n" + Head + "=> fc.Forward(x);\n    public Sym Twice(Sym x) => Run(Run(x));"));

        Assert.Equal(["SEM0206"], found.Select(d => d.Id));
    }

    [Fact]
    public void Global_usings_of_the_author_do_not_reach_into_generated_code()
    {
        const string globals = "global using Guard = Elsewhere.Guard; global using Tensor = Elsewhere.Tensor; global using torch = Elsewhere.Tensor; global using Elsewhere; namespace Elsewhere { public class Guard; public class Tensor; public class Kernels; public class Number; public class Draws; }";
        const string bare = "using SemAim.Dsl;\n[Module] public sealed partial class Bare(int D) : GraphModule { private readonly Linear fc = new(D, D); [Graph(Capture = true)] [return: Shape(\"B D\")] public Sym Run([Shape(\"B D\")] Sym x) => fc.Forward(x).DropPath(0.1).Gelu(); }";

        var found = AuthorSource.Diagnose([("Net.cs", Module("    private readonly Linear fc = new(D, D);\n" + Head + "=> fc.Forward(x).DropPath(0.5) * 2;")), ("Bare.cs", bare), ("Globals.cs", globals)]);

        Assert.Empty(found.Select(f => f.ToString()));
    }

    [Fact]
    public void A_module_without_a_namespace_is_written_in_short_words_where_they_are_free()
    {
        var bare = AuthorSource.Module("    private readonly Linear fc = new(D, D);\n" + Head + "=> fc.Forward(x);").Replace("namespace Test;", "", StringComparison.Ordinal);

        var written = CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(AuthorSource.Compilation([("Net.cs", bare)])).GetRunResult().Results[0].GeneratedSources.Single().SourceText.ToString();

        Assert.Contains(" = Kernels.Linear(", written);
        Assert.Empty(AuthorSource.Diagnose(bare));
    }
}
