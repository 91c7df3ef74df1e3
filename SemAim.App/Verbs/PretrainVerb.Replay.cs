using System.Reflection;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using TorchSharp;

namespace SemAim.App.Verbs;

/// <summary>A run's options read back from a record of it.</summary>
internal sealed partial class PretrainVerb
{
    /// <summary>The verb with recorded options.</summary>
    /// <param name="path">of the record, for messages</param>
    /// <param name="options">by name; those that are not given keep their defaults</param>
    /// <exception cref="RefusedException">a value does not fit its option</exception>
    internal static PretrainVerb Of(string path, IReadOnlyDictionary<string, JsonElement> options)
    {
        var verb = new PretrainVerb();
        foreach (var property in typeof(PretrainVerb).GetProperties())
        {
            if (property.GetCustomAttribute<OptionAttribute>() is not { } option) continue;
            var given = options.TryGetValue(option.LongName, out var value);
            try
            {
                if (given)
                    property.SetValue(verb, property.PropertyType.IsEnum ? Enum.Parse(property.PropertyType, value.GetString() ?? "", ignoreCase: true) : value.Deserialize(property.PropertyType));
                else if (option.Default is not null) property.SetValue(verb, option.Default);
            }
            catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
            {
                throw new RefusedException($"{path}: --{option.LongName} {value}: {e.Message}", e);
            }
        }
        try { verb.Check(); }
        catch (UsageException e) { throw new RefusedException($"{path}: {e.Message}", e); }
        return verb;
    }

    /// <summary>Repeats a recorded step of this run; one line for each thing found out.</summary>
    /// <param name="record">the step</param>
    /// <param name="folder">of the record</param>
    internal IReadOnlyList<string> Replay(BadStep record, string folder)
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
            MaxBadFiles = Math.Max(10, (int)(MaxBadFraction * source.Count)),
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
        var replay = new Replay(record, Path.Combine(folder, record.Weights), Make, student => Guidance(student, null, network), objective, features, source, settings);
        return [.. KeepsAverage ? ["the average of the weights is not in a record: the weights themselves guide here, so the order may differ"] : Array.Empty<string>(), .. replay.Run()];
    }
}
