namespace SemAim.Models.Tests.Passes;

/// <summary>What no result needs is not computed, unless it takes a row of the draws.</summary>
public sealed class DeadCodeTests : PassTests
{
    private const string Layers = "    private readonly Linear fc = new(D, D), other = new(D, D);\n";
    private const string Head = "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) ";
    private const string Used = "    [Graph] [return: Shape(\"B D\")] public Sym Second([Shape(\"B D\")] Sym x) => other.Forward(x);\n";

    private static object[] Values() => [Comparison.Input(3, 4)];

    [Fact]
    public void A_value_that_nobody_reads_is_not_made()
    {
        var code = Body(Check(Layers + Used + Head + "{ var map = other.Forward(x).Softmax(\"B [D]\"); return fc.Forward(x); }", "int D", [4], Values));

        Assert.DoesNotContain("other", code);
        Assert.DoesNotContain("softmax", code);
    }

    [Fact]
    public void Of_a_pair_the_half_that_is_not_taken_stays_behind()
    {
        var code = Body(Check("    private readonly Linear fc = new(D, 2 * D);\n" + Head + "{ var (a, b) = fc.Forward(x).Split(\"B (2 D) -> 2 B D\"); return a; }", "int D", [4], Values));

        Assert.Equal(1, Count(code, ".select("));
    }

    [Fact]
    public void What_a_loop_carries_for_nobody_is_not_carried()
    {
        var code = Body(Check(Layers + Used + Head + "{ var (y, z) = (x, x); for (var i = 0; i < 3; i++) y = fc.Forward(y); for (var i = 0; i < 3; i++) z = other.Forward(z); return y; }", "int D", [4], Values));

        Assert.DoesNotContain("other", code);
    }

    [Fact]
    public void A_draw_keeps_its_row()
    {
        var code = Check(Layers + Used + Head + "{ var y = x.DropPath(rate); return fc.Forward(x); }", "int D, double rate", [4, 0.5], Values);

        Assert.Equal(1, Count(code, "Kernels.DropPath("));
    }

    [Fact]
    public void Left_out_all_of_it_runs()
    {
        var code = Body(Check(Layers + Used + Head + "{ var map = other.Forward(x).Softmax(\"B [D]\"); return fc.Forward(x); }", "int D", [4], Values, "", ("SemAimWithoutPass", "DeadCode")));

        Assert.Contains("softmax", code);
    }
}
