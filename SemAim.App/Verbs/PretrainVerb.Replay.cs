using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Runtime.Data;
using TorchSharp;

namespace SemAim.App.Verbs;

/// <summary>A recorded step of a run, again.</summary>
internal sealed partial class PretrainVerb
{
    public IReadOnlyList<string> Replay(BadStep record, string folder)
    {
        using var source = SampleSources.Open(DataPath, "train", out _, Reading());
        using var objective = new PixelObjective(GaussianKernelSize, GaussianSigma, NormPixLoss, LossType);
        var device = ComputeDevice.Of(Device);
        var settings = new PretrainSettings
        {
            BatchSize = BatchSize,
            Accumulation = AccumIter,
            Seed = Seed,
            Workers = NumWorkers,
            Narrow = Precision == PrecisionChoice.Bf16 && !NotUseFp16,
            Order = PermutationType,
            Boxes = BoxTable,
            MaxBadFiles = BadFiles.Allowed(MaxBadFraction, source.Count),
        };
        using var network = OpenTeacher();
        network?.To(device);
        if (settings.Narrow) network?.Narrow();
        AimViT Make()
        {
            var model = CreateModel(network?.Width ?? 0);
            model.to(device);
            return model;
        }
        using var made = Make();
        using var features = PredictsTokens ? new FeatureObjective(made.PredictedWidth) : null;
        var average = KeepsAverage && record.Average.Length > 0 ? Path.Combine(folder, record.Average) : null;
        var replay = new Replay(record, Path.Combine(folder, record.Weights), average, Make, (student, teacher) => Guidance(student, teacher, network), objective, features, source, settings);
        return [.. KeepsAverage && average is null ? ["the average of the weights is not in this record: the weights themselves guide here, so the order may differ"] : Array.Empty<string>(), .. replay.Run()];
    }
}
