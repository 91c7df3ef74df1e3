using SemAim.Runtime;

namespace SemAim.App.Training;

/// <summary>
/// Saves beside training where memory has room for a copy of the state, else while training waits. At most one save is under way; a save that the
/// disk refuses is told and does not end the run, because the checkpoints before it are whole.
/// </summary>
/// <param name="checkpoints">where to</param>
/// <param name="tell">gets one line for each refused save</param>
internal sealed class BackgroundSaver(RunCheckpoints checkpoints, Action<string> tell) : IDisposable
{
    private Task<string?> running = Task.FromResult<string?>(null);

    /// <summary>Saves made while training went on.</summary>
    internal int Beside { get; private set; }

    /// <summary>Saves a state that it disposes; returns when the state may change again.</summary>
    internal void Save(TrainingState state)
    {
        Finish();
        if (state.Bytes > Free() / 2)
        {
            using (state) Told(Attempt(state));
            return;
        }
        TrainingState copy;
        using (state) copy = state.Copy();
        Beside++;
        running = Task.Run(() => { using (copy) return Attempt(copy); });
    }

    /// <summary>Saves a state that it disposes; the folder is whole on return.</summary>
    /// <exception cref="RefusedException">the disk does not take it</exception>
    internal void SaveNow(TrainingState state)
    {
        Finish();
        using (state) checkpoints.Save(state);
    }

    /// <summary>Waits for the save under way.</summary>
    internal void Finish()
    {
        Told(running.GetAwaiter().GetResult());
        running = Task.FromResult<string?>(null);
    }

    private string? Attempt(TrainingState state)
    {
        try { checkpoints.Save(state); }
        catch (RefusedException e) { return e.Message; }
        return null;
    }

    private void Told(string? refusal)
    {
        if (refusal is not null) tell(refusal);
    }

    // bytes that could still be allocated, of the machine or the container
    private static long Free()
    {
        var memory = GC.GetGCMemoryInfo();
        var machine = File.Exists("/proc/meminfo") && File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line && long.TryParse(line.AsSpan(13, line.Length - 15).Trim(), out var kilobytes) ? kilobytes * 1024 : long.MaxValue;
        return Math.Max(0, Math.Min(machine, memory.TotalAvailableMemoryBytes - Environment.WorkingSet));
    }

    public void Dispose() => Finish();
}
