using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using SemAim.Dsl;
using SemAim.Runtime;
using SemAim.Runtime.Native;

namespace SemAim.App.Training;

/// <summary>Where a run keeps its files: <c>OUT/MODEL.EXPERIMENT/</c>.</summary>
internal sealed class RunFolder : IDisposable
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly DirectoryLock? writing;

    /// <param name="output">--output_dir</param>
    /// <param name="model">name of the model</param>
    /// <param name="experiment">--experiment</param>
    /// <param name="writes">makes the folder and keeps other processes from writing into it; false: it is only read</param>
    /// <exception cref="UsageException">there can be no such folder, or another process writes into it</exception>
    internal RunFolder(string output, string model, string experiment, bool writes = true)
    {
        if (experiment.Length is 0 or > 200 || experiment.AsSpan().IndexOfAny('/', '\\', '\0') >= 0) throw new UsageException($"--experiment {experiment}: a name of 1 to 200 letters, without slashes");
        Folder = Path.Combine(output, $"{model}.{experiment}");
        if (!writes) return;
        try
        {
            Directory.CreateDirectory(Folder);
            writing = DirectoryLock.TryTake(Folder);
            // one that was killed just now may not be gone yet
            for (var patience = 20; writing is null && patience > 0; patience--)
            {
                Thread.Sleep(100);
                writing = DirectoryLock.TryTake(Folder);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException) { throw new UsageException($"--output_dir {output}: no folder can be made there: {e.Message}", e); }
        if (writing is null) throw new UsageException($"--experiment {experiment}: another process is at work in {Folder}; let it end, or give another --experiment or --output_dir");
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

    public void Dispose() => writing?.Dispose();

    /// <summary>32 hexadecimal digits that two models share where their keys, shapes and constants are the same.</summary>
    internal static string Fingerprint(GraphModule model)
    {
        var hash = new XxHash128();
        foreach (var entry in model.Manifest()) hash.Append(Encoding.UTF8.GetBytes($"{entry.Key} {string.Join('×', entry.Shape)}{(entry.IsTrained ? "" : " constant")}\n"));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
