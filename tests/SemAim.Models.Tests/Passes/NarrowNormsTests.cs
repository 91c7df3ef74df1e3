namespace SemAim.Models.Tests.Passes;

/// <summary>A layer normalisation that products alone read gives its result in their type.</summary>
public sealed class NarrowNormsTests : PassTests
{
    private const string Layers = "    private readonly LayerNorm norm = new(D);\n    private readonly Linear up = new(D, D), down = new(D, D);\n    private readonly Repeat<Linear> more = new(2, i => new Linear(D, D));\n";

    private static object[] Values() => [Comparison.Input(3, 4)];

    private static string Graph(string body, params (string, string)[] properties)
        => Body(Check(Layers + "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) " + body, "int D", [4], Values, "", properties));

    [Theory]
    [InlineData("=> up.Forward(norm.Forward(x));")]
    [InlineData("{ var y = norm.Forward(x); return up.Forward(y) + down.Forward(y) * more[0].Forward(y); }")]
    [InlineData("{ var y = norm.Forward(x); for (var i = 0; i < 2; i++) x = x + more[i].Forward(y); return x; }")]
    public void Read_by_layers_alone_it_is_narrow(string body) => Assert.Contains("Kernels.NarrowLayerNorm(x, norm)", Graph(body));

    [Theory]
    [InlineData("=> norm.Forward(x);")]
    [InlineData("{ var y = norm.Forward(x); return y + up.Forward(y); }")]
    [InlineData("{ var y = norm.Forward(x); return y.Mean(\"B [D]\", keep: true) * up.Forward(y); }")]
    [InlineData("{ var y = norm.Forward(x); for (var i = 0; i < 2; i++) y = more[i].Forward(y); return y; }")]
    public void What_anything_else_reads_or_a_loop_carries_stays_wide(string body)
    {
        var code = Graph(body);

        Assert.Contains("Kernels.LayerNorm(x, norm)", code);
        Assert.DoesNotContain("Narrow", code);
    }

    [Fact]
    public void Left_out_no_normalisation_is_narrow()
        => Assert.DoesNotContain("Narrow", Graph("=> up.Forward(norm.Forward(x));", ("SemAimWithoutPass", "NarrowNorms")));

    [Fact]
    public void A_callee_that_hands_its_argument_to_layers_alone_says_so()
    {
        var block = typeof(Block).Assembly.GetType("SemAim.Models.SelfAttention")!.GetCustomAttributes(typeof(Dsl.GraphSummaryAttribute), false).Cast<Dsl.GraphSummaryAttribute>().ToDictionary(a => a.Graph);

        Assert.Equal("x", block["Forward"].LoweredArguments);
        Assert.Equal("query memory", block["Cross"].LoweredArguments);
        Assert.Equal("", typeof(Block).GetCustomAttributes(typeof(Dsl.GraphSummaryAttribute), false).Cast<Dsl.GraphSummaryAttribute>().First(a => a.Graph == "Forward").LoweredArguments);
    }
}
