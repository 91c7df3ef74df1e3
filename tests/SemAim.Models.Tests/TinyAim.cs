using SemAim.Dsl;
using SemAim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The deterministic small model and its inputs of behaviour.md section 13.</summary>
internal static class TinyAim
{
    internal static AimViT Model(int Q, double dropPath = 0, bool linearHead = false, int O = 12)
        => Fill(new AimViT(S: 28, P: 2, D: 16, H: 2, L: 4, Q, O, dropPath: dropPath, linearHead: linearHead));

    /// <summary>Fills weight p, entry e, by 0.2·sin(0.37e + 1.7p + 0.5), scales of norms with 1 more; fixed tables are left and not counted.</summary>
    internal static T Fill<T>(T model) where T : GraphModule
    {
        model.to(float64);
        using var noGrad = no_grad();
        foreach (var (slot, p) in model.Slots().Where(s => s.IsTrained).Select((s, p) => (s, p)))
        {
            var weight = slot.Weight.Tensor;
            var lift = weight.dim() == 1 && slot.Owner is LayerNorm && slot.Local == "weight" ? 1 : 0;
            var values = Enumerable.Range(0, (int)weight.numel()).Select(e => (double)(float)(0.2 * Math.Sin(0.37 * e + 1.7 * p + 0.5) + lift)).ToArray();
            using var filled = tensor(values).reshape(weight.shape);
            weight.copy_(filled);
        }
        return model;
    }

    internal static Tensor Images() => tensor(Enumerable.Range(0, 2 * 3 * 28 * 28).Select(i => Math.Sin(0.05 * (i / 28 % 28 + 1) * (i / 784 % 3 + 1) + 0.11 * (i % 28) + 0.7 * (i / 2352))).ToArray()).reshape(2, 3, 28, 28);

    internal static Tensor Rank() => tensor(Enumerable.Range(0, 2 * 196).Select(i => 1 - (57 * (i % 196) + 31 * (i / 196) + 13) % 196 / 196.0).ToArray()).reshape(2, 196);

    internal static Tensor TiedRank() => tensor(Enumerable.Range(0, 2 * 196).Select(i => 1 - (57 * (i % 196) + 31 * (i / 196) + 13) % 196 / 7 / 28.0).ToArray()).reshape(2, 196);
}
