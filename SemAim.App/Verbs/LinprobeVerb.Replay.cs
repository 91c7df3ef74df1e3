using SemAim.App.Training;
using SemAim.Dsl;
using SemAim.Models;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>A recorded step of a run, again.</summary>
internal sealed partial class LinprobeVerb
{
    // the record's weights are those that the step began with: the encoder's and the head's
    public IReadOnlyList<string> Replay(BadStep record, string folder)
    {
        var (device, weights, pooled) = (Device(), Path.Combine(folder, record.Weights), !ClsToken);
        using var source = SampleSources.Open(DataPath, "train", out _, Reading());
        using var encoder = FrozenEncoder.Load(weights, null, null, NumHeads, null, pooled ? FeatureKind.Pooled : FeatureKind.Cls, Precision == PrecisionChoice.Bf16, device);
        using var file = WeightFile.Open(weights);
        using var plain = encoder.Sizes.Classifier(0, pooled);
        ModelWeights.Load(plain, file, EncoderWeights.Features(pooled));
        plain.to(device).eval();
        using var head = new ProbeHead(encoder.Sizes.Width, Outputs(source.Classes.Count));
        ModelWeights.Load(head, file, EncoderWeights.Probe);
        head.to(device).train();
        var settings = Settings(BatchSize, Epochs, Blr, MinLr, WarmupEpochs, encoder.Sizes.ImageSize);
        using var arena = new ParameterArena(head, _ => 0, narrow: false);
        using var batches = new ProbeBatches(source, Augment == ProbeAugment.Crop_Flip, settings, device, record.Step - 1);
        Tensor Features(LabelledBatch batch)
        {
            using var guard = no_grad();
            return encoder.Features(batch.Images);
        }
        var replay = new ClassifierReplay(record, settings, source, arena, head, batches, batch => nn.functional.cross_entropy(head.Forward(Features(batch)), batch.Labels),
            [(plain, batch => plain.Features(Sym.Of(batch.Images, Dsl.Run.Eval))), (head, batch => head.Forward(Features(batch)))]);
        return [.. replay.Run()];
    }
}
