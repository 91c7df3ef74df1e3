using SemAim.Dsl;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>What one micro-batch of pretraining computes: guidance, order, prediction, loss. The trainer, a replay and the benchmark run the same.</summary>
/// <param name="Model">predicts; stays the caller's</param>
/// <param name="Order">of the patches</param>
/// <param name="Guide">gives the map that orders and the tokens that are predicted</param>
/// <param name="Objective">where pixels are predicted</param>
/// <param name="Features">where tokens are predicted; null: pixels are</param>
internal sealed record PretrainPass(AimViT Model, IOrder Order, IGuidance Guide, PixelObjective Objective, FeatureObjective? Features)
{
    /// <summary>Runs it; call inside a dispose scope.</summary>
    /// <param name="images">B × 3 × Y × X, normalised</param>
    /// <param name="noise">B × <see cref="IOrder.NoiseColumns"/>, uniform in [0, 1)</param>
    /// <param name="draws">sites × B for dropped paths; null: nothing is dropped</param>
    /// <param name="guided">called between guidance and prediction; for measurements</param>
    internal PretrainPassResult Run(Tensor images, Tensor noise, Tensor? draws = null, Action? guided = null)
    {
        var (tokens, map) = Guide.Look(images);                                                              // B T O; B N
        guided?.Invoke();
        var rank = Order.Rank(map, noise, Model.PatchGrid);                                                  // B N
        var predicted = Model.Predict(images, rank, draws is null ? null : new Draws(draws));                // B N O
        var (loss, perPatch) = Features is null ? Objective.Loss(Model, predicted, images) : Features.Loss(predicted, tokens!.narrow(1, 1, Model.PatchGrid.Count));
        perPatch.Dispose();
        return new(loss, map, rank);
    }
}

/// <summary>What a pass made.</summary>
/// <param name="Loss">0-d, with its graph</param>
/// <param name="Map">B × N, what the order was made from; null where it reads none</param>
/// <param name="Rank">B × N</param>
internal sealed record PretrainPassResult(Tensor Loss, Tensor? Map, Tensor Rank);
