namespace SemAim.Runtime.Capture;

/// <summary>Devices without graphs: a replay runs the body.</summary>
internal sealed class EagerBackend : ICaptureBackend
{
    /// <inheritdoc />
    public bool IsGraph => false;

    /// <inheritdoc />
    public IDisposable Enter() => new Nothing();

    /// <inheritdoc />
    public ICapturedStep Capture(Action body, bool joinPool = false) => new Step(body);

    /// <inheritdoc />
    public void Dispose() { }

    private sealed class Nothing : IDisposable
    {
        public void Dispose() { }
    }

    private sealed class Step(Action body) : ICapturedStep
    {
        public void Replay() => body();

        public void Dispose() { }
    }
}
