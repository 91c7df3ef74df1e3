namespace SemAim.Runtime.Capture;

/// <summary>A piece of work that is run again and again on the same memory.</summary>
internal interface ICapturedStep : IDisposable
{
    /// <summary>Runs it once.</summary>
    void Replay();
}

/// <summary>Turns work into something that can be replayed. One instance a thread, used on that thread alone.</summary>
internal interface ICaptureBackend : IDisposable
{
    /// <summary>False where a replay runs the body again.</summary>
    bool IsGraph { get; }

    /// <summary>Makes the capture stream current on this thread until the result is disposed.</summary>
    IDisposable Enter();

    /// <summary>Records the body without executing it (a graph), or keeps it; either way the first replay is the first execution.</summary>
    /// <param name="body">works on memory that stays</param>
    /// <param name="joinPool">allocate from the previous capture's pool; only for graphs that are always replayed in the order of their capture</param>
    ICapturedStep Capture(Action body, bool joinPool = false);
}
