namespace SemAim.Models.Tests.Passes;

/// <summary>What is repeated is computed once.</summary>
public sealed class SinkBroadcastsTests : PassTests
{
    [Fact]
    public void Layers_run_before_the_expansion()
    {
        var code = Body(Check("    private readonly Weight table = new([1, 5, D], Inits.Ones);\n    private readonly LayerNorm norm = new(D);\n    private readonly Linear fc = new(D, H);\n"
            + "    [Graph] [return: Shape(\"B 5 H\")] public Sym Go([Shape(\"B D\")] Sym x) { var B = x.Size(0); return fc.Forward(norm.Forward(table.Value.Expand(\"1 5 D -> B 5 D\", B))).Gelu() * x.Mean(); }", "int D, int H", [4, 3], () => [Comparison.Input(2, 4)]));

        Assert.True(code.IndexOf("linear", StringComparison.Ordinal) < code.IndexOf(".expand(", StringComparison.Ordinal), code);
    }

    [Fact]
    public void What_broadcasts_by_itself_is_not_expanded()
    {
        var code = Body(Check("    private readonly Weight table = new([1, 5, D], Inits.Ones);\n    [Graph] [return: Shape(\"B 5 D\")] public Sym Go([Shape(\"B 5 D\")] Sym x) { var B = x.Size(0); return x + table.Value.Expand(\"1 5 D -> B 5 D\", B); }", "int D, int H", [4, 3], () => [Comparison.Input(2, 5, 4)]));

        Assert.DoesNotContain("expand", code);
    }
}
