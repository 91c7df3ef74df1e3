using SemAim.Dsl;

namespace SemAim.Models.Tests.Passes;

/// <summary>What the passes say that they changed.</summary>
public sealed class PassChangesTests
{
    [Fact]
    public void A_pass_is_told_with_what_it_took_out_put_in_made_smaller_or_moved_out_of_a_loop()
    {
        using var model = TinyAim.Model(Q: 2);
        string Of(string graph, string pass) => string.Join(", ", model.PassChanges.Where(c => c.Graph == graph && c.Pass == pass).Select(c => c.Changes));

        Assert.Contains("−1 MaskBefore", Of("PredictMlp", "LowerOrderMasks"));
        Assert.Contains("+1 SortOrder", Of("PredictMlp", "LowerOrderMasks"));
        Assert.Equal("norm B T D → B N D", Of("PredictMlp", "PushSlices"));
        Assert.Equal("MaskUpTo out of the loop, MaskBefore out of the loop", Of("PredictTiedMlp", "HoistInvariants"));
        Assert.Equal("", Of("PredictTiedMlp", "LowerOrderMasks"));
    }

    [Fact]
    public void What_a_module_says_is_of_the_code_that_runs()
    {
        using var block = new QueryBlock(8, 2, 32);
        using var mlp = new Mlp(8, 32, 8);

        Assert.Equal(
            [new PassChange("Forward", "CommonSubexpressions", "−1 norm1"), new PassChange("Forward", "NarrowNorms", "−2 norm1, −1 norm2, +2 norm1 in the products' type, +1 norm2 in the products' type")], block.PassChanges);
        Assert.Equal(["PlanPrecision", "FuseGelu"], mlp.PassChanges.Select(c => c.Pass));
    }
}
