using SemAim.Dsl;

namespace SemAim.Runtime.Optim;

/// <summary>Weights of fine-tuning that share a depth and a decay (behaviour.md 5.3).</summary>
/// <param name="Layer">0: embeddings, i + 1: block i, blocks + 1: everything behind them</param>
/// <param name="RateScale">decay ^ (blocks + 1 − layer)</param>
/// <param name="WeightDecay">0 for 1-D weights, the class token and the position embeddings</param>
/// <param name="Names">state-dict names, in the model's order</param>
internal sealed record LayerDecayGroup(int Layer, double RateScale, double WeightDecay, IReadOnlyList<string> Names)
{
    /// <summary>The groups of a model, in the order in which its weights first ask for one.</summary>
    /// <param name="slots">the model's weights</param>
    /// <param name="blocks">its blocks</param>
    /// <param name="decay">of the learning rate, from one layer to the one before</param>
    /// <param name="weightDecay">of the groups that have one</param>
    internal static IReadOnlyList<LayerDecayGroup> Of(IEnumerable<WeightSlot> slots, int blocks, double decay, double weightDecay)
        => [.. slots.Where(s => s.IsTrained)
            .GroupBy(s => (Layer: LayerOf(s.Name, blocks), IsDecayed: s.Weight.Tensor.dim() > 1 && s.Name is not ("cls_token" or "pos_embed")))
            .Select(g => new LayerDecayGroup(g.Key.Layer, Math.Pow(decay, blocks + 1 - g.Key.Layer), g.Key.IsDecayed ? weightDecay : 0, [.. g.Select(s => s.Name)]))];

    private static int LayerOf(string name, int blocks)
        => name is "cls_token" or "pos_embed" || name.StartsWith("patch_embed.", StringComparison.Ordinal) ? 0
            : name.StartsWith("blocks.", StringComparison.Ordinal) ? int.Parse(name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture) + 1
            : blocks + 1;
}
