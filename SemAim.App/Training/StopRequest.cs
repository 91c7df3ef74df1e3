using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SemAim.Runtime;

namespace SemAim.App.Training;

/// <summary>Whether somebody wants the run to end: SIGTERM, SIGINT or a time limit. The first signal is a request, the second ends the process.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly TimeSpan limit;
    private readonly PosixSignalRegistration[] registrations;
    private volatile string? reason;

    /// <param name="limit">time from now; <see cref="TimeSpan.MaxValue"/>: none</param>
    /// <param name="tell">gets a line when the first signal comes, on another thread</param>
    internal StopRequest(TimeSpan limit, Action<string>? tell = null)
    {
        this.limit = limit;
        registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            if (reason is not null) return;                    // the second one: what the system does by default
            context.Cancel = true;
            reason = context.Signal.ToString();
            tell?.Invoke($"{context.Signal}: the step under way is finished and saved; a second signal ends the program at once");
        }))];
    }

    /// <summary>What asked, or null.</summary>
    internal string? Reason => reason ?? (clock.Elapsed >= limit ? "--max_time" : null);

    /// <summary>Asks the run to end.</summary>
    internal void Ask(string why) => reason ??= why;

    /// <summary>Reads <c>90s</c>, <c>45m</c>, <c>3h</c>, <c>2d</c>; nothing means no limit.</summary>
    /// <exception cref="UsageException">it is none of these</exception>
    internal static TimeSpan Limit(string text)
    {
        if (text.Length == 0) return TimeSpan.MaxValue;
        var unit = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (unit == 0 || !double.TryParse(text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var count) || !(count > 0) || count * unit > 1e9)
            throw new UsageException($"--max_time {text}: a number with its unit: 90s, 45m, 3h or 2d");
        return TimeSpan.FromSeconds(count * unit);
    }

    public void Dispose()
    {
        foreach (var r in registrations) r.Dispose();
    }
}
