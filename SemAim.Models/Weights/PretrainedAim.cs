using SemAim.Dsl;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;

namespace SemAim.Models;

/// <summary>A pretraining model made from a checkpoint: its sizes are those that the weights show.</summary>
/// <param name="Model">with the file's weights, in evaluation mode; the holder disposes it</param>
/// <param name="Report">what became of every key</param>
/// <param name="PredictsPixels">false where the file holds an encoder only (a classifier, say) or predicts a teacher's features: maps are right, there are no pictures to show of its predictions</param>
public sealed record PretrainedAim(AimViT Model, LoadReport Report, bool PredictsPixels) : IDisposable
{
    /// <summary>Reads ours or the original's checkpoint (.safetensors, .pth, or a run's folder).</summary>
    /// <param name="path">of the weights</param>
    /// <param name="heads">of an attention; null: the published model of these sizes says</param>
    /// <param name="encoderOnly">the decoder is neither made nor read: for maps, which need the encoder alone</param>
    /// <exception cref="RefusedException">these are no weights of a vision transformer, or a key is not explained</exception>
    /// <exception cref="UsageException">nobody knows the number of heads</exception>
    public static PretrainedAim Open(string path, int? heads = null, bool encoderOnly = false)
    {
        using var file = WeightFile.Open(path);
        var sizes = EncoderSizes.Of(file, heads);
        var shapes = new Dictionary<string, long[]>();
        foreach (var entry in file.Entries) shapes[WeightFile.WithoutPrefix(entry.Name)] = entry.Shape;
        var queries = 0;
        while (shapes.ContainsKey($"query_blocks.{queries}.norm1.weight")) queries++;
        var (linear, hidden) = (shapes.GetValueOrDefault("prediction_head.weight"), shapes.GetValueOrDefault("prediction_head.fc2.weight"));
        var whole = !encoderOnly && queries > 0 && (linear ?? hidden) is { Length: 2 } head && head[0] is > 0 and < 1 << 20;
        var outputs = whole ? (int)(linear ?? hidden)![0] : 3 * sizes.PatchSize * sizes.PatchSize;
        AimViT model;
        try
        {
            model = Make(whole);
            // a head whose hidden layer this program cannot make
            if (whole && linear is null && model.Slots().First(w => w.Name == "prediction_head.fc1.weight").Weight.Tensor.size(0) != shapes.GetValueOrDefault("prediction_head.fc1.weight")?[0])
            {
                model.Dispose();
                model = Make(whole = false);
            }
        }
        catch (ArgumentException e) { throw new RefusedException($"{path}: {e.Message}", e); }
        try
        {
            var report = ModelWeights.Load(model, file, whole ? EncoderWeights.Pretraining : EncoderOnly);
            var read = report.Keys.Where(k => k.Fate is KeyFate.Used or KeyFate.Renamed or KeyFate.Interpolated).Select(k => WeightFile.WithoutPrefix(k.Key)).ToHashSet();
            if (model.Slots().Any(s => !read.Contains(s.Name) && (whole || !IsDecoder(s.Name))))
            {
                // what the file lacks keeps what it was made with
                model.Dispose();
                model = Make(whole, filled: true);
                report = ModelWeights.Load(model, file, whole ? EncoderWeights.Pretraining : EncoderOnly);
            }
            model.eval();
            return new(model, report, whole && outputs == 3 * sizes.PatchSize * sizes.PatchSize);
        }
        catch
        {
            model.Dispose();
            throw;
        }

        // random values that a file's take the place of would cost a second
        AimViT Make(bool withDecoder, bool filled = false)
        {
            using var unfilled = filled ? null : Weight.Unfilled();
            var asked = withDecoder ? queries : 1;
            return new(sizes.ImageSize, sizes.ImageSize, sizes.PatchSize, sizes.Width, sizes.Heads, sizes.Hidden, sizes.Blocks, asked, AimViT.BlocksBeforeQuery(sizes.Blocks, asked), outputs,
                linearHead: withDecoder && linear is not null, shareWeight: withDecoder && shapes.ContainsKey("query_blocks.0.attn.qkv.weight"));
        }
    }

    /// <inheritdoc />
    public void Dispose() => Model.Dispose();

    private static bool IsDecoder(string name) => name.StartsWith("query_blocks.", StringComparison.Ordinal) || name.StartsWith("prediction_head.", StringComparison.Ordinal);

    private static LoadRules EncoderOnly { get; } = new()
    {
        Ignored = [("query_blocks.", "no predictions are shown"), ("prediction_head.", "no predictions are shown"), ("gaussian_blur.", "the blur of the target is made from its options"), ("head.", "a classifier, which maps do not need"), ("fc_norm.", "of a classifier, which maps do not need")],
        OtherShape = [("query_blocks.", "no predictions are shown"), ("prediction_head.", "no predictions are shown")],
        MayLack = [("query_blocks.", "no predictions are shown"), ("prediction_head.", "no predictions are shown"), ("norm.", "the classifier has none: weight 1, bias 0")],
    };
}
