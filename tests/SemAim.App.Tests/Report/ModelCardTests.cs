using SemAim.App.Report;
using SemAim.Models;

namespace SemAim.App.Tests.Report;

public sealed class ModelCardTests
{
    [Fact]
    public void The_cost_of_aim_base_is_the_recorded_one()
    {
        using var model = ModelCatalogue.CreateAim("aim_base");
        var card = ModelCard.Of("aim_base", model);
        Assert.Equal(175_424_256, card.Parameters);
        // behaviour.md 10, recorded to a tenth of a million; its guidance counts the last block's attention twice, ours computes it once
        Assert.Equal(35.9401, card.ForwardMacs / 1e9, 4);
        Assert.Equal(17.5631, card.GuidanceMacs / 1e9, 4);
        Assert.Equal(107.705 + 17.5631, card.StepMacs / 1e9, 3);
    }

    [Fact]
    public void Symbolic_axes_give_the_shape_of_every_weight()
    {
        using var model = ModelCatalogue.CreateAim("aim_tiny");
        var card = ModelCard.Of("aim_tiny", model);
        foreach (var layer in card.Layers) Assert.Equal(layer.Shape, layer.Symbolic.Split(" × ").Select(a => Value(a, card)));
        Assert.Equal(model.parameters().Sum(p => p.numel()), card.Parameters);
        Assert.Equal(card.Layers.Sum(l => l.Count), card.Folded().Sum(f => f.Values));
    }

    [Fact]
    public void What_the_compiler_counted_agrees_with_the_weights_of_the_model()
    {
        using var model = ModelCatalogue.CreateAim("aim_tiny");
        var card = ModelCard.Of("aim_tiny", model);
        Assert.Equal(card.Parameters, card.Costs.Single(c => c.Graph == "PredictMlp").Parameters);
        Assert.Equal(8 * card.ActivationBytes(1, narrow: false), card.ActivationBytes(8, narrow: false));
        Assert.InRange(card.ActivationBytes(1, narrow: true), 1, card.ActivationBytes(1, narrow: false));
        // the compiler knows that queries do not look at the last patch; the card's sum over all tokens is the recorded one of behaviour.md 10
        Assert.InRange((double)card.Costs.Single(c => c.Graph == "PredictMlp").MultiplyAdds / card.ForwardMacs, 0.97, 1);
    }

    private static long Value(string axis, ModelCard card) => axis switch
    {
        "D" => card.Width,
        "3D" => 3 * card.Width,
        "4D" => 4 * card.Width,
        "P" => card.PatchSize,
        "T" => card.Tokens,
        "3P²" => 3 * card.PatchSize * card.PatchSize,
        _ => long.Parse(axis, System.Globalization.CultureInfo.InvariantCulture),
    };
}
