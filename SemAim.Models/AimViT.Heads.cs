using SemAim.Dsl;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Models;

/// <summary>Prediction by whichever head and query blocks this model has.</summary>
public sealed partial class AimViT
{
    /// <summary>True for a weight that pretraining gives no gradient: of an encoder block after the last query block, which serves guidance and features only. The original leaves such weights as they are.</summary>
    /// <param name="name">state-dict name</param>
    public bool HasNoGradient(string name)
        => name.Split('.') is ["blocks", var block, ..] && int.Parse(block, System.Globalization.CultureInfo.InvariantCulture) >= FirstTrailingBlock;

    /// <summary>Rows of <see cref="Draws"/> that a training pass takes: attention and MLP of every block that it runs; 0 where nothing is dropped.</summary>
    public int DrawsAPass => dropPath > 0 ? 2 * (Q * M + Q) : 0;

    /// <summary>Patches of a picture.</summary>
    public Orders.Grid PatchGrid => new(G, K);

    /// <summary>Predicts the target of every patch from the patches ranked before it: B × N × O, by the head that this model has.</summary>
    public Sym Predict(Sym images, Sym rank) => (shareWeight, linearHead) switch
    {
        (false, false) => PredictMlp(images, rank),
        (false, true) => PredictLinear(images, rank),
        (true, false) => PredictSharedMlp(images, rank),
        _ => PredictSharedLinear(images, rank),
    };

    /// <inheritdoc cref="Predict(Sym, Sym)" />
    /// <param name="images">B × 3 × Y × X</param>
    /// <param name="rank">B × N</param>
    /// <param name="draws">of a training pass; none: nothing is dropped</param>
    /// <param name="cutter">cuts the backward pass between encoder blocks: level i is encoder block i with the query block that follows it, if one does</param>
    public Tensor Predict(Tensor images, Tensor rank, Draws? draws = null, BackwardCutter? cutter = null) => (shareWeight, linearHead) switch
    {
        (false, false) => PredictMlp(images, rank, draws, cutter),
        (false, true) => PredictLinear(images, rank, draws, cutter),
        (true, false) => PredictSharedMlp(images, rank, draws, cutter),
        _ => PredictSharedLinear(images, rank, draws, cutter),
    };

    /// <summary>Predicts the target of every patch from the patches ranked before it, and patches of equal rank see each other in the content stream, as in the original (behaviour.md 1.7); dense masks, for comparisons: B × N × O, by the head that this model has.</summary>
    public Sym PredictTied(Sym images, Sym rank) => (shareWeight, linearHead) switch
    {
        (false, false) => PredictTiedMlp(images, rank),
        (false, true) => PredictTiedLinear(images, rank),
        (true, false) => PredictSharedTiedMlp(images, rank),
        _ => PredictSharedTiedLinear(images, rank),
    };

    /// <inheritdoc cref="PredictTied(Sym, Sym)" />
    public Tensor PredictTied(Tensor images, Tensor rank, Draws? draws = null) => (shareWeight, linearHead) switch
    {
        (false, false) => PredictTiedMlp(images, rank, draws),
        (false, true) => PredictTiedLinear(images, rank, draws),
        (true, false) => PredictSharedTiedMlp(images, rank, draws),
        _ => PredictSharedTiedLinear(images, rank, draws),
    };
}
