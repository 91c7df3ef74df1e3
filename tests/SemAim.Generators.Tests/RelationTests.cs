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

    [Theory]
    // refuted by the smallest sizes there are
    [InlineData("int N, int K", "", "    [Graph] [return: Shape(\"B K\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [..K]\", K];", "cannot prove N >= K (N = 1, K = 2: 1 is less than 2); if it always holds, add [Require(\"N >= K\")]", "[Require(\"N >= K\")]")]
    [InlineData("int N, int K", "[Require(\"N % 2 == 0\")]", "    [Graph] [return: Shape(\"B K\")] public Sym Run([Shape(\"B N\")] Sym x) => x[\"B [..K]\", K];", "cannot prove N >= K (N = 2, K = 3: 2 is less than 3); if it always holds, add [Require(\"N >= K\")]", "[Require(\"N >= K\")]")]
    [InlineData("int S, int K, int D", "", "    private readonly Conv2d c = new(3, D, kernel: K, stride: 1);\n    [Graph] [return: Shape(\"B D S-K+1 S-K+1\")] public Sym Run([Shape(\"B 3 S S\")] Sym x) => c.Forward(x);", "cannot prove S >= K (S = 1, K = 2: 1 is less than 2); if it always holds, add [Require(\"S >= K\")]", "[Require(\"S >= K\")]")]
    [InlineData("int D", "", "    private readonly Conv2d c = new(3, D, kernel: 3, stride: 1);\n    [Graph] [return: Shape(\"B D Y-2 4\")] public Sym Run([Shape(\"B 3 Y 6\")] Sym x) => c.Forward(x);", "cannot prove Y >= 3 (Y = 1: 1 is less than 3); Y is bound at the call: make it a size of the module and promise it with [Require]", null)]
    // not refuted anywhere
    [InlineData("int A, int C", "[Require(\"A*A == C*C\")]", "    [Graph] [return: Shape(\"B C\")] public Sym Run([Shape(\"B A\")] Sym x) => x.Gelu();", "cannot prove A == C (equal for 16 random sizes); if it always holds, add [Require(\"A == C\")]", "[Require(\"A == C\")]")]
    [InlineData("int A, int C", "[Require(\"A*A == C*C\")]", "    [Graph] [return: Shape(\"B C\")] public Sym Run([Shape(\"B A\")] Sym x) => x.Gelu();\n    [Variant(\"small\")] public static Net Small() => new(4, 4);\n    [Variant(\"large\")] public static Net Large() => new(9, 9);", "cannot prove A == C (equal for small, large and 16 random sizes); if it always holds, add [Require(\"A == C\")]", "[Require(\"A == C\")]")]
    [InlineData("int A, int C", "[Require(\"A*A == C*C\")] [Require(\"A > 1000\")]", "    [Graph] [return: Shape(\"B C\")] public Sym Run([Shape(\"B A\")] Sym x) => x.Gelu();", "cannot prove A == C (no small sizes were found for which all [Require] hold); if it always holds, add [Require(\"A == C\")]", "[Require(\"A == C\")]")]
    public void Where_nothing_decides_the_message_says_where_it_was_tried(string sizes, string facts, string body, string message, string? fix)
    {
        var only = Assert.Single(Diagnose(Module(body, sizes, facts)));

        Assert.Equal(("SEM0121", message), (only.Id, only.GetMessage()));
        Assert.Equal(fix, only.Properties.GetValueOrDefault("fix"));
    }

    [Fact]
    public void Where_relations_hide_a_difference_the_smallest_sizes_show_it()
    {
        var only = Assert.Single(Diagnose(Module("    [Graph] [return: Shape(\"B 2*F\")] public Sym Run([Shape(\"B D R\")] Sym x) => x.Rearrange(\"B D R -> B (D R)\");", "int D, int F, int R", "[Require(\"4*F == D*R\")]")));

        Assert.Equal("SEM0206", only.Id);
        Assert.Contains("D = 2, F = 1, R = 2: 4 is not 2", only.GetMessage());
    }

    [Theory]
    [InlineData("int S, int P", "[Require(\"S % P == 0\")]", "    private int G => S / P;\n    private readonly Conv2d c = new(3, 8, kernel: P, stride: P);\n    [Graph] [return: Shape(\"B 8 G G\")] public Sym Run([Shape(\"B 3 S S\")] Sym x) => c.Forward(x);")]
    [InlineData("int S, int D", "[Require(\"S >= 3\")]", "    private readonly Conv2d c = new(3, D, kernel: 3, stride: 1);\n    [Graph] [return: Shape(\"B D S-2 S-2\")] public Sym Run([Shape(\"B 3 S S\")] Sym x) => c.Forward(x);")]
    [InlineData("int D, int K", "", "    private readonly Conv2d c = new(3, D, kernel: K, stride: 1);\n    [Graph] [return: Shape(\"B D 1 K+1\")] public Sym Run([Shape(\"B 3 K 2*K\")] Sym x) => c.Forward(x);")]
    public void A_convolution_that_always_has_room_is_right(string sizes, string facts, string body)
    {
        Assert.Empty(Diagnose(Module(body, sizes, facts)));
    }

    [Theory]
    [InlineData("int D", "    private readonly Conv2d c = new(3, D, kernel: 7, stride: 1);\n    [Graph] [return: Shape(\"B D 2 2\")] public Sym Run([Shape(\"B 3 4 4\")] Sym x) => c.Forward(x);", "axis 2 of `x` has size 4, less than the kernel 7 of c")]
    [InlineData("int S, int K", "    private readonly Conv2d c = new(3, 8, kernel: K, stride: 1);\n    [Graph] [return: Shape(\"B 8 S-K+1 S-K+1\")] public Sym Run([Shape(\"B 3 S S\")] Sym x) => c.Forward(x);\n    [Variant(\"tiny\")] public static Net Tiny() => new(8, 16);", "axis 2 of `x` has size S, less than the kernel K of c; tiny: 8 is less than 16")]
    public void A_convolution_over_less_than_its_kernel_is_refused_at_the_argument(string sizes, string body, string message)
    {
        var only = Assert.Single(Diagnose(Module(body, sizes)));

        Assert.Equal(("SEM0201", "x", message), (only.Id, Token(only), only.GetMessage()));
    }

    [Fact]
    public void One_missing_promise_is_asked_for_once()
    {
        var only = Assert.Single(Diagnose(Module("    private int E => D / H;\n    private readonly Linear fc = new(D, D / H);\n    [Graph] [return: Shape(\"B T\")] public Sym Run([Shape(\"B T D\")] Sym x) { var e = D / H; return fc.Forward(x).Sum(\"B T [e]\"); }")));

        Assert.Equal("SEM0120", only.Id);
    }

    [Fact]
    public void A_size_argument_means_what_it_is_not_what_would_fit()
    {
        // K is 4 whatever H is; the specification would cut D into 4 parts
        var only = Assert.Single(Diagnose(Module("    private const int K = 4;\n    private int E => D / H;\n    [Graph] [return: Shape(\"B H E\")] public Sym Run([Shape(\"B D\")] Sym x) => x.Rearrange(\"B (K E) -> B K E\", K);", attributes: "[Require(\"D % H == 0\")]")));

        Assert.Equal(("SEM0201", "(K E)"), (only.Id, Token(only)));
    }

    [Fact]
    public void An_index_in_a_loop_is_judged_at_its_worst_round()
    {
        const string before = "    [Graph] [return: Shape(\"B D\")] public Sym Run([Shape(\"B H D\")] Sym x) { var s = x[\"B [0] D\"]; for (var i = 0; i < H; i++) { var j = i - 1; s = s + x[\"B [j] D\", j]; } return s; }";

        Assert.Equal("SEM0207", Assert.Single(Diagnose(Module(before))).Id);
        Assert.Empty(Diagnose(Module(before.Replace("i - 1", "H - 1 - i"))));
    }
}
