using System.Diagnostics;
using SemAim.Runtime;

namespace SemAim.App.Training;

/// <summary>
/// Saves beside training where memory has room for a copy of the state, else while training waits. At most one save is under way; a save that the
/// disk refuses is told and does not end the run, because the checkpoints before it are whole.
/// </summary>
/// <param name="checkpoints">where to</param>
/// <param name="saved">gets step, seconds and whether training went on meanwhile, once a folder is whole; on whichever thread wrote it</param>
/// <param name="tell">gets one line for each refused save, on the training thread</param>
internal sealed class BackgroundSaver(RunCheckpoints checkpoints, Action<long, double, bool> saved, Action<string> tell) : IDisposable
{
    private Task<string?> running = Task.FromResult<string?>(null);

    /// <summary>Saves made while training went on.</summary>
    internal int Beside { get; private set; }

    /// <summary>Saves a state that it disposes; returns when the state may change again.</summary>
    internal void Save(TrainingState state)
    {
        Finish();
        if (state.Bytes > MachineMemory.Free() / 2)
        {
            using (state) Told(Attempt(state, beside: false));
            return;
        }
        TrainingState copy;
        using (state) copy = state.Copy();
        Beside++;
        running = Task.Run(() => { using (copy) return Attempt(copy, beside: true); });
    }

    /// <summary>Saves a state that it disposes; the folder is whole on return.</summary>
    /// <exception cref="RefusedException">the disk does not take it</exception>
    internal void SaveNow(TrainingState state)
    {
        Finish();
        using (state) Write(state, beside: false);
    }

    /// <summary>Waits for the save under way.</summary>
    internal void Finish()
    {
        Told(running.GetAwaiter().GetResult());
        running = Task.FromResult<string?>(null);
    }

    private void Write(TrainingState state, bool beside)
    {
        var clock = Stopwatch.StartNew();
        checkpoints.Save(state);
        saved(state.Step, clock.Elapsed.TotalSeconds, beside);
    }

    private string? Attempt(TrainingState state, bool beside)
    {
        try { Write(state, beside); }
        catch (RefusedException e) { return e.Message; }
        return null;
    }

    private void Told(string? refusal)
    {
        if (refusal is not null) tell(refusal);
    }

    public void Dispose() => Finish();
}
