namespace SemAim.Models.Tests.Passes;

/// <summary>What is the same in every round is done before the loop.</summary>
public sealed class HoistInvariantsTests : PassTests
{
    [Fact]
    public void Views_of_weights_and_casts_leave_the_loop()
    {
        var code = Body(Check("    private readonly Weight table = new([1, 5, D], Inits.Ones);\n    private readonly Linear fc = new(D, D);\n"
            + "    [Graph] [return: Shape(\"B 4 D\")] public Sym Go([Shape(\"B 4 D\")] Sym x) { var y = x; for (var i = 0; i < H; i++) y = y + fc.Forward(x) + table.Value[\"1 [1..] D\"]; return y; }", "int D, int H", [4, 3], () => [Comparison.Input(2, 4, 4)]));

        var loop = code.IndexOf("for (int i", StringComparison.Ordinal);
        Assert.InRange(code.IndexOf("Kernels.Lower(x", StringComparison.Ordinal), 0, loop);
        Assert.InRange(code.IndexOf("table.Tensor.narrow", StringComparison.Ordinal), 0, loop);
    }

    [Fact]
    public void What_depends_on_the_round_stays()
    {
        var code = Body(Check("    private readonly Repeat<Linear> fcs = new(H, i => new(D, D));\n"
            + "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) { var y = x; for (var i = 0; i < H; i++) y = y + fcs[i].Forward(x); return y; }", "int D, int H", [4, 3], () => [Comparison.Input(2, 4)]));

        Assert.True(code.IndexOf("Kernels.Lower(x, fcs[i]", StringComparison.Ordinal) > code.IndexOf("for (int i", StringComparison.Ordinal));
    }
}
