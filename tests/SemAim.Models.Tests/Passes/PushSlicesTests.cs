namespace SemAim.Models.Tests.Passes;

/// <summary>Rows that nobody reads are not computed.</summary>
public sealed class PushSlicesTests : PassTests
{
    private const string Layers = "    private readonly LayerNorm norm = new(D);\n    private readonly Linear fc = new(D, H);\n";

    [Fact]
    public void A_slice_moves_up_to_the_value_it_cuts()
    {
        var code = Body(Check(Layers + "    [Graph] [return: Shape(\"B H\")] public Sym Go([Shape(\"B T D\")] Sym x) => (fc.Forward(norm.Forward(x)).Gelu() + 1.0)[\"B [0] H\"];", "int D, int H", [4, 3], () => [Comparison.Input(2, 5, 4)]));

        Assert.True(code.IndexOf(".select(1, 0)", StringComparison.Ordinal) < code.IndexOf("LayerNorm", StringComparison.Ordinal), code);
    }

    [Fact]
    public void A_slice_of_a_sum_cuts_both_operands_but_not_what_is_repeated()
    {
        var code = Body(Check("    private readonly Weight bias = new([1, 1, D], Inits.Ones);\n    [Graph] [return: Shape(\"B 2 D\")] public Sym Go([Shape(\"B 5 D\")] Sym x, [Shape(\"B 5 D\")] Sym y) => (x.Tanh() + y + bias)[\"B [1..3] D\"];", "int D, int H", [4, 3], () => [Comparison.Input(2, 5, 4), Comparison.Input(2, 5, 4)]));

        Assert.Equal(2, Count(code, ".narrow(1, 1, 2)"));
        Assert.DoesNotContain("bias.Tensor.narrow", code);
    }

    [Fact]
    public void A_slice_that_takes_one_operand_of_a_concat_is_that_operand()
    {
        var code = Body(Check("    private readonly Weight cls = new([1, 1, D], Inits.Ones);\n    [Graph] [return: Shape(\"B N D\")] public Sym Go([Shape(\"B N D\")] Sym x) { var B = x.Size(0); return Concat(\"B [t] D\", cls.Value.Expand(\"1 1 D -> B 1 D\", B), x.Tanh())[\"B [1..] D\"].Gelu(); }", "int D, int H", [4, 3], () => [Comparison.Input(2, 5, 4)]));

        Assert.DoesNotContain("torch.cat", code);
    }

    [Theory]
    [InlineData("{ var y = fc.Forward(x); return y[\"B [0] H\"] + y[\"B [1] H\"]; }", "B H")]
    [InlineData("=> x.Softmax(\"B [t] D\")[\"B [0] D\"];", "B D")]
    public void What_is_read_otherwise_or_depends_on_its_neighbours_stays(string body, string shape)
    {
        var code = Body(Check(Layers + $"    [Graph] [return: Shape(\"{shape}\")] public Sym Go([Shape(\"B 5 D\")] Sym x) " + body, "int D, int H", [4, 3], () => [Comparison.Input(2, 5, 4)]));

        Assert.DoesNotContain("x.select", code);
    }
}
