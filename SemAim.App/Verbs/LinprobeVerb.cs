using System.Globalization;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>What updates the head.</summary>
internal enum ProbeOptimizer { Sgd, Lars }

/// <summary>What happens to training pictures.</summary>
internal enum ProbeAugment { Crop_Flip, None }

/// <summary><c>semaim linprobe</c>: names and defaults of the original (behaviour.md 7) unless the help says otherwise.</summary>
[Verb("linprobe", HelpText = "Train one dense layer on frozen features and judge it on held-out pictures.")]
internal sealed partial class LinprobeVerb : TrainedEvaluationOptions, IReplayed
{
    [Option("model", Default = null, HelpText = "A published model (vit_* or aim_*) whose sizes the weights must have; without it the weights' own sizes.")]
    public string? Model { get; set; }

    [Option("batch_size", Default = 512, HelpText = "Pictures a micro-batch; its mean and deviation normalise the features.")]
    public int BatchSize { get; set; }

    [Option("epochs", Default = 90, HelpText = "Epochs of the run.")]
    public int Epochs { get; set; }

    [Option("weight_decay", Default = 0.0, HelpText = "L2 weight decay.")]
    public double WeightDecay { get; set; }

    [Option("blr", Default = 0.1, HelpText = "Base learning rate for 256 pictures a step.")]
    public double Blr { get; set; }

    [Option("min_lr", Default = 0.0, HelpText = "Learning rate at the end.")]
    public double MinLr { get; set; }

    [Option("warmup_epochs", Default = 10.0, HelpText = "Epochs in which the learning rate rises from 0.")]
    public double WarmupEpochs { get; set; }

    [Option("optimizer", Default = ProbeOptimizer.Sgd, HelpText = "sgd (momentum 0.9) or lars.")]
    public ProbeOptimizer Optimizer { get; set; }

    [Option("augment", Default = ProbeAugment.Crop_Flip, HelpText = "crop_flip: shorter side to the picture's, random square, flip (the original's). none: the evaluation's transform.")]
    public ProbeAugment Augment { get; set; }

    [Option("cache_features", Default = false, HelpText = "Compute frozen features once where no augmentation forbids it: those of val, and with --augment none those of train.")]
    public bool CacheFeatures { get; set; }

    public void Check()
    {
        CheckTrained(BatchSize, Epochs);
        if (BatchSize < 2) throw new UsageException($"--batch_size {BatchSize}: at least 2, whose mean and deviation normalise the features");
        Bounds.NotNegative("weight_decay", WeightDecay);
        Bounds.NotNegative("blr", Blr);
        Bounds.NotNegative("min_lr", MinLr);
        Bounds.NotNegative("warmup_epochs", WarmupEpochs);
        if (Finetune.Length == 0 && !Eval) throw new UsageException("--finetune is missing: random weights are not probed in silence");
    }

    public int Run()
    {
        Check();
        using var stop = new StopRequest(StopRequest.Limit(MaxTime), Quiet ? null : Console.Error.WriteLine);
        NativeStart.Ensure();
        var (device, narrator) = (Device(), new Narrator(Quiet));
        using var data = ClassFolders.Open(DataPath, Reading(), Console.Error.WriteLine);
        var classes = Outputs(data.Classes.Count);
        if (Finetune.Length == 0) throw new UsageException("--eval: --finetune names the encoder's weights; the run's checkpoints hold the head");
        random.manual_seed((long)Seed);
        using var encoder = FrozenEncoder.Load(Finetune, CheckpointKey, Model, NumHeads, InputSize, ClsToken ? FeatureKind.Cls : FeatureKind.Pooled, Precision == PrecisionChoice.Bf16, device);
        narrator.Say($"weights {encoder.Report.Summary}");
        foreach (var line in encoder.Report.Lines) narrator.Say($"        {line}");
        narrator.Say($"data    {data.Kind}: {data.Train.Count} training and {data.Val.Count} held-out pictures in {data.Classes.Count} classes");
        var sizes = encoder.Sizes;
        var name = Model ?? sizes.VitName ?? "vit";
        using var run = new RunFolder(OutputDir, name, Experiment + ".linear", writes: !Eval && !DryRun);
        var settings = Settings(BatchSize, Epochs, Blr, MinLr, WarmupEpochs, sizes.ImageSize);
        var stepsPerEpoch = StepsPerEpoch(data, settings);
        settings = settings.Within(MaxSteps, stepsPerEpoch);
        var checkpoints = new RunCheckpoints(run.Checkpoints, Keep);
        var from = From(run, checkpoints, narrator);
        var protocol = encoder.Describe(new Protocol(), Pictures.Resize(sizes.ImageSize)).Add("batch_statistics", "of each micro-batch in training, running averages when judged").Add("samples", data.Val.Count).Add("classes", classes);
        protocol.Add("held_out_also_in_training", data.Duplicates);
        using var head = new ProbeHead(sizes.Width, classes).Initialise();
        var mathematics = ClassifierSettings.Mathematics(data.Train,
        [
            ("finetune", Finetune), ("checkpoint_key", CheckpointKey), ("model", name), ("input_size", sizes.ImageSize), ("nb_classes", classes), ("cls_token", ClsToken), ("batch_size", BatchSize), ("accum_iter", AccumIter), ("epochs", Epochs), ("lr", settings.Rate), ("min_lr", MinLr), ("warmup_epochs", WarmupEpochs),
            ("weight_decay", WeightDecay), ("optimizer", Optimizer), ("augment", Augment), ("seed", Seed), ("precision", Precision), .. NumHeads is not null ? [("num_heads", (object?)NumHeads)] : Array.Empty<(string, object?)>(), .. MaxSteps > 0 ? [("max_steps", (object?)MaxSteps)] : Array.Empty<(string, object?)>(),
        ]);
        if (from is { } saved)
        {
            if (!Eval) RunCheckpoints.Compare(saved.State.Options, mathematics);
            RunCheckpoints.LoadWeights(head, saved.Folder);
        }
        head.to(device);
        if (Eval)
        {
            if (from is null) throw new UsageException($"--eval: there is nothing to judge: {run.Folder} has no checkpoint, and --resume is not given");
            head.eval();
            return Tell("linprobe", Accuracy.Of(data.Val, sizes.ImageSize, BatchSize, Workers, device, images => head.Forward(encoder.Features(images))), null, 0, protocol, run);
        }
        var arena = new ParameterArena(head, _ => 0, narrow: false);
        var decays = new Dictionary<int, double> { [0] = WeightDecay };
        using IArenaOptimizer optimizer = Optimizer == ProbeOptimizer.Sgd ? new ArenaSgd(arena, decays) : new ArenaLars(arena, decays);
        if (from is { } moments) RunCheckpoints.LoadMoments(arena, optimizer, null, moments.Folder);
        string[] block = [$"run     {settings.Epochs} epochs of {stepsPerEpoch} steps of {settings.Effective}, lr {settings.Rate:G4}, seed {Seed} → {run.Folder}"];
        if (DryRun)
        {
            var values = head.Slots().Where(s => s.IsTrained).Sum(s => s.Weight.Tensor.numel()) * 4;
            var weights = encoder.Weights.Slots().DistinctBy(s => s.Weight).Sum(s => s.Weight.Tensor.numel()) * 4;
            return Rehearse(block, (nowhere, ask, after) => new LinearProbe(encoder, head, data, null, null, Augment == ProbeAugment.Crop_Flip, arena, optimizer, settings, nowhere, new Narrator(true), 0) { Stop = ask, AfterStep = after, Judges = false },
                pictures => Accuracy.Of(pictures, sizes.ImageSize, BatchSize, Workers, device, images => head.Forward(encoder.Features(images))), data, settings, stepsPerEpoch, (3 * values, weights), CacheFeatures ? data.Val.Count + (Augment == ProbeAugment.None ? data.Train.Count : 0) : 0);
        }
        var first = from?.State.Step ?? 0;
        MetricsLog.Cut(run.Metrics, first);
        run.WriteConfig(new Dictionary<string, object?>(Options()) { ["verb"] = "linprobe", ["model"] = name, ["lr"] = settings.Rate, ["input_size"] = sizes.ImageSize, ["nb_classes"] = classes }, head);
        using var train = CacheFeatures && Augment == ProbeAugment.None ? FeatureTable.Collect(data.Train, sizes.ImageSize, BatchSize, Workers, device, encoder.Features, false, float32, narrator, "features of train") : null;
        using var test = CacheFeatures ? FeatureTable.Collect(data.Val, sizes.ImageSize, BatchSize, Workers, device, encoder.Features, false, float32, narrator, "features of val") : null;
        protocol.Add("cached", train is not null ? "features of train and val" : test is not null ? "features of val (random crops make other features every epoch: --augment none caches both)" : "nothing")
            .Add("augmentation", Augment == ProbeAugment.None ? "none" : "random square of the resized picture, flip").Add("optimizer", Optimizer.ToString().ToLowerInvariant()).Add("epochs", Epochs);
        foreach (var line in block) narrator.Say(line);
        if (from is not null) narrator.Say($"resume  from {from.Value.Folder}, step {first} of {settings.Steps(stepsPerEpoch)}");
        using var log = new MetricsLog(run.Metrics, narrator.Say);
        log.Write("event", ("event", from is null ? "start" : "resume"), ("step", first), ("steps", settings.Steps(stepsPerEpoch)), ("pictures", data.Train.Count));
        using var curves = new EventFile(run.Curves, tell: narrator.Say);
        var (best, last) = ClassifierLoop.Recorded(run.Metrics, data.Val.Count);
        using var loop = new LinearProbe(encoder, head, data, train, test, Augment == ProbeAugment.Crop_Flip, arena, optimizer, settings, log, narrator, first)
        {
            Checkpoints = checkpoints,
            Mathematics = mathematics,
            Begun = from?.State.Epoch ?? default,
            BadInARow = from?.State.BadInARow ?? 0,
            BadSteps = Records(run, "linprobe", sizes, classes, narrator, path => Save(path, encoder, head, name)),
            Best = best,
            SaveBest = accuracy => Save(run.BestWeights, encoder, head, name, accuracy),
            Stop = stop,
            Curves = curves,
        };
        var speed = first < settings.Steps(stepsPerEpoch) ? loop.Run() : 0;
        if (loop.Outcome != ExitCodes.Done) return Ended(loop, run);
        log.Write("event", ("event", "done"), ("images_per_second", Math.Round(speed, 1)));
        log.Dispose();
        Save(run.Weights, encoder, head, name, loop.Last ?? last!);
        return Tell("linprobe", loop.Last ?? last!, loop.Best, speed, protocol, run, train?.ImagesPerSecond ?? test?.ImagesPerSecond ?? 0);
    }

    // encoder and head under the original's names
    private static void Save(string path, FrozenEncoder encoder, ProbeHead head, string name, Accuracy? accuracy = null)
    {
        var (body, top) = (encoder.Weights.state_dict(), head.state_dict());
        using var tracked = tensor(0L);
        SafetensorsWriter.Write(path, body.Concat(top).Append(new("head.0.num_batches_tracked", tracked)).Select(t => KeyValuePair.Create(t.Key, t.Value)),
            new Dictionary<string, string> { ["model"] = name, ["test_acc1"] = accuracy?.Top1.ToString("R", CultureInfo.InvariantCulture) ?? "" });
    }
}
