namespace SemAim.Models.Tests.Passes;

/// <summary>Private graphs are read where they are called, so that what is common to both sides of the border is common.</summary>
public sealed class InlinePrivateGraphsTests : PassTests
{
    private const string Source = "    private readonly LayerNorm norm = new(D);\n    private readonly Linear fc = new(D, D);\n"
        + "    [Graph] [return: Shape(\"B T D\")] private Sym Half([Shape(\"B T D\")] Sym x) => fc.Forward(norm.Forward(x));\n"
        + "    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x) => Half(x) * norm.Forward(x);";

    private static object[] Values() => [Comparison.Input(2, 3, 4)];

    [Fact]
    public void What_both_sides_of_the_border_compute_is_computed_once()
    {
        var code = Check(Source, "int D", [4], Values);

        Assert.Equal(1, Count(Body(code), "Kernels.LayerNorm("));
        Assert.DoesNotContain("__Half", code);
    }

    [Fact]
    public void A_mask_that_is_not_passed_chooses_its_branch()
    {
        const string body = "    private readonly Linear fc = new(D, D);\n    [Graph] [return: Shape(\"B T D\")] private Sym Half([Shape(\"B T D\")] Sym x, [Shape(\"B T T\")] OrderMask? mask = null) { if (mask is not null) x = x.Gelu(); return fc.Forward(x); }\n"
            + "    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x) => Half(Half(x));";
        var code = Body(Check(body, "int D", [4], Values));

        Assert.DoesNotContain("if (", code);
        Assert.Equal(2, Count(code, "Kernels.Linear("));
    }

    [Fact]
    public void Left_out_it_is_a_method_of_its_own()
    {
        var code = Check(Source, "int D", [4], Values, "", ("SemAimWithoutPass", "InlinePrivateGraphs"));

        Assert.Contains("internal Tensor __Half(", code);
        Assert.Contains("__Half(x, B, T)", Body(code));
    }

    // one that calls another, one in a loop, one that hands through what it gets, a tuple with the same value twice, one without values
    private const string Nested = "    private readonly LayerNorm norm = new(D);\n    private readonly Linear fc = new(D, D);\n    private readonly Weight bias = new([D], Inits.Normal(0.02));\n"
        + "    [Graph] [return: Shape(\"D\")] private Sym Bias() => bias.Value * 2;\n"
        + "    [Graph] [return: Shape(\"B T D\")] private Sym Same([Shape(\"B T D\")] Sym x) => x;\n"
        + "    [Graph] [return: Shape(\"B T D\")] private Sym Inner([Shape(\"B T D\")] Sym x) => fc.Forward(Same(x)) + Bias();\n"
        + "    [Graph] [return: Shape(\"B T D\", \"B T D\", \"B T D\")] private (Sym, Sym, Sym) Three([Shape(\"B T D\")] Sym x) { var y = Inner(norm.Forward(x)); return (y, x, y); }\n"
        + "    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x)\n    {\n        for (var i = 0; i < 3; i++) x = x + Inner(x);\n        var (a, b, c) = Three(Same(x));\n        return a + b * c + Same(x);\n    }";

    [Theory]
    [InlineData("")]
    [InlineData("InlinePrivateGraphs")]
    public void Graphs_in_graphs_give_the_specifications_numbers(string without)
    {
        var code = Check(Nested, "int D", [4], Values, "", ("SemAimWithoutPass", without));

        foreach (var name in new[] { "__Same(", "__Inner(", "__Three(" }) Assert.Equal(without.Length > 0, code.Contains(name, StringComparison.Ordinal));
        Assert.DoesNotContain("__Bias(", code);
    }
}
