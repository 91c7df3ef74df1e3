using System.Diagnostics;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;

namespace SemAim.App.Training;

/// <summary>What <c>--dry-run</c> found: a few real steps, and what a whole run would take.</summary>
/// <param name="SecondsAStep">median of the timed steps</param>
/// <param name="PeakMemory">bytes, of the process</param>
/// <param name="CheckpointBytes">one checkpoint on disk</param>
internal sealed record Rehearsal(double SecondsAStep, long PeakMemory, long CheckpointBytes)
{
    private const int Steps = 4;

    /// <summary>Trains a few steps that are thrown away; nothing is written.</summary>
    internal static Rehearsal Of(AimViT model, AimViT? teacher, PixelObjective objective, IGuidance guidance, FeatureObjective? features, ISampleSource source, PretrainSettings settings)
    {
        var silent = Path.GetTempFileName();
        try
        {
            var marks = new List<double>();
            var clock = Stopwatch.StartNew();
            // per weight: itself, two moments, and its average where there is one
            var bytes = model.parameters().Sum(p => p.numel()) * (teacher is null ? 12L : 16L);
            using (var nowhere = new MetricsLog(silent))
                new PretrainLoop(model, objective, source, settings with { Steps = Steps, WarmupSteps = 1, LogEvery = Steps, SaveEvery = 0 }, nowhere, new Narrator(true))
                {
                    AverageTeacher = teacher,
                    Guide = guidance,
                    Features = features,
                    AfterStep = _ => marks.Add(clock.Elapsed.TotalSeconds),
                }.Run();
            var seconds = marks.Skip(1).Zip(marks, (b, a) => b - a).Order().ToArray();
            return new(seconds[seconds.Length / 2], Process.GetCurrentProcess().PeakWorkingSet64, bytes);
        }
        finally { File.Delete(silent); }
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
