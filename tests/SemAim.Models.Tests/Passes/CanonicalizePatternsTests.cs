namespace SemAim.Models.Tests.Passes;

/// <summary>A rearrangement is reshape, permute, reshape; of these stays what changes something.</summary>
public sealed class CanonicalizePatternsTests : PassTests
{
    private static object[] Values() => [Comparison.Input(2, 5, 4)];

    [Fact]
    public void A_rearrangement_that_changes_nothing_vanishes()
    {
        var code = Body(Check("    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x) => x.Rearrange(\"B T D -> B T D\").Gelu();", "int D", [4], Values));

        Assert.DoesNotContain("reshape", code);
        Assert.DoesNotContain("permute", code);
        Assert.Equal(1, Count(code, "var "));
    }

    [Fact]
    public void A_merge_that_the_next_split_undoes_is_one_reshape_or_none()
    {
        var code = Body(Check("    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x) { var T = x.Size(1); return x.Rearrange(\"B T D -> (B T) D\").Rearrange(\"(B T) D -> B T D\", T).Gelu(); }", "int D", [4], Values));

        Assert.DoesNotContain("reshape", code);
    }

    [Fact]
    public void A_swap_of_two_axes_is_one_permutation()
    {
        var code = Body(Check("    [Graph] [return: Shape(\"B D T\")] public Sym Go([Shape(\"B T D\")] Sym x) => x.Rearrange(\"B T D -> B D T\");", "int D", [4], Values));

        Assert.Contains("x.permute(0, 2, 1)", code);
        Assert.DoesNotContain("reshape", code);
    }

    [Fact]
    public void Left_out_every_step_is_written()
    {
        var code = Body(Check("    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x) => x.Rearrange(\"B T D -> B T D\").Gelu();", "int D", [4], Values, "", ("SemAimWithoutPass", "CanonicalizePatterns")));

        Assert.Equal(2, Count(code, ".reshape("));
        Assert.Contains("permute(0, 1, 2)", code);
    }
}
