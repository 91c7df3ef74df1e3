using System.Diagnostics;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Capture;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Native;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Pretraining, read from top to bottom: a batch, its order, prediction, loss, gradients, update.</summary>
internal sealed class PretrainLoop(AimViT model, PixelObjective objective, ISampleSource source, PretrainSettings settings, MetricsLog log, Narrator narrator, Action<long, double>? evaluate = null)
{
    internal static readonly float[] Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f];

    /// <summary>Where checkpoints go; null: nowhere.</summary>
    internal RunCheckpoints? Checkpoints { get; init; }

    /// <summary>The checkpoint to go on from, or null.</summary>
    internal (string Folder, CheckpointState State)? From { get; init; }

    /// <summary>What decides the mathematics; written into checkpoints.</summary>
    internal IReadOnlyDictionary<string, string> Mathematics { get; init; } = new Dictionary<string, string>();

    /// <summary>Asked after every step.</summary>
    internal StopRequest? Stop { get; init; }

    /// <summary>Where non-finite steps are recorded; null: nowhere.</summary>
    internal BadStepRecords? BadSteps { get; init; }

    /// <summary>A model of the same kind that computes with the average of the weights (behaviour.md 3.3); null: no average is kept.</summary>
    internal AimViT? AverageTeacher { get; init; }

    /// <summary>List of files that cannot be decoded; null: none is kept.</summary>
    internal Quarantine? Quarantine { get; init; }

    /// <summary>What guides; null: the average, or the student itself, by likeness to the class token.</summary>
    internal IGuidance? Guide { get; init; }

    /// <summary>The objective where tokens are predicted; null: pixels are.</summary>
    internal FeatureObjective? Features { get; init; }

    /// <summary>TensorBoard's curves; null: none.</summary>
    internal EventFile? Curves { get; init; }

    /// <summary>On a CUDA device steps are captured as graphs, where it has them.</summary>
    internal bool Graphs { get; init; }

    /// <summary>How the run ended: <see cref="ExitCodes.Done"/>, <see cref="ExitCodes.Stopped"/> or <see cref="ExitCodes.NotFinite"/>.</summary>
    internal int Outcome { get; private set; } = ExitCodes.Done;

    /// <summary>Called after every step with the number of steps done; for measurements and tests.</summary>
    internal Action<long>? AfterStep { get; init; }

    /// <summary>Called after every micro-batch; for measurements.</summary>
    internal Action? AfterBatch { get; init; }

    /// <summary>Called for every file that cannot be decoded, when its batch is taken.</summary>
    internal Action<RefusedSample>? Undecoded { get; init; }

    /// <summary>Trains; the model's weights are views of an arena that lives as long as the process.</summary>
    /// <returns>pictures a second</returns>
    internal double Run()
    {
        var order = Orders.Of(settings.Order, settings.Boxes);
        var guide = Guide ?? new EncoderGuidance(AverageTeacher ?? model, AttentionType.Cls, tokens: false, map: order.NeedsGuidance);
        var effective = settings.BatchSize * settings.Accumulation;
        if (source.Count < effective) throw new Runtime.UsageException($"--batch_size {settings.BatchSize}: {source.Count} pictures do not fill one step of {effective}");
        var stepsPerEpoch = source.Count / effective;
        var epochs = (int)((settings.Steps + stepsPerEpoch - 1) / stepsPerEpoch);
        var first = From?.State.Step ?? 0;
        var plan = new TrainingPlan(source.Count, settings.BatchSize, 0, 1, settings.Seed, epochs, settings.Accumulation, first * effective);
        if (From is { } weights) RunCheckpoints.LoadWeights(model, weights.Folder);
        var arena = new ParameterArena(model, slot => model.HasNoGradient(slot.Name) ? ParameterGroups.Undecayed : ParameterGroups.Pretraining(slot), settings.Narrow);
        using var optimizer = new ArenaAdamW(arena, new Dictionary<int, double> { [ParameterGroups.Undecayed] = 0, [ParameterGroups.Decayed] = settings.WeightDecay }, maxNorm: settings.ClipGrad);
        using var average = AverageTeacher is null ? null : new ExponentialMovingAverage(arena);
        if (From is { } moments) RunCheckpoints.LoadMoments(arena, optimizer, average, moments.Folder);
        if (AverageTeacher is { } teacher) average!.Attach(teacher);
        using var saver = Checkpoints is null ? null : new BackgroundSaver(Checkpoints, (saved, seconds, beside) => log.Write("event", ("event", "save"), ("step", saved), ("seconds", Math.Round(seconds, 3)), ("beside_training", beside)), refusal =>
        {
            narrator.Say(refusal);
            log.Write("event", ("event", "save failed"), ("reason", refusal));
        });
        var badInARow = From?.State.BadInARow ?? 0;
        var schedule = new LearningRateSchedule(settings.Rate, settings.LeastRate, settings.WarmupSteps, settings.Steps);
        var device = arena.Weights.device;
        const int slots = 4;
        using var uploader = new DeviceUploader(device, settings.BatchSize, model.ImageSize, slots, Mean, Std);
        using var loader = new RingLoader(source, plan,
            () => new TrainingPipeline(new TrainingOptions(settings.Seed, model.ImageSize, settings.MinScale, Decode: source.Decode)),
            new RingOptions(settings.Workers, slots, model.ImageSize, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, settings.MaxBadFiles, Refused: Refused),
            bytes => new TensorBatchMemory(bytes, pinned: device.type == DeviceType.CUDA));
        using Tensor epochLoss = Sum(device, From?.State.Epoch.Loss ?? 0), epochNorm = Sum(device, From?.State.Epoch.Norm ?? 0);
        var (epochRate, epochSteps) = (From?.State.Epoch.Rate ?? 0, From?.State.Epoch.Steps ?? 0);
        using var backend = Graphs && device.type == DeviceType.CUDA ? CaptureBackend(device) : new EagerBackend();
        using var entered = backend.Enter();
        using var work = new PretrainStep(new(model, order, guide, objective, Features), arena, optimizer, average, () => uploader.Normalize(uploader.Bytes), settings.BatchSize, settings.Accumulation, backend);
        var (clock, epochClock) = (Stopwatch.StartNew(), Stopwatch.StartNew());
        model.train();
        narrator.Track("pretrain", settings.Steps, report =>
        {
            for (var step = first; step < settings.Steps && Outcome == ExitCodes.Done; step++)
            {
                using var scope = NewDisposeScope();
                var rowsOfStep = new List<SampleKey>();
                work.Begin();
                for (var micro = 0; micro < settings.Accumulation; micro++)
                {
                    var batch = loader.Take() ?? throw new InvalidOperationException("the plan ended before the run");
                    for (var row = 0; row < batch.Rows; row++) rowsOfStep.Add(plan.Sample(batch.Number, row));
                    uploader.Upload(batch).Dispose();                                                                         // B 3 S S
                    work.Micro(settings.Seed, step, micro);
                    AfterBatch?.Invoke();
                }
                var rate = schedule.At(step);
                work.Update(rate, ExponentialMovingAverage.Decay(step / stepsPerEpoch));
                badInARow = IsSkipped(optimizer, step) ? badInARow + 1 : 0;
                if (badInARow == 0)
                {
                    epochLoss.add_(work.Loss, Number.One);
                    epochNorm.add_(optimizer.LastNorm, Number.One);
                    (epochRate, epochSteps) = (epochRate + rate, epochSteps + 1);
                }
                if ((step + 1) % stepsPerEpoch == 0 && epochSteps > 0)          // of an epoch in which every step was skipped there is no average
                {
                    var (meanLoss, meanNorm) = ((double)epochLoss.item<float>() / settings.Accumulation / epochSteps, (double)epochNorm.item<float>() / epochSteps);
                    log.Write("epoch", ("train_lr", epochRate / epochSteps), ("train_loss", meanLoss), ("train_total_norm", meanNorm), ("epoch", step / stepsPerEpoch), ("step", step + 1), ("steps", epochSteps));
                    narrator.Say($"epoch {step / stepsPerEpoch + 1} of {epochs}: loss {meanLoss:F4}, gradient norm {meanNorm:G4}, lr {epochRate / epochSteps:G4}, {epochSteps} steps in {Rehearsal.Length(epochClock.Elapsed.TotalSeconds)}");
                    epochClock.Restart();
                    epochLoss.zero_().Dispose();                // zero_ makes a new wrapper
                    epochNorm.zero_().Dispose();
                    (epochRate, epochSteps) = (0, 0);
                }
                if (badInARow > 0) Record(step, badInARow, rate, rowsOfStep, work, optimizer);
                if (badInARow >= settings.MaxBadSteps) Outcome = ExitCodes.NotFinite;
                else if (step + 1 < settings.Steps && Stop?.Reason is { } reason) Ended(step, reason);
                var last = Outcome != ExitCodes.Done || step + 1 == settings.Steps;
                if (saver is not null && (last || settings.SaveEvery > 0 && (step + 1) % settings.SaveEvery == 0))
                {
                    var state = TrainingState.Of(model, arena, optimizer, average, step + 1, badInARow, Mathematics) with { Epoch = new(epochLoss.item<float>(), epochNorm.item<float>(), epochRate, epochSteps) };
                    if (last) saver.SaveNow(state); else saver.Save(state);
                }
                AfterStep?.Invoke(step + 1);
                if (evaluate is not null && settings.EvaluateEvery > 0 && (step + 1) % settings.EvaluateEvery == 0 && step + 1 < settings.Steps)
                {
                    clock.Stop();
                    evaluate(step + 1, clock.Elapsed.TotalSeconds);
                    clock.Start();
                }
                if (step % settings.LogEvery != 0 && step != settings.Steps - 1 && Outcome == ExitCodes.Done) continue;
                var (value, norm) = ((double)work.Loss.item<float>() / settings.Accumulation, (double)optimizer.LastNorm.item<float>());     // the only values read back
                var speed = (step + 1 - first) * effective / clock.Elapsed.TotalSeconds;
                log.Write("step", [("step", step + 1), ("epoch", step / stepsPerEpoch), ("loss", value), ("lr", rate), ("grad_norm", norm), ("images_per_second", Math.Round(speed, 1)), .. MemoryUse.Now(device)]);
                var x = source.Count / settings.BatchSize * (step / stepsPerEpoch) + (step % stepsPerEpoch + 1) * settings.Accumulation - 1;      // the original's: micro-batches of the run
                Curves?.Add("loss", x, value);
                Curves?.Add("lr", x, rate);
                Curves?.Add("grad_norm", x, norm);
                report(step + 1, $"loss {value:F4}  {speed:F0} images/s");
            }
        });
        model.eval();
        if (loader.Replaced > 0) narrator.Say($"{loader.Replaced} samples were replaced because their files cannot be decoded");
        return (settings.Steps - first) * effective / clock.Elapsed.TotalSeconds;
    }

    private static Tensor Sum(Device device, double start) => tensor((float)start, device: device).DetachFromDisposeScope();

    private ICaptureBackend CaptureBackend(Device device)
    {
        if (CudaGraphBackend.TryCreate(Math.Max(0, device.index), out var reason) is { } graphs) return graphs;
        narrator.Say($"no CUDA graphs: {reason}; every step is called");
        log.Write("event", ("event", "no graphs"), ("reason", reason));
        return new EagerBackend();
    }

    // On a CPU the flag costs nothing to read; on a GPU it is read where the loss is, so that no step waits for the host.
    private bool IsSkipped(ArenaAdamW optimizer, long step)
        => (optimizer.LastSkipped.device.type == DeviceType.CPU || step % settings.LogEvery == 0) && optimizer.LastSkipped.item<float>() != 0;

    private void Ended(long step, string reason)
    {
        Outcome = ExitCodes.Stopped;
        log.Write("event", ("event", "stop"), ("step", step + 1), ("reason", reason));
        narrator.Say($"{reason}: stopping after step {step + 1}");
    }

    private void Record(long step, int inARow, double rate, List<SampleKey> rows, PretrainStep work, ArenaAdamW optimizer)
    {
        var finite = float.IsFinite(work.Flaw.item<float>());
        if (!finite) narrator.Say($"step {step + 1}: the map that {settings.Order} orders by is not finite, so nothing says which patches may be seen");
        var (loss, norm) = ((double)work.Loss.item<float>() / settings.Accumulation, (double)optimizer.LastNorm.item<float>());
        narrator.Say($"step {step + 1}: loss {loss}, gradient norm {norm}: the update was skipped");
        log.Write("event", ("event", "bad step"), ("step", step + 1), ("loss", loss), ("grad_norm", norm), ("order_is_finite", finite));
        // the update was skipped, so the weights are still those that the step began with, and those of the bad step before it
        BadSteps?.Write(inARow, new(step + 1, loss, norm, rate, finite, new(settings.Seed, step, settings.BatchSize), [.. rows.Select(r => new StepSample(r.Epoch, r.Index, source.Name(r.Index)))]));
    }

    private void Refused(RefusedSample bad)
    {
        var step = bad.Batch / settings.Accumulation + 1;
        narrator.Say($"refused {bad.Path}: {bad.Reason}; another picture takes its place");
        log.Write("event", ("event", "refused sample"), ("path", bad.Path), ("reason", bad.Reason), ("step", step));
        Quarantine?.Add(bad, step);
        Undecoded?.Invoke(bad);
    }
}
