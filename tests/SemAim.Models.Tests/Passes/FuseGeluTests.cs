namespace SemAim.Models.Tests.Passes;

/// <summary>A GELU that one dense layer alone reads is part of that product.</summary>
public sealed class FuseGeluTests : PassTests
{
    private const string Layers = "    private readonly Linear up = new(D, 2 * D), down = new(2 * D, D);\n";
    private const string Head = "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) ";

    private static object[] Values() => [Comparison.Input(3, 4)];

    [Fact]
    public void Read_by_one_layer_it_joins_it()
    {
        var code = Body(Check(Layers + Head + "=> down.Forward(up.Forward(x).Gelu());", "int D", [4], Values));

        Assert.Contains("Kernels.GeluLinear(", code);
        Assert.DoesNotContain("Functional.gelu", code);
    }

    [Theory]
    [InlineData("{ var h = up.Forward(x).Gelu(); return down.Forward(h) + h[\"B [..D]\", D]; }")]
    [InlineData("=> down.Forward(up.Forward(x).Relu());")]
    [InlineData("{ var h = up.Forward(x).Gelu(); var y = x; for (var i = 0; i < 2; i++) y = y + down.Forward(h); return y; }")]
    public void Read_elsewhere_in_a_loop_or_another_function_it_stays(string body)
    {
        var code = Body(Check(Layers + Head + body, "int D", [4], Values));

        Assert.DoesNotContain("GeluLinear", code);
    }

    [Fact]
    public void Left_out_the_function_is_a_line_of_its_own()
    {
        var code = Body(Check(Layers + Head + "=> down.Forward(up.Forward(x).Gelu());", "int D", [4], Values, "", ("SemAimWithoutPass", "FuseGelu")));

        Assert.Contains("Functional.gelu(", code);
    }
}
