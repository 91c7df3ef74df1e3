using System.Diagnostics;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;

namespace SemAim.App.Training;

/// <summary>What <c>--dry-run</c> of fine-tuning and probing found: a few real steps and a batch of held-out pictures, all thrown away.</summary>
/// <param name="SecondsAStep">median, without the first step</param>
/// <param name="JudgedPerSecond">held-out pictures</param>
/// <param name="PeakMemory">bytes, of the process</param>
/// <param name="Steps">that were made</param>
/// <param name="Outcome">an exit code: <see cref="ExitCodes.NotFinite"/> where the steps were bad</param>
internal sealed record ClassifierRehearsal(double SecondsAStep, double JudgedPerSecond, long PeakMemory, int Steps, int Outcome)
{
    private const int MostSteps = 12;
    private const double LongEnough = 15;                      // seconds; two steps are always made

    /// <summary>Trains a few steps.</summary>
    /// <param name="make">the run's loop, which writes to this log and asks this request after each step; it is disposed</param>
    /// <param name="judge">judges held-out pictures</param>
    /// <param name="held">of which the first batch is judged</param>
    /// <param name="batch">pictures at a time</param>
    internal static ClassifierRehearsal Of(Func<MetricsLog, StopRequest, Action<long>, ClassifierLoop> make, Func<ISampleSource, Accuracy> judge, ISampleSource held, int batch)
    {
        var silent = Path.GetTempFileName();
        try
        {
            var (clock, ends) = (Stopwatch.StartNew(), new List<double>());
            using var stop = new StopRequest(TimeSpan.MaxValue);
            using var nowhere = new MetricsLog(silent);
            var loop = make(nowhere, stop, step =>
            {
                ends.Add(clock.Elapsed.TotalSeconds);
                if (ends.Count >= MostSteps || ends.Count > 1 && clock.Elapsed.TotalSeconds > LongEnough) stop.Ask("it is long enough");
            });
            using var owned = loop as IDisposable;
            loop.Run();
            double[] lengths = [.. ends.Prepend(0).Zip(ends, (a, b) => b - a)];
            double[] later = [.. (lengths.Length > 1 ? lengths[1..] : lengths).Order()];
            using var first = new Selection(held, [.. Enumerable.Range(0, Math.Min(batch, held.Count))]);
            return new(later[later.Length / 2], judge(first).ImagesPerSecond, Process.GetCurrentProcess().PeakWorkingSet64, ends.Count, loop.Outcome == ExitCodes.NotFinite ? ExitCodes.NotFinite : ExitCodes.Done);
        }
        finally { File.Delete(silent); }
    }
}
