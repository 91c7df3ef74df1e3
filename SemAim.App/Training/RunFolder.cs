using System.Text.Json;

namespace SemAim.App.Training;

/// <summary>Where a run keeps its files: <c>OUT/MODEL.EXPERIMENT/</c>.</summary>
internal sealed class RunFolder
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    internal RunFolder(string output, string model, string experiment)
    {
        Folder = Path.Combine(output, $"{model}.{experiment}");
        Directory.CreateDirectory(Folder);
    }

    internal string Folder { get; }

    internal string Metrics => Path.Combine(Folder, "metrics.jsonl");

    internal string Weights => Path.Combine(Folder, "model.safetensors");

    /// <summary>Weights of the best epoch, where epochs are judged.</summary>
    internal string BestWeights => Path.Combine(Folder, "best.safetensors");

    /// <summary>The average of the weights, where the run keeps one.</summary>
    internal string AverageWeights => Path.Combine(Folder, "ema.safetensors");

    internal string Checkpoints => Path.Combine(Folder, "checkpoints");

    internal string Curves => Path.Combine(Folder, "tensorboard");

    internal string BadSteps => Path.Combine(Folder, "bad-steps");

    internal string Quarantine => Path.Combine(Folder, "quarantine.jsonl");

    internal string Report => Path.Combine(Folder, "report.html");

    internal string OrdersFigure => Path.Combine(Folder, "orders.png");

    internal void WriteConfig(IReadOnlyDictionary<string, object?> values)
        => File.WriteAllText(Path.Combine(Folder, "config.json"), JsonSerializer.Serialize(values, Indented));
}
