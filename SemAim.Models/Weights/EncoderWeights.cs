using SemAim.Runtime.Checkpoints;

namespace SemAim.Models;

/// <summary>Which keys of a checkpoint a model may leave out or lack (behaviour.md 6.2).</summary>
public static class EncoderWeights
{
    private const string Decoder = "part of the pretraining decoder, which no evaluation uses", Encoder = "part of the encoder, which is not trained";

    /// <summary>Into a pretraining model: all but the fixed kernel of the blur.</summary>
    public static LoadRules Pretraining { get; } = new() { Ignored = [("gaussian_blur.", "the blur of the target is made from its options")] };

    /// <summary>Into a classifier that is to be trained: the encoder must be whole, the classifier may be new.</summary>
    /// <param name="globalPool">features are normalised by fc_norm instead of norm</param>
    public static LoadRules Classifier(bool globalPool) => new()
    {
        Ignored = [.. Always, Other(globalPool), ("head.0.", "statistics of a linear probe"), ("head.1.", "classifier of a linear probe")],
        MayLack = [("head.", "a new classifier"), ("fc_norm.", "weight 1, bias 0: pretraining has no fc_norm")],
        OtherShape = [("head.", "a classifier of other classes")],
        InterpolatePositions = true,
    };

    /// <summary>Into an encoder whose features are looked at.</summary>
    /// <param name="globalPool">features are normalised by fc_norm instead of norm</param>
    public static LoadRules Features(bool globalPool) => new()
    {
        Ignored = [.. Always, Other(globalPool), ("head.", "features come before the classifier")],
        MayLack = [("fc_norm.", "weight 1, bias 0: it was never trained")],
        InterpolatePositions = true,
    };

    /// <summary>Into a classifier that is to be judged: everything must be there.</summary>
    /// <param name="globalPool">features are normalised by fc_norm instead of norm</param>
    public static LoadRules Judged(bool globalPool) => new() { Ignored = [.. Always, Other(globalPool)] };

    /// <summary>Into the head of a linear probe, from a file that holds encoder and head.</summary>
    public static LoadRules Probe { get; } = new()
    {
        Ignored = [("cls_token", Encoder), ("pos_embed", Encoder), ("patch_embed.", Encoder), ("blocks.", Encoder), ("norm.", Encoder), ("fc_norm.", Encoder), ("head.0.num_batches_tracked", "a count that nothing reads")],
    };

    private static IEnumerable<(string, string)> Always => [("query_blocks.", Decoder), ("prediction_head.", Decoder), ("gaussian_blur.", Decoder)];

    private static (string, string) Other(bool globalPool) => globalPool ? ("norm.", "global pool normalises by fc_norm") : ("fc_norm.", "the class token is normalised by norm");
}
