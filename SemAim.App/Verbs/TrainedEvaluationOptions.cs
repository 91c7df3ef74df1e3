using System.Globalization;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

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

    [Option("resume", Default = "", HelpText = RunCheckpoints.Help)]
    public string Resume { get; set; } = "";

    [Option("eval", Default = false, HelpText = "Only judge: the run's newest checkpoint, or --resume, or --finetune.")]
    public bool Eval { get; set; }

    [Option("max_time", Default = "", HelpText = "Save and end with 75 after this time: 90s, 45m, 3h or 2d.")]
    public string MaxTime { get; set; } = "";

    [Option("save_every", Default = 0L, HelpText = "Steps between two checkpoints, besides one at the end of every epoch. 0: no others.")]
    public long SaveEvery { get; set; }

    [Option("keep", Default = 2, HelpText = "Checkpoints that stay.")]
    public int Keep { get; set; }

    [Option("max_bad_steps", Default = 3, HelpText = "Save and end with 4 after this many steps in a row with a loss or gradient that is not finite.")]
    public int MaxBadSteps { get; set; }

    [Option("log_every", Default = 20, HelpText = "Steps between two lines of metrics.jsonl.")]
    public int LogEvery { get; set; }

    [Option("max_steps", Default = 0L, HelpText = "Stop after this many optimiser steps; the schedule spans them. 0: as many as the epochs have.")]
    public long MaxSteps { get; set; }

    [Option("dry_run", Default = false, HelpText = "Check data, weights, memory and time by a few real steps, predict the run's length, write nothing.")]
    public bool DryRun { get; set; }

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
        if (SaveEvery < 0) throw new UsageException($"--save_every {SaveEvery}: 0 or more");
        if (MaxSteps < 0) throw new UsageException($"--max_steps {MaxSteps}: 0 or more");
        if (Eval && DryRun) throw new UsageException("--eval and --dry_run exclude each other");
        if (MaxBadSteps < 1) throw new UsageException($"--max_bad_steps {MaxBadSteps}: at least 1");
        if (LogEvery < 1) throw new UsageException($"--log_every {LogEvery}: at least 1");
        Bounds.NotNegative("lr", Lr);
        if (GlobalPool && ClsToken) throw new UsageException("--global_pool and --cls_token exclude each other");
    }

    /// <summary>Number of outputs for data of so many classes.</summary>
    private protected int Outputs(int classes)
        => NbClasses is { } given && given < classes ? throw new UsageException($"--nb_classes {given}: the data has {classes} classes") : NbClasses ?? classes;

    /// <summary>Settings of a run; the learning rate is <see cref="Lr"/>, or follows from the base rate and the effective batch.</summary>
    private protected ClassifierSettings Settings(int batchSize, int epochs, double baseRate, double leastRate, double warmupEpochs, int size) => new()
    {
        BatchSize = batchSize,
        Accumulation = AccumIter,
        Epochs = epochs,
        Rate = Lr ?? LearningRateSchedule.Scale(baseRate, batchSize * AccumIter),
        LeastRate = leastRate,
        WarmupEpochs = Math.Min(warmupEpochs, epochs / 2.0),
        Seed = Seed,
        Workers = Workers,
        LogEvery = LogEvery,
        SaveEvery = SaveEvery,
        MaxBadSteps = MaxBadSteps,
        Size = size,
    };

    /// <summary>Records of the run's bad steps.</summary>
    /// <param name="verb">of the run</param>
    /// <param name="sizes">of the network; its heads are in no weights</param>
    /// <param name="save">writes the weights to a file</param>
    private protected BadStepRecords Records(RunFolder run, string verb, EncoderSizes sizes, int classes, Narrator narrator, Action<string> save)
        => new(run.BadSteps, new RecordedRun(verb, new Dictionary<string, object?>(Options()) { ["num_heads"] = sizes.Heads, ["nb_classes"] = classes, ["data_path"] = Path.GetFullPath(DataPath) }, save), narrator.Say);

    /// <summary>Says how a run ended that did not reach its last step.</summary>
    private protected int Ended(ClassifierLoop loop, RunFolder run)
    {
        Narrator.Fault(loop.Outcome == ExitCodes.Stopped ? "saved; the same command goes on from here" : $"{MaxBadSteps} steps in a row were not finite; see {run.BadSteps}");
        return loop.Outcome;
    }

    /// <summary>Says what a run would take, from a few steps of it.</summary>
    /// <param name="block">what the run would say first</param>
    /// <param name="make">the run's loop, from its log, its stop request and what is to be called after each step</param>
    /// <param name="judge">judges held-out pictures</param>
    /// <param name="savedBytes">of a checkpoint, and of the weights beside it</param>
    /// <param name="oncePictures">whose features are computed once and not in every step; 0: none</param>
    private protected int Rehearse(IEnumerable<string> block, Func<MetricsLog, StopRequest, Action<long>, ClassifierLoop> make, Func<Runtime.Data.ISampleSource, Accuracy> judge, ClassFolders data, ClassifierSettings settings, int stepsPerEpoch, (long Checkpoint, long Weights) savedBytes, long oncePictures = 0)
    {
        var memory = MachineMemory.Free();
        var found = ClassifierRehearsal.Of(make, judge, data.Val, settings.BatchSize);
        var free = new DriveInfo(Path.GetFullPath(Directory.Exists(OutputDir) ? OutputDir : ".")).AvailableFreeSpace;
        var (room, steps) = (savedBytes.Checkpoint * (Keep + 1) + 2 * savedBytes.Weights, settings.Steps(stepsPerEpoch));
        var judging = oncePictures >= data.Val.Count ? 0 : settings.Epochs * (data.Val.Count / found.JudgedPerSecond);
        // features that are computed once cost no more than a judged picture; steps on them next to nothing
        var training = oncePictures > data.Val.Count ? 0 : found.SecondsAStep * steps;
        foreach (var line in block) Out.WriteLine(line);
        Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            memory  {found.PeakMemory / 1e9:F2} GB at the peak, {memory / 1e9:F1} GB were free
            disk    {room / 1e9:F2} GB for {Keep} checkpoints, the next one and two files of weights, {free / 1e9:F2} GB free
            step    {found.SecondsAStep:F3} s for {settings.Effective} pictures ({settings.Effective / found.SecondsAStep:F1} a second), median of {found.Steps} steps; {found.JudgedPerSecond:F1} held-out pictures a second
            length  {steps} steps, {stepsPerEpoch} an epoch: {Rehearsal.Length(training + judging + oncePictures / found.JudgedPerSecond)}, with held-out pictures after every epoch
            """));
        if (found.Outcome != ExitCodes.Done)
        {
            Narrator.Fault($"{MaxBadSteps} steps in a row were not finite; try a lower --lr than {settings.Rate:G4}");
            return found.Outcome;
        }
        return room <= free ? ExitCodes.Done : throw new RefusedException($"--output_dir {OutputDir}: {room / 1e9:F2} GB of checkpoints do not fit {free / 1e9:F2} GB of free space");
    }

    /// <summary>Steps of an epoch.</summary>
    /// <exception cref="UsageException">the pictures do not fill one, and there is something to train</exception>
    private protected int StepsPerEpoch(ClassFolders data, ClassifierSettings settings)
        => data.Train.Count / settings.Effective is var steps && (steps > 0 || Eval) ? steps : throw new UsageException($"--batch_size {settings.BatchSize}: {data.Train.Count} training pictures do not fill one step of {settings.Effective}");

    /// <summary>The checkpoint to go on from, or null. With --resume none those of an earlier run are deleted, unless it is only judged.</summary>
    private protected (string Folder, CheckpointState State)? From(RunFolder run, RunCheckpoints checkpoints, Narrator narrator)
    {
        if (Resume == "none" && !Eval && !DryRun && Directory.Exists(run.Checkpoints)) Directory.Delete(run.Checkpoints, recursive: true);
        return Resume == "none" ? null : Resume.Length > 0 ? RunCheckpoints.Given(Resume, narrator.Say) : checkpoints.Newest(narrator.Say);
    }

    /// <summary>Says what was measured: the protocol, the result, how fast; and with --json all of it in one object. A training run keeps it in its metrics.jsonl.</summary>
    /// <param name="verb">name of the evaluation</param>
    /// <param name="speed">pictures a second in training; 0 where nothing was trained</param>
    /// <param name="featureSpeed">pictures a second in computing features once; 0 where none were</param>
    private protected int Tell(string verb, Accuracy accuracy, (int Epoch, Accuracy Accuracy)? best, double speed, Protocol protocol, RunFolder run, double featureSpeed = 0)
    {
        Result = (accuracy.Top1, accuracy.Error);
        Out.WriteLine(protocol.Line);
        Out.WriteLine($"top-1 {accuracy.Top1:F2} ± {accuracy.Error:F2} %  top-5 {accuracy.Top5:F2} %  loss {accuracy.Loss:F4}  ({accuracy.Count} held-out pictures)");
        if (best is { } b) Out.WriteLine($"best  {b.Accuracy.Top1:F2} % after epoch {b.Epoch + 1}, chosen on the same held-out pictures → {run.BestWeights}");
        string[] rates = [.. new[] { (featureSpeed, "images/s to features"), (speed, featureSpeed > 0 ? "images/s in training on them" : "images/s in training"), (accuracy.ImagesPerSecond, "images/s judged") }.Where(r => r.Item1 > 0).Select(r => $"{r.Item1.ToString("F1", CultureInfo.InvariantCulture)} {r.Item2}")];
        var pace = rates.Length == 0 ? "" : $"speed {string.Join(", ", rates)}, {get_num_threads()} threads";
        if (pace.Length > 0) Out.WriteLine(pace);
        How = $"{protocol.Line}; {pace}".TrimEnd(' ', ';');
        var chosen = best is { } at ? new { epoch = at.Epoch + 1, top1 = at.Accuracy.Top1 } : null;
        if (!Eval) Record(verb, accuracy, speed, protocol, run);
        if (Json) Out.WriteLine(JsonSerializer.Serialize(new { verb, top1 = accuracy.Top1, top5 = accuracy.Top5, error = accuracy.Error, loss = double.IsFinite(accuracy.Loss) ? accuracy.Loss : (double?)null, samples = accuracy.Count, best = chosen, images_per_second = Known(speed), eval_images_per_second = Known(accuracy.ImagesPerSecond), features_images_per_second = Known(featureSpeed), protocol = protocol.Json, run = run.Folder }));
        return ExitCodes.Done;
    }

    // once a run, however often its command is given again
    private static void Record(string verb, Accuracy accuracy, double speed, Protocol protocol, RunFolder run)
    {
        if (File.ReadLines(run.Metrics).Any(l => l.StartsWith($"{{\"kind\":\"{verb}\"", StringComparison.Ordinal))) return;
        using var log = new MetricsLog(run.Metrics);
        log.Write(verb, ("top1", accuracy.Top1), ("top5", accuracy.Top5), ("error", accuracy.Error), ("loss", accuracy.Loss), ("samples", accuracy.Count), ("images_per_second", Known(speed)), ("eval_images_per_second", Known(accuracy.ImagesPerSecond)), ("protocol", protocol.Json));
    }

    private static double? Known(double rate) => rate > 0 ? Math.Round(rate, 2) : null;
}
