using System.Diagnostics;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;

namespace SemAim.App.Training;

/// <summary>What <c>--dry-run</c> found: a few real steps, and what a whole run would take.</summary>
/// <param name="SecondsAStep">of all its micro-batches and the update</param>
/// <param name="PeakMemory">bytes, of the process</param>
/// <param name="CheckpointBytes">one checkpoint on disk</param>
/// <param name="Pictures">decoded on the way</param>
/// <param name="Refused">of these: could not be decoded</param>
/// <param name="IsFinite">false: the steps were bad ones, as many in a row as end a run</param>
internal sealed record Rehearsal(double SecondsAStep, long PeakMemory, long CheckpointBytes, long Pictures, IReadOnlyList<string> Refused, bool IsFinite = true)
{
    private const int MostSteps = 40;                          // short steps are slower until the runtime has compiled them well
    private const double LongEnough = 15;                      // seconds; two steps are always made

    /// <summary>Trains a few steps that are thrown away; nothing is written. Of many micro-batches a step two are made, and the time of one counts for the others.</summary>
    internal static Rehearsal Of(AimViT model, AimViT? teacher, PixelObjective objective, IGuidance guidance, FeatureObjective? features, ISampleSource source, PretrainSettings settings)
    {
        var silent = Path.GetTempFileName();
        try
        {
            var (batches, steps, refused) = (new List<double>(), new List<double>(), new List<string>());
            var clock = Stopwatch.StartNew();
            // per weight: itself, two moments, and its average where there is one
            var bytes = model.parameters().Sum(p => p.numel()) * (teacher is null ? 12L : 16L);
            var accumulation = Math.Min(settings.Accumulation, 2);
            bool finite;
            using (var stop = new StopRequest(TimeSpan.MaxValue))
            using (var nowhere = new MetricsLog(silent))
            {
                var loop = new PretrainLoop(model, objective, source, settings with { Accumulation = accumulation, Steps = MostSteps, WarmupSteps = 1, LogEvery = MostSteps, SaveEvery = 0 }, nowhere, new Narrator(true))
                {
                    AverageTeacher = teacher,
                    Guide = guidance,
                    Features = features,
                    Stop = stop,
                    Undecoded = bad => refused.Add($"{bad.Path}: {bad.Reason}"),
                    AfterBatch = () => batches.Add(clock.Elapsed.TotalSeconds),
                    AfterStep = step =>
                    {
                        steps.Add(clock.Elapsed.TotalSeconds);
                        if (step > 1 && clock.Elapsed.TotalSeconds > LongEnough) stop.Ask("it is long enough");
                    },
                };
                loop.Run();
                finite = loop.Outcome != ExitCodes.NotFinite;
            }
            // the first step makes workspaces; of the others, the median
            var whole = Median(steps.Skip(1).Zip(steps, (b, a) => b - a));
            var update = Median(steps.Skip(1).Select((end, i) => end - batches[(i + 2) * accumulation - 1]));
            return new(update + (whole - update) / accumulation * settings.Accumulation, Process.GetCurrentProcess().PeakWorkingSet64, bytes, (long)batches.Count * settings.BatchSize, refused, finite);
        }
        finally { File.Delete(silent); }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length > 0 ? sorted[sorted.Length / 2] : double.NaN;
    }

    /// <summary>90 s, 45 min, 3.2 h, 12 days.</summary>
    internal static string Length(double seconds) => seconds switch
    {
        < 120 => $"{seconds:F0} s",
        < 7200 => $"{seconds / 60:F0} min",
        < 172800 => $"{seconds / 3600:F1} h",
        _ => $"{seconds / 86400:F1} days",
    };
}
