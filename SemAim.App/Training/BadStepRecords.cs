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

/// <summary>A step whose loss or gradients were not finite. Every random number of it follows from the seed and these addresses.</summary>
/// <param name="Step">optimiser step, counted from 1</param>
/// <param name="Loss">mean over its micro-batches</param>
/// <param name="GradNorm">norm of all gradients before clipping</param>
/// <param name="Weights">file of the weights that the step began with, beside the record</param>
/// <param name="Options">every option of the run, by name</param>
/// <param name="Samples">its pictures in order</param>
internal sealed record BadStep(long Step, double Loss, double GradNorm, string Weights, Dictionary<string, JsonElement> Options, StepSample[] Samples);

/// <summary>Records of non-finite steps: <c>step-00000007.json</c> and the weights it names.</summary>
/// <param name="folder">made when needed</param>
/// <param name="options">of the run</param>
internal sealed class BadStepRecords(string folder, IReadOnlyDictionary<string, object?> options)
{
    private static readonly JsonSerializerOptions Form = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>The folder.</summary>
    internal string Folder => folder;

    /// <summary>Writes a record; weights are written once for bad steps in a row.</summary>
    internal void Write(AimViT model, long step, int inARow, double loss, double norm, StepSample[] samples)
    {
        Directory.CreateDirectory(folder);
        var weights = $"step-{step + 2 - inARow:D8}.safetensors";
        if (!File.Exists(Path.Combine(folder, weights))) ModelWeights.Save(model, Path.Combine(folder, weights));
        var record = new BadStep(step + 1, loss, norm, weights, options.ToDictionary(o => o.Key, o => JsonSerializer.SerializeToElement(o.Value, Form)), samples);
        File.WriteAllText(Path.Combine(folder, $"step-{step + 1:D8}.json"), JsonSerializer.Serialize(record, Form));
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="RefusedException">it is none</exception>
    internal static BadStep Read(string path)
    {
        try
        {
            var record = JsonSerializer.Deserialize<BadStep>(File.ReadAllText(path), Form);
            if (record is not { Options: not null, Samples.Length: > 0, Step: > 0 } || string.IsNullOrEmpty(record.Weights) || Path.GetFileName(record.Weights) != record.Weights) throw new RefusedException($"{path}: no record of a bad step");
            return record;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{path}: no record of a bad step: {e.Message}", e);
        }
    }
}
