using System.Text.Json;
using System.Text.Json.Serialization;
using SemAim.Runtime;
using SemAim.Runtime.Data;

namespace SemAim.App.Training;

/// <summary>A picture of a step, by address.</summary>
/// <param name="Epoch">epoch of its augmentation</param>
/// <param name="Index">place in the source</param>
/// <param name="Path">name in the source</param>
internal sealed record StepSample(long Epoch, int Index, string Path);

/// <summary>Where the random numbers of a step come from: nothing else is drawn, so these and the pictures' addresses repeat it.</summary>
/// <param name="Seed">of the run</param>
/// <param name="Step">key of orders and dropped paths, counted from 0; with a picture's place in the step</param>
/// <param name="MicroBatch">pictures a micro-batch: place / this is the micro-batch of a picture</param>
internal sealed record StepRng(ulong Seed, long Step, int MicroBatch);

/// <summary>A step whose loss or gradients were not finite. Every random number of it follows from the seed and these addresses.</summary>
/// <param name="Step">optimiser step, counted from 1</param>
/// <param name="Loss">mean over its micro-batches</param>
/// <param name="GradNorm">norm of all gradients before clipping</param>
/// <param name="Lr">learning rate that the update would have had</param>
/// <param name="OrderIsFinite">false where a map that the order is made from was not finite; true where there is none</param>
/// <param name="Rng">addresses of its random numbers</param>
/// <param name="Samples">its pictures in order</param>
internal sealed record BadStep(long Step, double Loss, double GradNorm, double Lr, bool OrderIsFinite, StepRng Rng, StepSample[] Samples)
{
    /// <summary>File of the weights that the step began with, beside the record; empty where the folder had no room for more of them.</summary>
    public string Weights { get; init; } = "";

    /// <summary>File of their average where the run keeps one, likewise.</summary>
    public string Average { get; init; } = "";

    /// <summary>The run's: pretrain, finetune or linprobe.</summary>
    public string Verb { get; init; } = "pretrain";

    /// <summary>Every option of the run, by name.</summary>
    public Dictionary<string, JsonElement> Options { get; init; } = [];

    /// <summary>Refuses pictures that are not the record's.</summary>
    /// <param name="source">the pictures that are there now</param>
    /// <param name="effective">pictures a step by the recorded options</param>
    /// <exception cref="RefusedException">there are others</exception>
    internal void Require(ISampleSource source, int effective)
    {
        if (Samples.Length != effective) throw new RefusedException($"the record has {Samples.Length} pictures, its options make {effective} a step");
        foreach (var s in Samples)
            if (s.Index < 0 || s.Index >= source.Count || source.Name(s.Index) != s.Path) throw new RefusedException($"picture {s.Index} of the data is not {s.Path} any more; give the data of the run with --data-path");
    }
}

/// <summary>What of a run a record of a bad step needs.</summary>
/// <param name="Verb">of the run</param>
/// <param name="Options">by name, as resolved</param>
/// <param name="Save">writes the weights to a file</param>
/// <param name="SaveAverage">writes their average to a file; null where there is none</param>
internal sealed record RecordedRun(string Verb, IReadOnlyDictionary<string, object?> Options, Action<string> Save, Action<string>? SaveAverage = null);

/// <summary>Records of non-finite steps: <c>step-00000007.json</c> and the weights it names.</summary>
/// <param name="folder">made when needed</param>
/// <param name="run">what is recorded of it</param>
/// <param name="tell">gets one line where a record could not be written: that does not end the run</param>
internal sealed class BadStepRecords(string folder, RecordedRun run, Action<string> tell)
{
    /// <summary>Weights are written this often in a folder; a run whose numbers go bad every few steps for weeks does not fill the disk.</summary>
    internal const int MostWeights = 20;

    private static readonly JsonSerializerOptions Form = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Writes a record; weights are written once for bad steps in a row, because a skipped update leaves them as they were.</summary>
    /// <param name="inARow">bad steps up to this one</param>
    /// <param name="step">without file names and options</param>
    internal void Write(int inARow, BadStep step)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var name = $"step-{step.Step + 1 - inARow:D8}";
            var (weights, average) = (name + ".safetensors", run.SaveAverage is null ? "" : name + ".ema.safetensors");
            // a file of that name may be another run's, except within a row that was interrupted
            if (inARow == 1 || !File.Exists(Path.Combine(folder, weights)))
            {
                if (!File.Exists(Path.Combine(folder, weights)) && Directory.GetFiles(folder, "step-????????.safetensors").Length >= MostWeights) (weights, average) = ("", "");
                else
                {
                    run.Save(Path.Combine(folder, weights));
                    run.SaveAverage?.Invoke(Path.Combine(folder, average));
                }
            }
            var record = step with { Weights = weights, Average = average, Verb = run.Verb, Options = run.Options.ToDictionary(o => o.Key, o => JsonSerializer.SerializeToElement(o.Value, Form)) };
            File.WriteAllText(Path.Combine(folder, $"step-{step.Step:D8}.json"), JsonSerializer.Serialize(record, Form));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)      // the last: a file too large for its file system
        {
            tell($"the record of step {step.Step} could not be written to {folder}: {e.Message}");
        }
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="RefusedException">it is none</exception>
    internal static BadStep Read(string path)
    {
        if (!File.Exists(path)) throw new RefusedException($"{path}: {(Directory.Exists(path) ? "a folder; give one of its files step-NNNNNNNN.json" : "there is no such file")}");
        try
        {
            var record = JsonSerializer.Deserialize<BadStep>(File.ReadAllText(path), Form);
            if (record is not { Options: not null, Rng: not null, Samples.Length: > 0, Step: > 0, Verb: not null, Weights: { } weights, Average: { } average } || Path.GetFileName(weights) != weights || Path.GetFileName(average) != average) throw new RefusedException($"{path}: no record of a bad step");
            if (weights.Length == 0) throw new RefusedException($"{path}: the record has no weights: the folder already had those of {MostWeights} other bad steps");
            return record;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{path}: no record of a bad step: {(e is JsonException json ? JsonFault.Of(json) : e.Message)}", e);
        }
    }
}
