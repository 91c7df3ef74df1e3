using System.Reflection;
using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>Options that all evaluations share, and those of the original that change nothing here but may stand on its command lines (behaviour.md 7).</summary>
internal abstract class EvaluationOptions
{
    [Option("data_path", Default = "", HelpText = "A folder with train/CLASS/* and val/CLASS/*, or with train.txt and val.txt.")]
    public string DataPath { get; set; } = "";

    [Option("num_heads", Default = null, HelpText = "Heads of the model, where neither --model nor a published model of the checkpoint's sizes tells.")]
    public int? NumHeads { get; set; }

    [Option("num_workers", Default = 10, HelpText = "Decoder threads, at most one a core.")]
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

    /// <summary>Threads that decode; what they make does not depend on how many they are.</summary>
    internal int Workers => Math.Clamp(NumWorkers, 1, Environment.ProcessorCount);

    /// <summary>The device that was asked for.</summary>
    /// <exception cref="UsageException">there is none of that name</exception>
    internal Device Device() => ComputeDevice.Of(DeviceName);

    private protected void CheckShared(int batchSize, string batchOption)
    {
        if (DataPath.Length == 0) throw new UsageException("--data_path is missing; a folder with train/CLASS/* and val/CLASS/*");
        if (batchSize < 1) throw new UsageException($"--{batchOption} {batchSize}: at least 1");
        if (NumWorkers is < 1 or > 1024) throw new UsageException($"--num_workers {NumWorkers}: 1 to 1024");
    }

    /// <summary>Every option as resolved, for config.json.</summary>
    private protected Dictionary<string, object?> Options()
        => GetType().GetProperties().Where(p => p.GetCustomAttribute<OptionAttribute>() is not null)
            .ToDictionary(p => p.GetCustomAttribute<OptionAttribute>()!.LongName, p => p.GetValue(this) is Enum e ? e.ToString().ToLowerInvariant() : p.GetValue(this));
}

/// <summary>Options that fine-tuning and linear probing share (behaviour.md 7).</summary>
internal abstract class TrainedEvaluationOptions : EvaluationOptions
{
    [Option("accum_iter", Default = 1, HelpText = "Micro-batches an optimiser step.")]
    public int AccumIter { get; set; }

    [Option("lr", Default = null, HelpText = "Learning rate; without it blr × effective batch / 256.")]
    public double? Lr { get; set; }

    [Option("finetune", Default = "", HelpText = "Weights to begin with: .pth, .safetensors, or a run's folder.")]
    public string Finetune { get; set; } = "";

    [Option("checkpoint_key", Default = null, HelpText = "Dictionary of a .pth (state_dict, model, ema_state_dict). Without it: state_dict or model.")]
    public string? CheckpointKey { get; set; }

    [Option("input_size", Default = null, HelpText = "Side of the pictures, pixels; without it the checkpoint's (224 for the published models). Another one interpolates the position embeddings.")]
    public int? InputSize { get; set; }

    [Option("global_pool", Default = false, HelpText = "Features are the mean of the patches (on by default).")]
    public bool GlobalPool { get; set; }

    [Option("cls_token", Default = false, HelpText = "Features are the class token instead.")]
    public bool ClsToken { get; set; }

    [Option("nb_classes", Default = null, HelpText = "Classes; without it as many as the data has. (The original's 1000 is ImageNet's.)")]
    public int? NbClasses { get; set; }

    [Option("output_dir", Default = "./output_dir", HelpText = "The run is written to OUTPUT_DIR/MODEL.EXPERIMENT, of a linear probe to MODEL.EXPERIMENT.linear.")]
    public string OutputDir { get; set; } = "";

    [Option("experiment", Default = "exp", HelpText = "Name of the run.")]
    public string Experiment { get; set; } = "";

    [Option("resume", Default = "", HelpText = "A checkpoint folder to go on from, or none to start anew. Without it the run goes on from its newest checkpoint.")]
    public string Resume { get; set; } = "";

    [Option("eval", Default = false, HelpText = "Only judge: the run's newest checkpoint, or --resume, or --finetune.")]
    public bool Eval { get; set; }

    [Option("max_time", Default = "", HelpText = "Save and end with 75 after this time: 90s, 45m, 3h or 2d.")]
    public string MaxTime { get; set; } = "";

    [Option("keep", Default = 2, HelpText = "Checkpoints that stay.")]
    public int Keep { get; set; }

    [Option("log_every", Default = 20, HelpText = "Steps between two lines of metrics.jsonl.")]
    public int LogEvery { get; set; }

    [Option("log_dir", Default = "./output_dir", HelpText = "Of the original; no effect: curves lie in the run's folder.")]
    public string LogDir { get; set; } = "";

    [Option("start_epoch", Default = 0, HelpText = "Of the original; no effect: a checkpoint says where it stands.")]
    public int StartEpoch { get; set; }

    [Option("dist_eval", Default = false, HelpText = "Of the original; no effect: every held-out picture is judged exactly once.")]
    public bool DistEval { get; set; }

    [Option("pin_mem", Default = false, HelpText = "Of the original; no effect: memory is pinned where the device wants it.")]
    public bool PinMem { get; set; }

    [Option("no_pin_mem", Default = false, HelpText = "Of the original; no effect.")]
    public bool NoPinMem { get; set; }

    private protected void CheckTrained(int batchSize, int epochs)
    {
        CheckShared(batchSize, "batch_size");
        if (epochs < 1) throw new UsageException($"--epochs {epochs}: at least 1");
        if (AccumIter < 1) throw new UsageException($"--accum_iter {AccumIter}: at least 1");
        if (Keep < 1) throw new UsageException($"--keep {Keep}: at least 1");
        if (LogEvery < 1) throw new UsageException($"--log_every {LogEvery}: at least 1");
        if (GlobalPool && ClsToken) throw new UsageException("--global_pool and --cls_token exclude each other");
    }

    /// <summary>Number of outputs for data of so many classes.</summary>
    private protected int Outputs(int classes)
        => NbClasses is { } given && given < classes ? throw new UsageException($"--nb_classes {given}: the data has {classes} classes") : NbClasses ?? classes;
}
