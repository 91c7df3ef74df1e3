using System.Text.Json;
using System.Text.Json.Serialization;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;

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
/// <param name="OrderIsFinite">false where a map that the order is made from was not finite</param>
/// <param name="Rng">addresses of its random numbers</param>
/// <param name="Samples">its pictures in order</param>
internal sealed record BadStep(long Step, double Loss, double GradNorm, double Lr, bool OrderIsFinite, StepRng Rng, StepSample[] Samples)
{
    /// <summary>File of the weights that the step began with, beside the record.</summary>
    public string Weights { get; init; } = "";

    /// <summary>Every option of the run, by name.</summary>
    public Dictionary<string, JsonElement> Options { get; init; } = [];
}

/// <summary>Records of non-finite steps: <c>step-00000007.json</c> and the weights it names.</summary>
/// <param name="folder">made when needed</param>
/// <param name="options">of the run</param>
internal sealed class BadStepRecords(string folder, IReadOnlyDictionary<string, object?> options)
{
    private static readonly JsonSerializerOptions Form = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The folder.</summary>
    internal string Folder => folder;

    /// <summary>Writes a record; weights are written once for bad steps in a row.</summary>
    internal void Write(AimViT model, int inARow, BadStep step)
    {
        Directory.CreateDirectory(folder);
        var weights = $"step-{step.Step + 1 - inARow:D8}.safetensors";
        if (!File.Exists(Path.Combine(folder, weights))) ModelWeights.Save(model, Path.Combine(folder, weights));
        var record = step with { Weights = weights, Options = options.ToDictionary(o => o.Key, o => JsonSerializer.SerializeToElement(o.Value, Form)) };
        File.WriteAllText(Path.Combine(folder, $"step-{step.Step:D8}.json"), JsonSerializer.Serialize(record, Form));
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="RefusedException">it is none</exception>
    internal static BadStep Read(string path)
    {
        try
        {
            var record = JsonSerializer.Deserialize<BadStep>(File.ReadAllText(path), Form);
            if (record is not { Options: not null, Rng: not null, Samples.Length: > 0, Step: > 0 } || string.IsNullOrEmpty(record.Weights) || Path.GetFileName(record.Weights) != record.Weights) throw new RefusedException($"{path}: no record of a bad step");
            return record;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{path}: no record of a bad step: {e.Message}", e);
        }
    }
}
