using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using SemAim.Dsl;

namespace SemAim.App.Training;

/// <summary>Where a run keeps its files: <c>OUT/MODEL.EXPERIMENT/</c>.</summary>
internal sealed class RunFolder
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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

    /// <summary>Writes config.json: options as resolved, then what the run is of and where it runs.</summary>
    /// <param name="values">options by name</param>
    /// <param name="model">whose keys and shapes make the fingerprint</param>
    internal void WriteConfig(IReadOnlyDictionary<string, object?> values, GraphModule model)
        => File.WriteAllText(Path.Combine(Folder, "config.json"), JsonSerializer.Serialize(new Dictionary<string, object?>(values)
        {
            ["fingerprint"] = Fingerprint(model),
            ["version"] = typeof(RunFolder).Assembly.GetName().Version?.ToString(3),
            ["environment"] = $"{RuntimeInformation.OSDescription} · {RuntimeInformation.FrameworkDescription} · {Environment.ProcessorCount} cores, {TorchSharp.torch.get_num_threads()} threads · TorchSharp {TorchSharp.torch.__version__} · {(TorchSharp.torch.cuda.is_available() ? $"{TorchSharp.torch.cuda.device_count()} CUDA devices" : "no CUDA")} · {(Runtime.Native.TurboJpeg.IsAvailable ? "libjpeg-turbo" : "SkiaSharp")}",
        }, Indented));

    /// <summary>32 hexadecimal digits that two models share where their keys, shapes and constants are the same.</summary>
    internal static string Fingerprint(GraphModule model)
    {
        var hash = new XxHash128();
        foreach (var entry in model.Manifest()) hash.Append(Encoding.UTF8.GetBytes($"{entry.Key} {string.Join('×', entry.Shape)}{(entry.IsTrained ? "" : " constant")}\n"));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
