using static SemAim.Generators.Tests.AuthorSource;

namespace SemAim.Generators.Tests;

/// <summary>Declared facts are what a proof may use; what follows from none is asked for, never assumed.</summary>
public sealed class RelationTests
{
    private const string Head = "    [Graph] [return: Shape(\"B T D\")] public Sym Run([Shape(\"B T D\")] Sym x) ";

    [Theory]
    [InlineData("int D, int F, int R", "[Require(\"4*F == D*R\")]", "    [Graph] [return: Shape(\"B 4*F\")] public Sym Run([Shape(\"B D R\")] Sym x) => x.Rearrange(\"B D R -> B (D R)\");")]
    [InlineData("int D, int F", "[Require(\"D == 2*F\")]", "    private readonly Linear fc = new(2 * F, D);\n    [Graph] [return: Shape(\"B 2*F\")] public Sym Run([Shape(\"B D\")] Sym x) => fc.Forward(x);")]
    [InlineData("int D, int H", "[Require(\"D % H == 0\")] [Require(\"D % 4 == 0\")]", "    private int Q => D / 4;\n    [Graph] [return: Shape(\"B 4*Q\")] public Sym Run([Shape(\"B D\")] Sym x) => x.Gelu();")]
    [InlineData("int N, int K", "[Require(\"K <= N\")]", "    [Graph] [return: Shape(\"B K\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [..K]\", K];")]
    [InlineData("int N, int K", "[Require(\"N - K >= 0\")]", "    [Graph] [return: Shape(\"B K\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [..K]\", K];")]
    [InlineData("int N, int K", "[Require(\"K < N\")]", "    [Graph] [return: Shape(\"B\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [K]\", K];")]
    [InlineData("int D, int L, int Q", "[Require(\"Q <= L\")]", "    private readonly Repeat<Linear> fcs = new(L, i => new Linear(D, D));\n    [Graph] [return: Shape(\"B D\")] public Sym Run([Shape(\"B D\")] Sym x) { for (var i = 0; i < Q; i++) x = fcs[i].Forward(x); return x; }")]
    [InlineData("int D, int L, int K", "[Require(\"L == 2*K\")]", "    private readonly Repeat<Linear> fcs = new(L, i => new Linear(D, D));\n    [Graph] [return: Shape(\"B D\")] public Sym Run([Shape(\"B D\")] Sym x) { for (var i = 0; i < K; i++) { x = fcs[2 * i].Forward(x); x = fcs[2 * i + 1].Forward(x); } return x; }")]
    public void A_declared_relation_is_a_proof(string sizes, string facts, string body)
    {
        Assert.Empty(Diagnose(Module(body, sizes, facts)));
    }

    [Theory]
    [InlineData("int N, int K", "", "    [Graph] [return: Shape(\"B K\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [..K]\", K];", "SEM0121", "[..K]")]
    [InlineData("int N, int K", "[Require(\"K <= N\")]", "    [Graph] [return: Shape(\"B\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [K]\", K];", "SEM0207", "[K]")]
    [InlineData("int D, int F, int R", "[Require(\"4*F == D*R\")]", "    [Graph] [return: Shape(\"B 2*F\")] public Sym Run([Shape(\"B D R\")] Sym x) => x.Rearrange(\"B D R -> B (D R)\");", "SEM0206", null)]
    [InlineData("int D, int L, int Q", "", "    private readonly Repeat<Linear> fcs = new(L, i => new Linear(D, D));\n    [Graph] [return: Shape(\"B D\")] public Sym Run([Shape(\"B D\")] Sym x) { for (var i = 0; i < Q; i++) x = fcs[i].Forward(x); return x; }", "SEM0304", "fcs[i]")]
    [InlineData("int A, int C", "[Require(\"A*A == C*C\")]", "    [Graph] [return: Shape(\"B C\")] public Sym Run([Shape(\"B A\")] Sym x) => x.Gelu();", "SEM0121", null)]
    public void What_no_relation_proves_is_refused(string sizes, string facts, string body, string id, string? token)
    {
        var only = Assert.Single(Diagnose(Module(body, sizes, facts)));

        Assert.Equal(id, only.Id);
        if (token is not null) Assert.Equal(token, Token(only));
    }

    [Theory]
    [InlineData("=> x.Rearrange(\"B T (H E) -> B H T E\").Rearrange(\"B H T E -> B T (H E)\");", "SEM0216", "(H E)")]
    [InlineData("=> x.Rearrange(\"B T (H e) -> B T (e H)\");", "SEM0216", "(H e)")]
    [InlineData("=> x.Rearrange(\"B T (H E) -> B T (E H)\", D / H);", "SEM0217", "D / H")]
    [InlineData("=> x.Rearrange(\"B T (H E) -> B T (E H)\", 4);", "SEM0217", "4")]
    [InlineData("=> x.Rearrange(\"B T D -> B T D\", H);", "SEM0217", "H")]
    [InlineData("=> x + x[\"B [..1] D\"].Expand(\"B 1 D -> B H D\")[\"B [..1] D\"];", "SEM0216", "H")]
    public void The_specification_must_be_able_to_run(string body, string id, string token)
    {
        var only = Assert.Single(Diagnose(Module("    private int E => D / H;\n" + Head + body, attributes: "[Require(\"D % H == 0\")]")));

        Assert.Equal(id, only.Id);
        Assert.Equal(token, Token(only));
    }

    [Fact]
    public void A_superfluous_size_argument_that_agrees_is_silent()
    {
        Assert.Empty(Diagnose(Module("    private int E => D / H;\n" + Head + "{ var e = D / H; return x.Rearrange(\"B T (H E) -> B T (E H)\", H, E).Rearrange(\"B T (e H) -> B T (H e)\", e); }", attributes: "[Require(\"D % H == 0\")]")));
    }

    [Fact]
    public void Modules_that_construct_each_other_are_refused_once_where_the_circle_closes()
    {
        const string source = """
            using SemAim.Dsl;
            namespace Test;
            [Module] public sealed partial class Block(int D) : GraphModule
            {
                private readonly Mlp mlp = new(D);
                [Graph] [return: Shape("B D")] public Sym Forward([Shape("B D")] Sym x) => mlp.Forward(x);
            }
            [Module] public sealed partial class Mlp(int D) : GraphModule
            {
                private readonly Block block = new(D);
                [Graph] [return: Shape("B D")] public Sym Forward([Shape("B D")] Sym x) => block.Forward(x);
            }
            """;

        var only = Assert.Single(Diagnose(source));

        Assert.Equal("SEM0302", only.Id);
        Assert.Equal("module cycle: Block → Mlp → Block", only.GetMessage());
        Assert.Equal(9, only.Location.GetLineSpan().StartLinePosition.Line);
    }

    [Fact]
    public void A_layer_that_no_graph_reads_is_warned_of_at_its_name()
    {
        var only = Assert.Single(Diagnose(Module("    private readonly LayerNorm norm1 = new(D);\n    private readonly LayerNorm norm3 = new(D);\n" + Head + "=> norm1.Forward(x);")));

        Assert.Equal(("SEM0103", "norm3"), (only.Id, Token(only)));
        Assert.Equal(Microsoft.CodeAnalysis.DiagnosticSeverity.Warning, only.Severity);
    }
}
