using System.Reflection;
using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>Options that all evaluations share, and those of the original that change nothing here but may stand on its command lines (behaviour.md 7).</summary>
internal abstract class EvaluationOptions : PictureOptions
{
    [Option("data_path", Default = "", HelpText = "A folder with train/CLASS/* and val/CLASS/*, or with train.txt and val.txt.")]
    public string DataPath { get; set; } = "";

    [Option("recipe", Default = "", HelpText = "A preset by name (finetune-base, finetune-large, linprobe-base, knn-base) or a JSON file; options given here win over it.")]
    public string RecipeName { get; set; } = "";

    [Option("num_heads", Default = null, HelpText = "Heads of the model, where neither --model nor a published model of the checkpoint's sizes tells.")]
    public int? NumHeads { get; set; }

    [Option("num_workers", Default = 10, HelpText = "Decoder threads, at most one a core. 0: the program's own thread decodes. The batches are the same.")]
    public int NumWorkers { get; set; }

    [Option("device", Default = "auto", HelpText = ComputeDevice.Help)]
    public string DeviceName { get; set; } = "";

    [Option("precision", Default = PrecisionChoice.Fp32, HelpText = "fp32 or bf16 (products in bfloat16, everything else in float32).")]
    public PrecisionChoice Precision { get; set; }

    [Option("seed", Default = 0UL, HelpText = "Of everything that is drawn.")]
    public ulong Seed { get; set; }

    [Option("json", Default = false, HelpText = "One JSON object as the last line, with the protocol.")]
    public bool Json { get; set; }

    [Option("quiet", Default = false, HelpText = "No progress.")]
    public bool Quiet { get; set; }

    [Option("world_size", Default = 1, HelpText = "Of the original; no effect: one process.")]
    public int WorldSize { get; set; }

    [Option("local_rank", Default = -1, HelpText = "Of the original; no effect: one process.")]
    public int LocalRank { get; set; }

    [Option("dist_on_itp", Default = false, HelpText = "Of the original; no effect: one process.")]
    public bool DistOnItp { get; set; }

    [Option("dist_url", Default = "env://", HelpText = "Of the original; no effect: one process.")]
    public string DistUrl { get; set; } = "";

    [Option("dist_backend", Default = "auto", HelpText = "Of the original; no effect: one process.")]
    public string DistBackend { get; set; } = "";

    /// <summary>Where results are written.</summary>
    internal TextWriter Out { get; set; } = Console.Out;

    /// <summary>After a run: per cent right (of k-NN: with the first k), and its standard error.</summary>
    internal (double Top1, double Error)? Result { get; private protected set; }

    /// <summary>After a run: its protocol in one line.</summary>
    internal string How { get; private protected set; } = "";

    /// <summary>Threads that decode; what they make does not depend on how many they are.</summary>
    internal int Workers => Math.Min(NumWorkers, Environment.ProcessorCount);

    /// <summary>The device that was asked for.</summary>
    /// <exception cref="UsageException">there is none of that name</exception>
    internal Device Device() => ComputeDevice.Of(DeviceName);

    private protected void CheckShared(int batchSize, string batchOption)
    {
        if (DataPath.Length == 0) throw new UsageException("--data_path is missing; a folder with train/CLASS/* and val/CLASS/*");
        if (batchSize < 1) throw new UsageException($"--{batchOption} {batchSize}: at least 1");
        if (NumWorkers is < 0 or > 1024) throw new UsageException($"--num_workers {NumWorkers}: 0 to 1024");
        Reading();
    }

    /// <summary>Every option as resolved, for config.json.</summary>
    private protected Dictionary<string, object?> Options()
        => GetType().GetProperties().Where(p => p.GetCustomAttribute<OptionAttribute>() is not null)
            .ToDictionary(p => p.GetCustomAttribute<OptionAttribute>()!.LongName, p => p.GetValue(this) is Enum e ? e.ToString().ToLowerInvariant() : p.GetValue(this));
}
