using System.Globalization;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary><c>semaim finetune</c>: names and defaults of the original (behaviour.md 7) unless the help says otherwise.</summary>
[Verb("finetune", HelpText = "Train a classifier from pretrained weights and judge it on held-out pictures.")]
internal sealed partial class FinetuneVerb : TrainedEvaluationOptions, IReplayed
{
    private const string Fallback = "vit_large_patch16";

    [Option("model", Default = null, HelpText = "A published model (vit_* or aim_*); without it the checkpoint's sizes, and without a checkpoint vit_large_patch16.")]
    public string? Model { get; set; }

    [Option("batch_size", Default = 64, HelpText = "Pictures a micro-batch; even where pictures are mixed.")]
    public int BatchSize { get; set; }

    [Option("epochs", Default = 50, HelpText = "Epochs of the run.")]
    public int Epochs { get; set; }

    [Option("drop_path", Default = 0.1, HelpText = "Rate of the last block.")]
    public double DropPath { get; set; }

    [Option("clip_grad", Default = null, HelpText = "Gradients are scaled down to this norm; without it they are not.")]
    public double? ClipGrad { get; set; }

    [Option("weight_decay", Default = 0.05, HelpText = "Decoupled weight decay.")]
    public double WeightDecay { get; set; }

    [Option("blr", Default = 1e-3, HelpText = "Base learning rate for 256 pictures a step.")]
    public double Blr { get; set; }

    [Option("min_lr", Default = 1e-6, HelpText = "Learning rate at the end.")]
    public double MinLr { get; set; }

    [Option("layer_decay", Default = 0.75, HelpText = "Learning rate of a block in parts of the next one's.")]
    public double LayerDecay { get; set; }

    [Option("warmup_epochs", Default = 5.0, HelpText = "Epochs in which the learning rate rises from 0.")]
    public double WarmupEpochs { get; set; }

    [Option("color_jitter", Default = null, HelpText = "Strength of brightness, contrast and saturation; only with --aa none.")]
    public double? ColorJitter { get; set; }

    [Option("aa", Default = "rand-m9-mstd0.5-inc1", HelpText = "RandAugment, in timm's grammar; none: off.")]
    public string Aa { get; set; } = "";

    [Option("smoothing", Default = 0.1, HelpText = "Of the labels.")]
    public double Smoothing { get; set; }

    [Option("reprob", Default = 0.25, HelpText = "Probability of RandomErasing.")]
    public double Reprob { get; set; }

    [Option("remode", Default = ErasingMode.Pixel, HelpText = "pixel, rand or const: what rectangles are filled with.")]
    public ErasingMode Remode { get; set; }

    [Option("recount", Default = 1, HelpText = "Most rectangles a picture.")]
    public int Recount { get; set; }

    [Option("resplit", Default = false, HelpText = "Of the original; no effect there or here.")]
    public bool Resplit { get; set; }

    [Option("mixup", Default = 0.0, HelpText = "α of Mixup; 0: off.")]
    public double Mixup { get; set; }

    [Option("cutmix", Default = 0.0, HelpText = "α of CutMix; 0: off.")]
    public double CutMix { get; set; }

    [Option("cutmix_minmax", HelpText = "Two numbers: least and greatest side of CutMix's box in parts of the picture's.")]
    public IEnumerable<string> CutMixMinMax { get; set; } = [];

    [Option("mixup_prob", Default = 1.0, HelpText = "Probability that a batch is mixed.")]
    public double MixupProb { get; set; }

    [Option("mixup_switch_prob", Default = 0.5, HelpText = "Probability of CutMix where both are on.")]
    public double MixupSwitchProb { get; set; }

    [Option("mixup_mode", Default = MixMode.Batch, HelpText = "batch, pair or elem.")]
    public MixMode MixupMode { get; set; }

    [Option("saveckp_freq", Default = 20, HelpText = "Of the original; no effect there or here: every epoch ends with a checkpoint.")]
    public int SaveckpFreq { get; set; }

    public int Run()
    {
        var recipe = Recipe();
        using var stop = new StopRequest(StopRequest.Limit(MaxTime), Quiet ? null : Console.Error.WriteLine);
        NativeStart.Ensure();
        var (device, narrator) = (Device(), new Narrator(Quiet));
        using var data = ClassFolders.Open(DataPath, Reading(), Console.Error.WriteLine);
        var classes = Outputs(data.Classes.Count);
        random.manual_seed((long)Seed);
        using var start = Finetune.Length > 0 ? WeightFile.Open(Finetune, CheckpointKey) : null;
        var sizes = start is not null ? FrozenEncoder.Choose(start, Model, NumHeads, InputSize) : FrozenEncoder.Named(Model ?? Fallback, InputSize);
        var name = Model ?? sizes.VitName ?? "vit";
        var pool = !ClsToken;
        using var model = sizes.Classifier(classes, pool, DropPath);
        using var run = new RunFolder(OutputDir, name, Experiment, writes: !Eval && !DryRun);
        var settings = Settings(BatchSize, Epochs, Blr, MinLr, WarmupEpochs, sizes.ImageSize);
        var stepsPerEpoch = StepsPerEpoch(data, settings);
        settings = settings.Within(MaxSteps, stepsPerEpoch);
        var checkpoints = new RunCheckpoints(run.Checkpoints, Keep);
        var from = From(run, checkpoints, narrator);
        var protocol = Describe(new Protocol(), data, sizes, classes, pool, recipe);
        narrator.Say($"data    {data.Kind}: {data.Train.Count} training and {data.Val.Count} held-out pictures in {data.Classes.Count} classes");

        string? loaded = null;
        if (from is { } saved)
        {
            if (!Eval) RunCheckpoints.Compare(saved.State.Options, Mathematics(data, sizes, name, classes, recipe));
            RunCheckpoints.LoadWeights(model, loaded = saved.Folder);
        }
        else if (start is not null)
        {
            var report = ModelWeights.Load(model, start, Eval ? EncoderWeights.Judged(pool) : EncoderWeights.Classifier(pool));
            NotFinite.Refuse(model, start.Path);
            narrator.Say($"weights {report.Summary}");
            foreach (var line in report.Lines) narrator.Say($"        {line}");
            if (!Eval) model.InitialiseHead(2e-5);
            loaded = start.Path;
        }
        if (Eval)
        {
            if (loaded is null) throw new UsageException($"--eval: there is nothing to judge: {run.Folder} has no checkpoint, and neither --resume nor --finetune is given");
            model.to(device);
            model.eval();
            return Tell("finetune", Accuracy.Of(data.Val, sizes.ImageSize, BatchSize, Workers, device, images => model.Forward(images)), null, 0, protocol.Add("weights", loaded), run);
        }
        if (loaded is null) narrator.Say("weights none: --finetune is not given, the network is trained from random weights");
        protocol.Add("weights", loaded is null ? "random" : from is null ? loaded : Finetune.Length > 0 ? Finetune : "random");

        model.to(device);
        var groups = LayerDecayGroup.Of(model.Slots(), sizes.Blocks, LayerDecay, WeightDecay);
        var number = groups.SelectMany((g, i) => g.Names.Select(n => (n, i))).ToDictionary(p => p.n, p => p.i);
        var arena = new ParameterArena(model, slot => number[slot.Name], Precision == PrecisionChoice.Bf16);
        using var optimizer = new ArenaAdamW(arena, groups.Select((g, i) => (g, i)).ToDictionary(p => p.i, p => p.g.WeightDecay), beta2: 0.999, maxNorm: ClipGrad ?? double.PositiveInfinity);
        if (from is { } moments) RunCheckpoints.LoadMoments(arena, optimizer, null, moments.Folder);
        string[] block = [$"model   {name}: {arena.Specs.Sum(s => s.Count):N0} trained weights in {groups.Count} groups, pictures {sizes.ImageSize} px, {classes} classes", $"run     {settings.Epochs} epochs of {stepsPerEpoch} steps of {settings.Effective}, lr {settings.Rate:G4}, {Precision.ToString().ToLowerInvariant()}, seed {Seed} → {run.Folder}"];
        if (DryRun)
        {
            var bytes = arena.Specs.Sum(s => s.Count) * 4L;
            return Rehearse(block, (nowhere, ask, after) => new FinetuneLoop(model, classes, data, recipe, arena, optimizer, groups.Select((g, i) => (g, i)).ToDictionary(p => p.i, p => p.g.RateScale), settings, nowhere, new Narrator(true), 0) { Stop = ask, AfterStep = after, Judges = false },
                pictures => Accuracy.Of(pictures, sizes.ImageSize, BatchSize, Workers, device, images => model.Forward(images)), data, settings, stepsPerEpoch, (3 * bytes, bytes));
        }
        var first = from?.State.Step ?? 0;
        MetricsLog.Cut(run.Metrics, first);
        run.WriteConfig(new Dictionary<string, object?>(Options()) { ["verb"] = "finetune", ["model"] = name, ["lr"] = settings.Rate, ["input_size"] = sizes.ImageSize, ["nb_classes"] = classes }, model);
        foreach (var line in block) narrator.Say(line);
        if (from is not null) narrator.Say($"resume  from {from.Value.Folder}, step {first} of {settings.Steps(stepsPerEpoch)}");
        using var log = new MetricsLog(run.Metrics, narrator.Say);
        log.Write("event", ("event", from is null ? "start" : "resume"), ("step", first), ("steps", settings.Steps(stepsPerEpoch)), ("pictures", data.Train.Count));
        using var curves = new EventFile(run.Curves, tell: narrator.Say);
        var (best, last) = ClassifierLoop.Recorded(run.Metrics, data.Val.Count);
        using var loop = new FinetuneLoop(model, classes, data, recipe, arena, optimizer, groups.Select((g, i) => (g, i)).ToDictionary(p => p.i, p => p.g.RateScale), settings, log, narrator, first)
        {
            Checkpoints = checkpoints,
            Mathematics = Mathematics(data, sizes, name, classes, recipe),
            Begun = from?.State.Epoch ?? default,
            BadInARow = from?.State.BadInARow ?? 0,
            BadSteps = Records(run, "finetune", sizes, classes, narrator, path => ModelWeights.Save(model, path)),
            Best = best,
            SaveBest = accuracy => ModelWeights.Save(model, run.BestWeights, new Dictionary<string, string> { ["model"] = name, ["test_acc1"] = accuracy.Top1.ToString("R", CultureInfo.InvariantCulture) }),
            Stop = stop,
            Curves = curves,
        };
        var speed = first < settings.Steps(stepsPerEpoch) ? loop.Run() : 0;
        if (loop.Outcome != ExitCodes.Done) return Ended(loop, run);
        log.Write("event", ("event", "done"), ("images_per_second", Math.Round(speed, 1)));
        log.Dispose();
        ModelWeights.Save(model, run.Weights, new Dictionary<string, string> { ["model"] = name });
        return Tell("finetune", loop.Last ?? last!, loop.Best, speed, protocol, run);
    }

    private FinetuneRecipe Recipe()
    {
        CheckTrained(BatchSize, Epochs);
        Bounds.Share("drop_path", DropPath, one: false);
        Bounds.Positive("clip_grad", ClipGrad);
        if (!(LayerDecay is > 0 and <= 1)) throw new UsageException($"--layer_decay {LayerDecay}: more than 0, at most 1");
        Bounds.Share("smoothing", Smoothing, one: false);
        Bounds.Share("reprob", Reprob);
        if (Recount is < 1 or > 1000) throw new UsageException($"--recount {Recount}: 1 to 1000");
        Bounds.NotNegative("mixup", Mixup);
        Bounds.NotNegative("cutmix", CutMix);
        Bounds.Share("mixup_prob", MixupProb);
        Bounds.Share("mixup_switch_prob", MixupSwitchProb);
        Bounds.NotNegative("color_jitter", ColorJitter);
        Bounds.NotNegative("weight_decay", WeightDecay);
        Bounds.NotNegative("blr", Blr);
        Bounds.NotNegative("min_lr", MinLr);
        Bounds.NotNegative("warmup_epochs", WarmupEpochs);
        var mix = new MixOptions(Mixup, CutMix, MixupProb, MixupSwitchProb, Smoothing, MinMax(), MixupMode);
        if (!mix.IsOff && BatchSize % 2 != 0) throw new UsageException($"--batch_size {BatchSize}: an even number where pictures are mixed");
        return new(Aa is "" or "none" ? null : RandAugmentOptions.Parse(Aa), ColorJitter ?? 0, Reprob, Remode, Recount, mix, Smoothing);
    }

    private (double, double)? MinMax()
    {
        var given = CutMixMinMax.SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries)).ToList();
        if (given.Count == 0) return null;
        return given.Count == 2 && double.TryParse(given[0], CultureInfo.InvariantCulture, out var low) && double.TryParse(given[1], CultureInfo.InvariantCulture, out var high) && low is > 0 and < 1 && high is > 0 and <= 1 && low <= high
            ? (low, high) : throw new UsageException($"--cutmix_minmax {string.Join(' ', given)}: two numbers between 0 and 1, the lesser first");
    }

    private Dictionary<string, string> Mathematics(ClassFolders data, EncoderSizes sizes, string name, int classes, FinetuneRecipe recipe) => ClassifierSettings.Mathematics(data.Train,
    [
        ("finetune", Finetune), ("model", name), ("input_size", sizes.ImageSize), ("nb_classes", classes), ("cls_token", ClsToken), ("batch_size", BatchSize), ("accum_iter", AccumIter), ("epochs", Epochs), ("lr", Lr ?? LearningRateSchedule.Scale(Blr, BatchSize * AccumIter)), ("min_lr", MinLr),
        ("warmup_epochs", WarmupEpochs), ("weight_decay", WeightDecay), ("layer_decay", LayerDecay), ("drop_path", DropPath), ("clip_grad", ClipGrad), ("seed", Seed), ("precision", Precision), ("aa", Aa), ("color_jitter", ColorJitter),
        ("reprob", Reprob), ("remode", Remode), ("recount", Recount), ("mixup", Mixup), ("cutmix", CutMix), ("mixup_prob", MixupProb), ("mixup_switch_prob", MixupSwitchProb), ("mixup_mode", MixupMode), ("cutmix_minmax", recipe.Mix.CutMixMinMax), ("smoothing", Smoothing), .. CheckpointKey is not null ? [("checkpoint_key", (object?)CheckpointKey)] : Array.Empty<(string, object?)>(), .. NumHeads is not null ? [("num_heads", (object?)NumHeads)] : Array.Empty<(string, object?)>(), .. MaxSteps > 0 ? [("max_steps", (object?)MaxSteps)] : Array.Empty<(string, object?)>(),
    ]);

    private Protocol Describe(Protocol protocol, ClassFolders data, EncoderSizes sizes, int classes, bool pool, FinetuneRecipe recipe)
    {
        protocol.Add("samples", data.Val.Count).Add("classes", classes).Add("features", pool ? "mean of the patches" : "class token").Add("norm", pool ? "fc_norm" : "norm")
            .Add("resize", Pictures.Resize(sizes.ImageSize)).Add("crop", sizes.ImageSize).Add("interpolation", "bicubic").Add("precision", Precision.ToString().ToLowerInvariant());
        protocol.Add("held_out_also_in_training", data.Duplicates);
        if (!Eval) protocol.Add("epochs", Epochs).Add("augmentation", $"{(recipe.Augment is null ? recipe.ColorJitter > 0 ? $"color jitter {recipe.ColorJitter}" : "crop and flip" : Aa)}, erasing {Reprob}, mixup {Mixup}, cutmix {CutMix}, smoothing {Smoothing}, drop path {DropPath}");
        return protocol;
    }
}
