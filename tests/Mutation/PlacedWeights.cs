using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Mutation;

/// <summary>Weights that depend on their place alone, in float64: two copies of a model are equal without a seed.</summary>
internal static class PlacedWeights
{
    internal static void Fill(GraphModule model)
    {
        model.to(float64);
        using var guard = no_grad();
        foreach (var (slot, p) in model.Slots().Select((s, p) => (s, p)))
        {
            var weight = slot.Weight.Tensor;
            var lift = slot.Owner is LayerNorm && slot.Local == "weight" ? 1 : 0;
            weight.copy_(((arange(weight.numel(), float64) * 0.37 + 1.7 * p + 0.5).sin() * 0.3 + lift).reshape(weight.shape));
        }
    }
}
