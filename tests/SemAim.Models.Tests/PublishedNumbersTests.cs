using SemAim.Dsl;
using SemAim.Models.Teachers;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>What the compiler says of a model is what the model has and does.</summary>
public sealed class PublishedNumbersTests
{
    public static TheoryData<string> Models => [.. Made.Keys];

    private static readonly Dictionary<string, Func<GraphModule>> Made = new()
    {
        ["AimViT"] = () => new AimViT(S: 16, P: 4, D: 8, H: 2, L: 4, Q: 2, O: 5),
        ["AimViT, linear head"] = () => new AimViT(S: 16, P: 4, D: 8, H: 2, L: 4, Q: 2, O: 5, R: 3, linearHead: true),
        ["VisionTransformer"] = () => new VisionTransformer(S: 16, P: 4, D: 8, H: 2, L: 3, K: 7),
        ["VisionTransformer, pooled, headless"] = () => new VisionTransformer(S: 16, P: 4, D: 8, H: 2, L: 3, K: 7, globalPool: true, headless: true),
        ["ClipVision"] = () => new ClipVision(S: 16, P: 4, D: 8, H: 2, L: 3, O: 6),
        ["QueryBlock"] = () => new QueryBlock(8, 2, 32),
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void The_manifest_is_the_state_dict(string name)
    {
        using var scope = NewDisposeScope();
        var model = Made[name]();

        var manifest = model.Manifest().ToDictionary(e => e.Key);

        var state = model.state_dict();
        Assert.Equal(state.Keys.Order(StringComparer.Ordinal), manifest.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, tensor) in state) Assert.Equal(tensor.shape, manifest[key].Shape);
        foreach (var slot in model.Slots())
        {
            Assert.Equal(slot.IsTrained, manifest[slot.Name].IsTrained);
            Assert.Equal(slot.IsProductWeight, manifest[slot.Name].IsProductOnly);
        }
    }

    [Fact]
    public void Parameters_of_a_variant_are_those_of_its_model()
    {
        using var scope = NewDisposeScope();
        var model = AimViT.Tiny();

        var cost = AimViT.Costs.Single(c => c is { Variant: "aim_tiny", Graph: "PredictMlp" });

        Assert.Equal(model.parameters().Sum(p => p.numel()), cost.Parameters);
    }

    [Theory]
    [InlineData("aim_base", 175_424_256, 35.94)]            // recorded of the original
    [InlineData("aim_large", 461_599_488, 93.69)]
    [InlineData("aim_huge", 955_996_928, 192.93)]
    public void Parameters_and_multiply_adds_are_the_recorded_ones(string variant, long parameters, double gigaMultiplyAdds)
    {
        var cost = AimViT.Costs.Single(c => c.Variant == variant && c.Graph == "PredictMlp");

        Assert.Equal(parameters, cost.Parameters);
        Assert.Equal(gigaMultiplyAdds, cost.MultiplyAdds / 1e9, 2);
    }

    [Theory]
    [InlineData("PredictMlp")]
    [InlineData("Encode")]
    [InlineData("EncodeGap")]
    [InlineData("SelfAttentionMap")]
    public void Multiply_adds_are_those_that_the_specification_makes(string graph)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var model = AimViT.Tiny();
        var (images, rank) = (Sym.Of(randn(1, 3, 64, 64), Run.Eval), Sym.Of(rand(1, 64), Run.Eval));
        long counted = 0;

        Trace.Watch(model, value => counted += value.MultiplyAdds, () =>
        {
            switch (graph)
            {
                case "PredictMlp": model.PredictMlp(images, rank); break;
                case "Encode": model.Encode(images); break;
                case "EncodeGap": model.EncodeGap(images); break;
                default: model.SelfAttentionMap(images); break;
            }
        });

        Assert.Equal(AimViT.Costs.Single(c => c.Variant == "aim_tiny" && c.Graph == graph).MultiplyAdds, counted);
    }

    [Fact]
    public void Multiply_adds_of_a_tower_with_einsums_are_counted()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var model = new ClipVision(S: 224, P: 56, D: 64, H: 4, L: 2, O: 32);
        long counted = 0;

        Trace.Watch(model, value => counted += value.MultiplyAdds, () => model.Forward(Sym.Of(randn(1, 3, 224, 224), Run.Eval)));

        const long N = 16, T = 17, D = 64, patch = 3 * 56 * 56;
        Assert.Equal(N * patch * D + 2 * (12 * T * D * D + 2 * T * T * D) + T * D * 32, counted);
    }
}
