using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The pretraining network against what the original recorded (golden kinds aim_c, aim_guidance, feature_loss).</summary>
[Trait("Category", "Golden")]
public sealed class GoldenAimTests
{
    [GoldenTheory("aim_c*.safetensors"), GoldenFiles, GoldenKind("aim_c*.safetensors")]
    public void Prediction_loss_and_gradients_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        var images = GoldenCase.Images(golden.Text("images")!);
        var model = GoldenCase.Model(golden.Text("weights")!, golden.Heads, images.size(2));
        var rank = golden["permutation"];

        var predicted = golden.IsTied ? model.PredictTied(images, rank) : model.Predict(images, rank);
        var (loss, perPatch) = GoldenCase.Loss(golden.Json("config"), model, predicted, images, () => golden["tokens"]);
        loss.backward();

        var step = int.Parse(golden.Text("pred_sub")!.Split("::")[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture);
        var rows = Enumerable.Range(1, (int)golden["pred_sub"].size(1) - 1).Select(i => (long)i * step - 1).ToArray();
        Assert.True(GoldenCase.Far(predicted.index_select(1, tensor(rows)), golden["pred_sub"].narrow(1, 1, rows.Length)) < 1e-5);
        Assert.Equal(golden["loss"].item<float>(), loss.item<float>(), 1e-6);
        Assert.True(GoldenCase.Far(perPatch, golden["loss_map"]) < 1e-5);
        Assert.True(golden.GradientError(model) < 1e-4, $"gradients differ by {golden.GradientError(model)} of their norm");
    }

    [GoldenTheory("aim_guidance_*.safetensors"), GoldenFiles, GoldenKind("aim_guidance_*.safetensors")]
    public void Guidance_maps_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var golden = GoldenCase.Open(name);
        var images = GoldenCase.Images(golden.Text("images")!);
        var model = GoldenCase.Model(golden.Text("weights")!, golden.Heads, images.size(2));

        var (tokens, cls) = model.Encode(images);

        Assert.True(GoldenCase.Far(tokens, golden["enc_tokens"]) < 1e-5);
        Assert.True(GoldenCase.Far(cls, golden["feature_attention_cls"]) < 1e-6);
        Assert.True(GoldenCase.Far(model.EncodeGap(images).Item2, golden["feature_attention_gap"]) < 1e-6);
        Assert.True(GoldenCase.Far(model.SelfAttentionMap(images), golden["self_attention"]) < 1e-6);
    }

    [GoldenTheory("feature_loss*.safetensors"), GoldenFiles, GoldenKind("feature_loss*.safetensors")]
    public void Feature_loss_is_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        var predicted = golden["pred"].requires_grad_();
        var features = golden["feature"];
        var patches = features.size(1) - 1;

        var (loss, perPatch) = new FeatureObjective((int)features.size(2)).Loss(predicted.narrow(1, 1, patches), features.narrow(1, 1, patches));
        loss.backward();

        Assert.Equal(golden["loss"].item<float>(), loss.item<float>(), 1e-6);
        Assert.True(GoldenCase.Far(perPatch, golden["loss_map"]) < 1e-5);
        var want = golden["grad_pred"];
        Assert.True((predicted.grad! - want).norm().item<float>() <= 1e-4 * want.norm().item<float>());
    }
}
