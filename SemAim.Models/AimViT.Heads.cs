using SemAim.Dsl;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Models;

/// <summary>Prediction by whichever head this model has.</summary>
public sealed partial class AimViT
{
    /// <summary>Predicts the target of every patch from the patches ranked before it: B × N × O, by the head that this model has.</summary>
    public Sym Predict(Sym images, Sym rank) => linearHead ? PredictLinear(images, rank) : PredictMlp(images, rank);

    /// <inheritdoc cref="Predict(Sym, Sym)" />
    public Tensor Predict(Tensor images, Tensor rank, Draws? draws = null) => linearHead ? PredictLinear(images, rank, draws) : PredictMlp(images, rank, draws);

    /// <summary>Predicts the target of every patch from the patches ranked before it, and patches of equal rank see each other in the content stream, as in the original (behaviour.md 1.7); dense masks, for comparisons: B × N × O, by the head that this model has.</summary>
    public Sym PredictTied(Sym images, Sym rank) => linearHead ? PredictTiedLinear(images, rank) : PredictTiedMlp(images, rank);

    /// <inheritdoc cref="PredictTied(Sym, Sym)" />
    public Tensor PredictTied(Tensor images, Tensor rank, Draws? draws = null) => linearHead ? PredictTiedLinear(images, rank, draws) : PredictTiedMlp(images, rank, draws);
}
