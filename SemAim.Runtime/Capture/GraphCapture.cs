using System.ComponentModel;
using System.Runtime.CompilerServices;
using SemAim.Runtime.Native;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Runtime.Capture;

/// <summary>
/// Base of the wrappers that the compiler writes for graphs marked <c>[Graph(Capture = true)]</c>: values are copied into static buffers, the first calls warm up, one is captured,
/// later ones are replayed; where there is no CUDA graph the graph is called. Runs without gradient. One thread; weights must keep their memory between calls.
/// </summary>
public abstract class GraphCapture : IDisposable
{
    /// <summary>Calls before the capture, in which libraries make their workspaces.</summary>
    internal const int WarmUps = 3;

    private readonly ICaptureBackend backend;
    private ICapturedStep? step;
    private object? last;
    private int calls;
    private bool disposed;

    /// <summary>Chooses how to replay on a device.</summary>
    protected GraphCapture(torch.Device device) => backend = BackendFor(device);

    [ThreadStatic] private static Func<torch.Device, ICaptureBackend>? backendOverride;

    /// <summary>How tests put a backend of their own in place, on their thread.</summary>
    internal static Func<torch.Device, ICaptureBackend>? BackendOverride
    {
        get => backendOverride;
        set => backendOverride = value;
    }

    /// <summary>False where every call runs the graph anew.</summary>
    public bool IsGraph => backend.IsGraph;

    /// <summary>The buffers of the wrapper, which it owns.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected abstract IReadOnlyList<Tensor> Buffers { get; }

    private static ICaptureBackend BackendFor(torch.Device device)
    {
        if (BackendOverride is { } chosen) return chosen(device);
        return device.type == DeviceType.CUDA && CudaGraphBackend.TryCreate(Math.Max(0, device.index), out _) is { } graphs ? graphs : new EagerBackend();
    }

    /// <summary>Memory that stays: float32, zeros; <see cref="Load"/> gives it another type where that is wanted.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected static Tensor Static(torch.Device device, params ReadOnlySpan<long> axes) => torch.zeros(axes.ToArray(), dtype: torch.ScalarType.Float32, device: device).DetachFromDisposeScope();

    /// <summary>Copies a value into its buffer, which holds whole numbers or truth values where the first value does.</summary>
    /// <exception cref="ArgumentException">a captured graph is given elements of another kind</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected void Load(ref Tensor buffer, Tensor value)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        using var guard = torch.no_grad();
        using var entered = backend.Enter();
        var wanted = torch.is_floating_point(value) ? torch.ScalarType.Float32 : value.dtype == torch.ScalarType.Bool ? torch.ScalarType.Bool : torch.ScalarType.Int64;
        if (buffer.dtype != wanted)
        {
            if (step is not null) throw new ArgumentException($"the captured graph was given {buffer.dtype}, this value holds {value.dtype}");
            var other = buffer.to_type(wanted).DetachFromDisposeScope();
            buffer.Dispose();
            buffer = other;
        }
        buffer.copy_(value);
    }

    /// <summary>Runs the graph on the buffers; the result stays the wrapper's and valid until the next call.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    protected T Run<T>(Func<T> graph) where T : notnull
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        using var guard = torch.no_grad();
        using var entered = backend.Enter();
        if (step is not null)
        {
            step.Replay();
            return (T)last!;
        }
        Release();
        if (!backend.IsGraph || calls++ < WarmUps) return Keep(graph());
        step = backend.Capture(() => Keep(graph()));
        step.Replay();
        return (T)last!;
    }

    // results outlive the caller's dispose scope: a replay writes into them
    private T Keep<T>(T result) where T : notnull
    {
        foreach (var t in Tensors(result)) t.DetachFromDisposeScope();
        last = result;
        return result;
    }

    private void Release()
    {
        if (last is null) return;
        foreach (var t in Tensors(last)) t.Dispose();
        last = null;
    }

    private static IEnumerable<Tensor> Tensors(object result)
    {
        if (result is Tensor one) yield return one;
        if (result is not ITuple tuple) yield break;
        for (var i = 0; i < tuple.Length; i++) yield return (Tensor)tuple[i]!;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        step?.Dispose();
        Release();
        foreach (var buffer in Buffers) buffer.Dispose();
        backend.Dispose();
        GC.SuppressFinalize(this);
    }
}
