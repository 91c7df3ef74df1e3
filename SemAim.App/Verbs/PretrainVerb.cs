using System.Reflection;
using CommandLine;
using SemAim.App.Report;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>What products compute in.</summary>
internal enum PrecisionChoice { Fp32, Bf16 }

/// <summary>Whether a CUDA device captures steps.</summary>
internal enum GraphChoice { Auto, On, Off }

/// <summary><c>semaim pretrain</c>: names and defaults of the original (behaviour.md 7) unless the help says otherwise.</summary>
[Verb("pretrain", HelpText = "Pretrain a model on pictures without labels.")]
internal sealed partial class PretrainVerb : PretrainModelOptions, IReplayed
{
    [Option("data_path", Required = true, HelpText = "A folder with an ImageFolder tree (train/CLASS/*), a list file (train.txt), tar shards (train*.tar or train/*.tar) or just pictures.")]
    public string DataPath { get; set; } = "";

    [Option("recipe", Default = "", HelpText = "A preset by name (pretrain-base, pretrain-single-gpu, pretrain-large, small-pictures, own-pictures) or a JSON file; options given here win over it.")]
    public string Recipe { get; set; } = "";

    [Option("batch_size", Default = 64, HelpText = "Pictures a micro-batch; the effective batch is this × accum_iter.")]
    public int BatchSize { get; set; }

    [Option("accum_iter", Default = 1, HelpText = "Micro-batches an optimiser step.")]
    public int AccumIter { get; set; }

    [Option("epochs", Default = 800, HelpText = "Epochs of the run.")]
    public int Epochs { get; set; }

    [Option("max_steps", Default = 0L, HelpText = "Stop after this many optimiser steps; the schedule spans them. 0: as many as the epochs have.")]
    public long MaxSteps { get; set; }

    [Option("warmup_epochs", Default = 30.0, HelpText = "Epochs in which the learning rate rises from 0.")]
    public double WarmupEpochs { get; set; }

    [Option("lr", Default = null, HelpText = "Learning rate; without it blr × effective batch / 256.")]
    public double? Lr { get; set; }

    [Option("blr", Default = 2e-4, HelpText = "Base learning rate for 256 pictures a step.")]
    public double Blr { get; set; }

    [Option("min_lr", Default = 0.0, HelpText = "Learning rate at the end.")]
    public double MinLr { get; set; }

    [Option("weight_decay", Default = 0.05, HelpText = "Decoupled weight decay.")]
    public double WeightDecay { get; set; }

    [Option("clip_grad", Default = null, HelpText = "Gradients are scaled down to this norm; without it they are not.")]
    public double? ClipGrad { get; set; }

    [Option("norm_pix_loss", Default = false, HelpText = "Normalise the target patch by patch.")]
    public bool NormPixLoss { get; set; }

    [Option("loss_type", Default = "L2", HelpText = "L1 or L2.")]
    public string LossType { get; set; } = "";

    [Option("gaussian_kernel_size", Default = 0, HelpText = "Side of the target's blur, odd; with gaussian_sigma. 0: no blur.")]
    public int GaussianKernelSize { get; set; }

    [Option("gaussian_sigma", Default = 0.0, HelpText = "Width of the target's blur, pixels.")]
    public double GaussianSigma { get; set; }

    [Option("precision", Default = PrecisionChoice.Fp32, HelpText = "fp32 or bf16 (products in bfloat16, everything else in float32).")]
    public PrecisionChoice Precision { get; set; }

    [Option("not_use_fp16", Default = false, HelpText = "The original's name for --precision fp32.")]
    public bool NotUseFp16 { get; set; }

    [Option("device", Default = "auto", HelpText = ComputeDevice.Help)]
    public string Device { get; set; } = "";

    [Option("output_dir", Default = "./pretrain", HelpText = "The run is written to OUTPUT_DIR/MODEL.EXPERIMENT.")]
    public string OutputDir { get; set; } = "";

    [Option("experiment", Default = "exp", HelpText = "Name of the run.")]
    public string Experiment { get; set; } = "";

    [Option("seed", Default = 0UL, HelpText = "Of augmentation, orders and initialisation.")]
    public ulong Seed { get; set; }

    [Option("num_workers", Default = 2, HelpText = "Decoder threads. 0: the training thread decodes. The batches are the same.")]
    public int NumWorkers { get; set; }

    [Option("max_bad_fraction", Default = 0.001, HelpText = "The run stops with 3 when more than this part of the files cannot be decoded; a single file never stops it unless this is 0.")]
    public double MaxBadFraction { get; set; }

    [Option("save_every", Default = 0L, HelpText = "Steps between two checkpoints. 0: one an epoch. There is always one at the end.")]
    public long SaveEvery { get; set; }

    [Option("keep", Default = 2, HelpText = "Checkpoints that stay.")]
    public int Keep { get; set; }

    [Option("resume", Default = "", HelpText = RunCheckpoints.Help)]
    public string Resume { get; set; } = "";

    [Option("max_time", Default = "", HelpText = "Save and end with 75 after this time: 90s, 45m, 3h or 2d.")]
    public string MaxTime { get; set; } = "";

    [Option("max_bad_steps", Default = 3, HelpText = "Save and end with 4 after this many steps in a row with a loss or gradient that is not finite.")]
    public int MaxBadSteps { get; set; }

    [Option("log_every", Default = 20, HelpText = "Steps between two lines of metrics.jsonl.")]
    public int LogEvery { get; set; }

    [Option("knn_every", Default = 0, HelpText = "Epochs between two k-NN evaluations (mean patch token, k = 20) of the validation pictures by the training pictures; 0: none.")]
    public int KnnEvery { get; set; }

    [Option("cuda_graph", Default = GraphChoice.Auto, HelpText = "On a CUDA device: on captures the step as graphs where libtorch has them; off and auto call every operation (auto may change when a GPU has been measured).")]
    public GraphChoice CudaGraph { get; set; }

    [Option("dry_run", Default = false, HelpText = "Check data, model, memory and time by a few real steps, predict the run's length, write nothing.")]
    public bool DryRun { get; set; }

    [Option("quiet", Default = false, HelpText = "No progress.")]
    public bool Quiet { get; set; }

    public int Run()
    {
        Check();
        var narrator = new Narrator(Quiet);
        using var stop = new StopRequest(StopRequest.Limit(MaxTime), narrator.Say);
        NativeStart.Ensure();
        using var source = SampleSources.Open(DataPath, "train", out var kind, Reading());
        torch.random.manual_seed((long)Seed);
        var device = ComputeDevice.Of(Device);
        using var network = OpenTeacher();
        network?.To(device);
        if (Precision == PrecisionChoice.Bf16 && !NotUseFp16) network?.Narrow();
        using var model = CreateModel(network?.Width ?? 0);
        model.to(device);
        using var teacher = KeepsAverage ? CreateModel(network?.Width ?? 0) : null;
        teacher?.to(device).eval();
        using var features = PredictsTokens ? new FeatureObjective(model.PredictedWidth) : null;
        var guidance = Guidance(model, teacher, network);
        using var objective = new PixelObjective(GaussianKernelSize, GaussianSigma, NormPixLoss, LossType);
        var effective = BatchSize * AccumIter;
        if (source.Count < effective) throw new UsageException($"--batch_size {BatchSize}: {source.Count} pictures do not fill one step of {effective}");
        var perEpoch = source.Count / effective;
        var steps = MaxSteps > 0 ? MaxSteps : (long)Epochs * perEpoch;
        var settings = new PretrainSettings
        {
            BatchSize = BatchSize,
            Accumulation = AccumIter,
            Steps = steps,
            Rate = Lr ?? LearningRateSchedule.Scale(Blr, effective),
            LeastRate = MinLr,
            WarmupSteps = Math.Min(WarmupEpochs * perEpoch, steps / 2.0),
            WeightDecay = WeightDecay,
            ClipGrad = ClipGrad ?? double.PositiveInfinity,
            Seed = Seed,
            Workers = NumWorkers,
            Narrow = Precision == PrecisionChoice.Bf16 && !NotUseFp16,
            Order = PermutationType,
            Boxes = BoxTable,
            MaxBadFiles = BadFiles.Allowed(MaxBadFraction, source.Count),
            SaveEvery = SaveEvery > 0 ? SaveEvery : perEpoch,
            MaxBadSteps = MaxBadSteps,
            LogEvery = LogEvery,
            EvaluateEvery = (long)KnnEvery * perEpoch,
        };
        using var val = KnnEvery > 0 ? Validation() : null;
        if (DryRun) return Rehearse(model, teacher, objective, guidance, features, source, settings, kind, perEpoch, device);
        using var run = new RunFolder(OutputDir, Model, Experiment);
        var checkpoints = new RunCheckpoints(run.Checkpoints, Keep);
        if (Resume == "none" && Directory.Exists(run.Checkpoints)) Directory.Delete(run.Checkpoints, recursive: true);
        var from = Resume.Length > 0 && Resume != "none" ? RunCheckpoints.Given(Resume, narrator.Say) : checkpoints.Newest(narrator.Say);
        var mathematics = settings.Mathematics(Model, source, [("norm_pix_loss", NormPixLoss), ("loss_type", LossType), ("gaussian_kernel_size", GaussianKernelSize), ("gaussian_sigma", GaussianSigma), .. ModelMathematics(), ("device", device.type.ToString().ToLowerInvariant())]);
        if (from is { } saved) RunCheckpoints.Compare(saved.State.Options, mathematics);
        MetricsLog.Cut(run.Metrics, from?.State.Step ?? 0);
        run.WriteConfig(Resolved(model, settings), model);
        foreach (var line in WithoutEffect()) narrator.Say(line);
        if (GaussianKernelSize > 0 != GaussianSigma > 0) narrator.Say($"--{(GaussianKernelSize > 0 ? "gaussian_kernel_size" : "gaussian_sigma")} changes nothing alone: a blur needs --gaussian_kernel_size and --gaussian_sigma");
        foreach (var line in FirstBlock(model, teacher, settings, source, kind, perEpoch, device)) narrator.Say(line);
        narrator.Say($"saves   every {settings.SaveEvery} steps, {Keep} stay → {run.Folder}");
        if (Foresight(model, settings) is { } need && need > MachineMemory.Free()) narrator.Say($"memory  about {need / 1e9:F1} GB are needed and {MachineMemory.Free() / 1e9:F1} GB are free: {Smaller()}");
        using (var log = new MetricsLog(run.Metrics, narrator.Say))
        {
            if (from is { } at) narrator.Say($"resume  from {at.Folder}, step {at.State.Step} of {steps}");
            log.Write("event", ("event", from is null ? "start" : "resume"), ("step", from?.State.Step ?? 0), ("steps", steps), ("pictures", source.Count));
            using var curves = new EventFile(run.Curves, tell: narrator.Say);
            void Evaluate(long step) => Judge(model, source, val!, step, step / perEpoch, log, narrator);
            var loop = new PretrainLoop(model, objective, source, settings, log, narrator, val is null ? null : (step, _) => Evaluate(step)) { Checkpoints = checkpoints, From = from, Mathematics = mathematics, Stop = stop, BadSteps = new BadStepRecords(run.BadSteps, new RecordedRun("pretrain", Options(), path => ModelWeights.Save(model, path), teacher is null ? null : path => ModelWeights.Save(teacher, path)), narrator.Say), Curves = curves, AverageTeacher = teacher, Guide = guidance, Features = features, Quarantine = new Quarantine(run.Quarantine, anew: from is null), Graphs = CudaGraph == GraphChoice.On };
            var speed = loop.Run();
            if (loop.Outcome != ExitCodes.Done)
            {
                Narrator.Fault(loop.Outcome == ExitCodes.Stopped ? "saved; the same command goes on from here" : $"{MaxBadSteps} steps in a row were not finite; see {run.BadSteps}");
                return loop.Outcome;
            }
            if (val is not null) Evaluate(steps);
            log.Write("event", ("event", "done"), ("images_per_second", Math.Round(speed, 1)));
        }
        if (teacher is not null) ModelWeights.Save(teacher, run.AverageWeights, new Dictionary<string, string> { ["model"] = Model });
        ModelWeights.Save(model, run.Weights, new Dictionary<string, string> { ["model"] = Model });
        ReportPage.Write(run.Report, run.Folder, [], model);
        Console.Out.WriteLine(run.Weights);
        return ExitCodes.Done;
    }

    private ISampleSource Validation()
    {
        try { return SampleSources.Open(DataPath, "val", out _, Reading()); }
        catch (RefusedException e) { throw new UsageException($"--knn_every {KnnEvery}: there are no validation pictures: {e.Message}", e); }
    }

    private void Judge(AimViT model, ISampleSource source, ISampleSource val, long step, long epoch, MetricsLog log, Narrator narrator)
    {
        const int neighbours = 20;
        using var scope = NewDisposeScope();
        model.eval();
        var ((bank, bankLabels), (query, queryLabels)) = (Features.Of(model, source, 64, NumWorkers), Features.Of(model, val, 64, NumWorkers));
        model.train();
        using (bank)
        using (query)
        {
            var knn = KnnEvaluation.Run(bank, bankLabels, query, queryLabels, [neighbours])[0];
            log.Write("knn", ("features", "pretrained"), ("step", step), ("epoch", epoch), ("k", knn.K), ("top1", Math.Round(knn.Top1, 2)), ("top5", Math.Round(knn.Top5, 2)), ("error", Math.Round(knn.Error, 2)));
            narrator.Say($"k-NN after step {step}: top-1 {knn.Top1:F1} ± {knn.Error:F1} % (mean patch token, k = {neighbours})");
        }
    }

    // everything that was resolved, before anything is trained
    private IEnumerable<string> FirstBlock(AimViT model, AimViT? teacher, PretrainSettings settings, ISampleSource source, string kind, int perEpoch, Device device)
    {
        yield return $"data    {kind}: {source.Count} pictures in {DataPath}; decoder: {ImageDecoder.Description}, {NumWorkers} threads";
        yield return $"model   {Model}: {model.parameters().Sum(p => p.numel()):N0} trained weights, width {model.Width}, {model.EncoderBlocks} encoder and {model.QueryBlocks} query blocks{(ShareWeight ? " that share weights" : "")}, {PredictionHeadType} head, pictures {model.ImageSize} px, patches {model.PatchSize} px";
        yield return $"target  {(PredictsTokens ? $"tokens of {PredictFeature}{(Teacher.Length > 0 ? $" ({Teacher})" : "")}" : $"pixels, {LossType}{(NormPixLoss ? ", normalised by patch" : "")}{(GaussianKernelSize > 0 && GaussianSigma > 0 ? $", blur {GaussianKernelSize}/{GaussianSigma}" : "")}")}; order {PermutationType}{(Orders.Of(PermutationType).NeedsGuidance ? $" by the {AttentionType} map of {(PredictFeature is "dino" or "clip" ? PredictFeature : teacher is not null ? "the average of the weights" : "the model itself")}" : "")}";
        yield return $"batch   {BatchSize}{(AccumIter > 1 ? $" × {AccumIter} micro-batches = {BatchSize * AccumIter}" : "")} pictures a step";
        yield return $"run     {settings.Steps} steps of {BatchSize * AccumIter} ({perEpoch} an epoch), lr {settings.Rate:G4} after {settings.WarmupSteps:F0} steps, then down to {settings.LeastRate:G4}; weight decay {WeightDecay}, {(ClipGrad is null ? "no clipping" : $"clip {ClipGrad}")}, {(settings.Narrow ? "bf16" : "fp32")} on {device}, {get_num_threads()} threads, seed {Seed}{(Recipe.Length > 0 ? $", recipe {Recipe}" : "")}";
    }

    // bytes that the compiler counted for a published model, or null
    private long? Foresight(AimViT model, PretrainSettings settings)
    {
        if (InputSize is not null || QueryDepth is not null || ShareWeight || PredictionHeadType != "MLP" || PredictFeature != "none" || ComputeDevice.Of(Device).type != DeviceType.CPU) return null;
        const long program = 600L << 20;                       // libraries, pictures on the way, workspaces
        var card = ModelCard.Of(Model, model);
        return card.ActivationBytes(BatchSize, settings.Narrow) is > 0 and var kept ? kept + card.StateBytes(settings.Narrow) + (KeepsAverage ? 4 * card.Parameters : 0) + program : null;
    }

    private string Smaller() => BatchSize > 1 ? $"--batch_size {BatchSize / 2} --accum_iter {AccumIter * 2} trains the same with less" : "choose a smaller model, or another machine";

    private int Rehearse(AimViT model, AimViT? teacher, PixelObjective objective, IGuidance guidance, FeatureObjective? features, ISampleSource source, PretrainSettings settings, string kind, int perEpoch, Device device)
    {
        var (foreseen, memory) = (Foresight(model, settings), MachineMemory.Free());
        if (foreseen > memory) throw new RefusedException($"--batch_size {BatchSize}: about {foreseen / 1e9:F1} GB are needed and {memory / 1e9:F1} GB are free: {Smaller()}");
        var block = FirstBlock(model, teacher, settings, source, kind, perEpoch, device).ToList();
        var found = Rehearsal.Of(model, teacher, objective, guidance, features, source, settings);
        var free = new DriveInfo(Path.GetFullPath(Directory.Exists(OutputDir) ? OutputDir : ".")).AvailableFreeSpace;
        var room = found.CheckpointBytes * (Keep + 1);
        foreach (var line in block) Console.Out.WriteLine(line);
        Console.Out.WriteLine($"""
            checked {found.Pictures} pictures, {(found.Refused.Count == 0 ? "all can be decoded" : $"of which {found.Refused.Count} cannot be decoded")}; 'semaim data-check' reads every file
            memory  {found.PeakMemory / 1e9:F2} GB at the peak{(foreseen is null ? "" : $" ({foreseen / 1e9:F1} foreseen by the compiler's count)")}, {memory / 1e9:F1} GB were free
            disk    {room / 1e9:F2} GB for {Keep} checkpoints and the next one, {free / 1e9:F2} GB free
            step    {found.SecondsAStep:F3} s for {BatchSize * AccumIter} pictures ({BatchSize * AccumIter / found.SecondsAStep:F1} a second)
            length  {settings.Steps} steps, {perEpoch} an epoch: {Rehearsal.Length(found.SecondsAStep * settings.Steps)}, without evaluations
            """);
        foreach (var bad in found.Refused) Console.Out.WriteLine($"refused {bad}");
        if (!found.IsFinite)
        {
            Narrator.Fault($"{MaxBadSteps} steps in a row were not finite; try a lower --lr than {settings.Rate:G4}");
            return ExitCodes.NotFinite;
        }
        if (room > free) throw new RefusedException($"--output_dir {OutputDir}: {room / 1e9:F2} GB of checkpoints do not fit {free / 1e9:F2} GB of free space");
        return ExitCodes.Done;
    }

    public void Check()
    {
        if (KnnEvery < 0) throw new UsageException($"--knn_every {KnnEvery}: 0 or more");
        CheckModel();
        if (BatchSize < 1) throw new UsageException($"--batch_size {BatchSize}: at least 1");
        if (AccumIter < 1) throw new UsageException($"--accum_iter {AccumIter}: at least 1");
        if (Epochs < 1) throw new UsageException($"--epochs {Epochs}: at least 1");
        if (MaxSteps < 0) throw new UsageException($"--max_steps {MaxSteps}: 0 or more");
        if (SaveEvery < 0) throw new UsageException($"--save_every {SaveEvery}: 0 or more");
        if (Keep < 1) throw new UsageException($"--keep {Keep}: at least 1");
        if (MaxBadSteps < 1) throw new UsageException($"--max_bad_steps {MaxBadSteps}: at least 1");
        if (LogEvery < 1) throw new UsageException($"--log_every {LogEvery}: at least 1");
        if (CudaGraph == GraphChoice.On && (Orders.Of(PermutationType).Name is "center2out" or "out2center" or "raster" or "attention_guided" or "stochastic_center" || PredictFeature == "clip"))
            throw new UsageException($"--cuda_graph on: {(PredictFeature == "clip" ? "--predict_feature clip" : $"--permutation_type {PermutationType}")} reads a table from the host in every step, which a graph cannot; leave --cuda_graph out");
        if (NumWorkers is < 0 or > 256) throw new UsageException($"--num_workers {NumWorkers}: 0 to 256");
        Reading();
        Bounds.Positive("clip_grad", ClipGrad);
        Bounds.Share("max_bad_fraction", MaxBadFraction);
        Bounds.NotNegative("lr", Lr);
        Bounds.NotNegative("blr", Blr);
        Bounds.NotNegative("min_lr", MinLr);
        Bounds.NotNegative("weight_decay", WeightDecay);
        Bounds.NotNegative("warmup_epochs", WarmupEpochs);
        Bounds.NotNegative("gaussian_sigma", GaussianSigma);
        if (GaussianKernelSize is < 0 or > 99) throw new UsageException($"--gaussian_kernel_size {GaussianKernelSize}: 0, or odd up to 99");
        if (LossType is not ("L1" or "L2")) throw new UsageException($"--loss_type {LossType}: choose L1 or L2");
    }

    // config.json: options as they were resolved, and what ran
    private Dictionary<string, object?> Resolved(AimViT model, PretrainSettings settings)
    {
        var values = Options();
        (values["lr"], values["max_steps"], values["save_every"], values["input_size"], values["query_depth"]) = (settings.Rate, settings.Steps, settings.SaveEvery, model.ImageSize, model.QueryBlocks);
        values["precision"] = settings.Narrow ? "bf16" : "fp32";
        values["verb"] = "pretrain";
        values["parameters"] = model.parameters().Sum(p => p.numel());
        return values;
    }

    private Dictionary<string, object?> Options()
        => typeof(PretrainVerb).GetProperties().Where(p => p.GetCustomAttribute<OptionAttribute>() is not null)
            .ToDictionary(p => p.GetCustomAttribute<OptionAttribute>()!.LongName, p => p.GetValue(this) is Enum e ? e.ToString().ToLowerInvariant() : p.GetValue(this));
}
