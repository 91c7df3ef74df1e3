using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SemAim.Dsl;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Native;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>
/// Supervised training, read from top to bottom: losses of micro-batches, gradients, update; after every epoch all held-out pictures, the best
/// weights kept, a checkpoint. What a micro-batch is and how it is judged is the protocol's: <see cref="FinetuneLoop"/>, <see cref="LinearProbe"/>.
/// </summary>
/// <param name="trained">what checkpoints hold; its weights lie in the arena</param>
/// <param name="arena">the trained weights</param>
/// <param name="optimizer">of that arena</param>
/// <param name="scale">of the learning rate, by group</param>
/// <param name="pictures">of the training set</param>
internal abstract class ClassifierLoop(GraphModule trained, ParameterArena arena, IArenaOptimizer optimizer, IReadOnlyDictionary<int, double> scale, int pictures, ClassifierSettings settings, MetricsLog log, Narrator narrator)
{
    /// <summary>Where checkpoints go; null: nowhere.</summary>
    internal RunCheckpoints? Checkpoints { get; init; }

    /// <summary>Steps done before this call.</summary>
    internal long First { get; init; }

    /// <summary>Of the epoch that was under way.</summary>
    internal EpochSums Begun { get; init; }

    /// <summary>The best epoch before this call, or null.</summary>
    internal (int Epoch, Accuracy Accuracy)? Best { get; set; }

    /// <summary>Writes the best weights; null: nowhere.</summary>
    internal Action<Accuracy>? SaveBest { get; init; }

    /// <summary>What decides the mathematics; written into checkpoints.</summary>
    internal IReadOnlyDictionary<string, string> Mathematics { get; init; } = new Dictionary<string, string>();

    /// <summary>Non-finite steps at the end of those done before.</summary>
    internal int BadInARow { get; init; }

    /// <summary>Where non-finite steps are recorded; null: nowhere.</summary>
    internal BadStepRecords? BadSteps { get; init; }

    /// <summary>Asked after every step.</summary>
    internal StopRequest? Stop { get; init; }

    /// <summary>TensorBoard's curves; null: none.</summary>
    internal EventFile? Curves { get; init; }

    /// <summary>Called after every step with the number of steps done; for rehearsals.</summary>
    internal Action<long>? AfterStep { get; init; }

    /// <summary>Held-out pictures are judged after every epoch.</summary>
    internal bool Judges { get; init; } = true;

    /// <summary>How the run ended: <see cref="ExitCodes.Done"/>, <see cref="ExitCodes.Stopped"/> or <see cref="ExitCodes.NotFinite"/>.</summary>
    internal int Outcome { get; private set; } = ExitCodes.Done;

    /// <summary>After the last epoch.</summary>
    internal Accuracy? Last { get; private set; }

    /// <summary>Loss of the next micro-batch, 0-d, with its graph.</summary>
    /// <param name="step">optimiser step of the run</param>
    /// <param name="micro">micro-batch of that step</param>
    private protected abstract Tensor Loss(long step, int micro);

    /// <summary>The picture in a row of a micro-batch of the run.</summary>
    private protected abstract StepSample Sample(long batch, int row);

    /// <summary>Before a step: what its passes change besides gradients is remembered.</summary>
    private protected virtual void Begin() { }

    /// <summary>After it: a skipped step leaves that as it was.</summary>
    /// <param name="skipped">1 where the update was skipped; 0-d</param>
    private protected virtual void Settle(Tensor skipped) { }

    /// <summary>All held-out pictures, without gradients and augmentation.</summary>
    private protected abstract Accuracy Judge();

    /// <summary>Name of the protocol, for the bar.</summary>
    private protected abstract string Title { get; }

    /// <summary>Trains to the last epoch, or until somebody asks to stop.</summary>
    /// <returns>pictures a second, of training alone</returns>
    internal double Run()
    {
        var (stepsPerEpoch, batchesPerEpoch) = (pictures / settings.Effective, pictures / settings.BatchSize);
        var steps = settings.Steps(stepsPerEpoch);
        var schedule = new LearningRateSchedule(settings.Rate, settings.LeastRate, settings.WarmupEpochs * stepsPerEpoch, steps);
        var (clock, trainedFor) = (Stopwatch.StartNew(), TimeSpan.Zero);
        var (sum, rates, count) = (tensor(Begun.Loss, device: arena.Weights.device).DetachFromDisposeScope(), Begun.Rate, Begun.Steps);
        using var saver = Checkpoints is null ? null : new BackgroundSaver(Checkpoints, (saved, seconds, beside) => log.Write("event", ("event", "save"), ("step", saved), ("seconds", Math.Round(seconds, 3)), ("beside_training", beside)), refusal =>
        {
            narrator.Say(refusal);
            log.Write("event", ("event", "save failed"), ("reason", refusal));
        });
        var parameters = arena.Specs.Sum(s => s.Count);
        using var zero = zeros(Array.Empty<long>(), device: arena.Weights.device).DetachFromDisposeScope();
        using var one = ones(Array.Empty<long>(), device: arena.Weights.device).DetachFromDisposeScope();
        var badInARow = BadInARow;
        trained.train();
        narrator.Track(Title, steps, report =>
        {
            for (var step = First; step < steps && Outcome == ExitCodes.Done; step++)
            {
                using var scope = NewDisposeScope();
                var epoch = (int)(step / stepsPerEpoch);
                var lossSum = zeros(Array.Empty<long>(), device: arena.Weights.device);
                Begin();
                for (var micro = 0; micro < settings.Accumulation; micro++)
                {
                    using var inner = NewDisposeScope();
                    var loss = Loss(step, micro).div(Number.Of(settings.Accumulation));
                    // a loss that is not finite may have finite gradients: it makes them NaN, so that the update is skipped
                    using (SignalShield.Raise()) loss.mul(loss.detach().mul(zero).add(one, Number.One)).backward();
                    arena.CollectGradients();
                    lossSum.add_(loss.detach().to(float32), Number.One);
                }
                var rate = schedule.At(step);
                foreach (var group in arena.Groups) optimizer.SetLearningRate(group, rate * scale[group]);
                optimizer.Step();
                arena.ZeroGradients();
                Settle(optimizer.LastSkipped);
                badInARow = IsSkipped(step) ? badInARow + 1 : 0;
                if (badInARow == 0)
                {
                    sum.add_(lossSum, Number.One);
                    (rates, count) = (rates + rate, count + 1);
                }
                else
                {
                    var (seen, length) = ((double)lossSum.item<float>(), (double)optimizer.LastNorm.item<float>());
                    narrator.Say($"step {step + 1}: loss {seen}, gradient norm {length}: the update was skipped");
                    log.Write("event", ("event", "bad step"), ("step", step + 1), ("loss", seen), ("grad_norm", length));
                    // the update was skipped, so the weights are still those that the step began with
                    BadSteps?.Write(badInARow, new(step + 1, seen, length, rate, true, new(settings.Seed, step, settings.BatchSize), [.. Enumerable.Range(0, settings.Effective).Select(row => Sample(step * settings.Accumulation + row / settings.BatchSize, row % settings.BatchSize))]));
                    if (badInARow >= settings.MaxBadSteps) Outcome = ExitCodes.NotFinite;
                }
                AfterStep?.Invoke(step + 1);
                var lastOfEpoch = (step + 1) % stepsPerEpoch == 0 || step + 1 == steps;
                if (step % settings.LogEvery == 0 || lastOfEpoch)
                {
                    // the only values read back
                    var (value, norm) = ((double)lossSum.item<float>(), (double)optimizer.LastNorm.item<float>());
                    var speed = (step + 1 - First) * settings.Effective / (trainedFor + clock.Elapsed).TotalSeconds;
                    log.Write("step", [("step", step + 1), ("epoch", epoch), ("loss", value), ("lr", rate), ("grad_norm", norm), ("images_per_second", Math.Round(speed, 1)), .. MemoryUse.Now(arena.Weights.device)]);
                    var x = (long)(1000 * (epoch + (double)((step % stepsPerEpoch + 1) * settings.Accumulation - 1) / batchesPerEpoch));      // the original's: micro-batches, in thousandths of an epoch
                    Curves?.Add("loss", x, value);
                    Curves?.Add("lr", x, rate);
                    report(step + 1, $"loss {value:F4}  {speed:F0} images/s");
                }
                if (lastOfEpoch && Judges && Outcome == ExitCodes.Done)
                {
                    trainedFor += clock.Elapsed;
                    trained.train(false);
                    Last = Judge();
                    trained.train();
                    var trainLoss = (double)sum.item<float>() / count;                  // of an epoch in which every step was skipped there is no average
                    log.Write("epoch", [.. count == 0 ? [] : new (string, object?)[] { ("train_lr", rates / count), ("train_loss", trainLoss) }, ("test_loss", Last.Loss), ("test_acc1", Last.Top1), ("test_acc5", Last.Top5), ("epoch", epoch), ("n_parameters", parameters), ("step", step + 1), ("steps", count)]);
                    Curves?.Add("perf/test_acc1", epoch, Last.Top1);
                    Curves?.Add("perf/test_acc5", epoch, Last.Top5);
                    Curves?.Add("perf/test_loss", epoch, Last.Loss);
                    narrator.Say($"epoch {epoch + 1} of {settings.Epochs}: training loss {(count == 0 ? "none, every step was skipped" : trainLoss.ToString("F4", CultureInfo.InvariantCulture))}, held out: loss {Last.Loss:F4}, top-1 {Last.Top1:F2} ± {Last.Error:F2} %, top-5 {Last.Top5:F2} %");
                    sum.zero_().Dispose();                          // zero_ makes a new wrapper
                    (rates, count) = (0, 0);
                    if (Best is null || Last.Top1 > Best.Value.Accuracy.Top1)
                    {
                        Best = (epoch, Last);
                        SaveBest?.Invoke(Last);
                    }
                    clock.Restart();
                }
                if (Outcome == ExitCodes.Done && step + 1 < steps && Stop?.Reason is { } reason)
                {
                    Outcome = ExitCodes.Stopped;
                    log.Write("event", ("event", "stop"), ("step", step + 1), ("reason", reason));
                    narrator.Say($"{reason}: stopping after step {step + 1}");
                }
                var last = Outcome != ExitCodes.Done || step + 1 == steps;
                if (saver is null || !last && !lastOfEpoch && (settings.SaveEvery == 0 || (step + 1) % settings.SaveEvery != 0)) continue;
                var state = TrainingState.Of(trained, arena, optimizer, null, step + 1, badInARow, Mathematics) with { Epoch = new(sum.item<float>(), 0, rates, count) };
                if (last) saver.SaveNow(state); else saver.Save(state);
            }
        });
        sum.Dispose();
        trained.train(false);
        return (steps - First) * settings.Effective / Math.Max(1e-9, (trainedFor + clock.Elapsed).TotalSeconds);
    }

    // on a CPU the flag costs nothing to read; on a GPU it is read where the loss is, so that no step waits for the host
    private bool IsSkipped(long step)
        => (optimizer.LastSkipped.device.type == DeviceType.CPU || step % settings.LogEvery == 0) && optimizer.LastSkipped.item<float>() != 0;

    /// <summary>The best epoch that a log tells of, and the last; null where it tells of none.</summary>
    internal static ((int Epoch, Accuracy Accuracy)? Best, Accuracy? Last) Recorded(string metrics, int pictures)
    {
        ((int, Accuracy)? best, Accuracy? last) = (null, null);
        foreach (var line in File.Exists(metrics) ? File.ReadLines(metrics) : [])
        {
            using var json = JsonDocument.Parse(line);
            var told = json.RootElement;
            if (told.ValueKind != JsonValueKind.Object || !told.TryGetProperty("kind", out var kind) || kind.ValueKind != JsonValueKind.String || kind.GetString() != "epoch") continue;
            // a loss that is not finite is written as a text
            double Value(string name) => told.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : double.NaN;
            last = new(Value("test_loss"), Value("test_acc1"), Value("test_acc5"), pictures);
            if (best is not { } b || last.Top1 > b.Item2.Top1) best = ((int)Value("epoch"), last);
        }
        return (best, last);
    }
}
