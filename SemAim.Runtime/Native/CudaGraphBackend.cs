using System.Runtime;
using System.Runtime.InteropServices;
using SemAim.Runtime.Capture;

namespace SemAim.Runtime.Native;

/// <summary>
/// CUDA graphs through at::cuda::CUDAGraph, by mangled name, and libtorch's C functions for streams. No C++ exception
/// may cross a managed frame: members of the form void f(this) are called by torch_parallel_for, which catches.
/// </summary>
internal sealed unsafe class CudaGraphBackend : ICaptureBackend
{
    private const int ThreadLocalMode = 1;                              // cudaStreamCaptureModeThreadLocal
    private const nuint ObjectSize = 8192;                              // sizeof(CUDAGraph) is a few hundred bytes and varies

    [StructLayout(LayoutKind.Sequential)]
    private struct MempoolId { public ulong First, Second; }            // std::pair<u64, u64>: by value in two registers

    private static readonly string[] Names =
    [
        "_ZN2at4cuda9CUDAGraphC1Eb",
        "_ZN2at4cuda9CUDAGraphD1Ev",
        "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode",
        "_ZN2at4cuda9CUDAGraph11capture_endEv",
        "_ZN2at4cuda9CUDAGraph6replayEv",
        "_ZN2at4cuda9CUDAGraph4poolEv",
        "torch_get_cuda_stream_from_pool",
        "torch_set_current_cuda_stream",
        "torch_cuda_stream_synchronize",
        "aoti_torch_get_current_cuda_stream",
    ];

    private readonly int device;
    private readonly IntPtr stream, constructor, destructor, captureEnd, replay;
    private readonly delegate* unmanaged<IntPtr, MempoolId, int, void> captureBegin;
    private readonly delegate* unmanaged<IntPtr, MempoolId> pool;
    private readonly delegate* unmanaged<byte, int, IntPtr*, int> streamFromPool;
    private readonly delegate* unmanaged<IntPtr, int, int> setStream, synchronize;
    private readonly delegate* unmanaged<int, IntPtr*, int> getStream;
    private MempoolId lastPool;
    private bool capturing;

    /// <summary>Null, with a reason for the log, when this libtorch lacks CUDA or one of the symbols: use EagerBackend.</summary>
    internal static CudaGraphBackend? TryCreate(int device, out string reason, string library = "torch_cuda")
    {
        if (!NativeLibrary.TryLoad(library, typeof(CudaGraphBackend).Assembly, null, out IntPtr handle))
        {
            reason = $"{library} is not present";
            return null;
        }
        string[] missing = Names.Where(n => !NativeLibrary.TryGetExport(handle, n, out _)).ToArray();
        reason = missing.Length == 0 ? "" : $"{library} lacks {string.Join(", ", missing)}";
        return missing.Length == 0 ? new CudaGraphBackend(handle, device) : null;
    }

    private CudaGraphBackend(IntPtr library, int device)
    {
        IntPtr[] f = Names.Select(n => NativeLibrary.GetExport(library, n)).ToArray();
        this.device = device;
        (constructor, destructor, captureEnd, replay) = (f[0], f[1], f[3], f[4]);
        captureBegin = (delegate* unmanaged<IntPtr, MempoolId, int, void>)f[2];
        pool = (delegate* unmanaged<IntPtr, MempoolId>)f[5];
        streamFromPool = (delegate* unmanaged<byte, int, IntPtr*, int>)f[6];
        setStream = (delegate* unmanaged<IntPtr, int, int>)f[7];
        synchronize = (delegate* unmanaged<IntPtr, int, int>)f[8];
        getStream = (delegate* unmanaged<int, IntPtr*, int>)f[9];
        IntPtr side;
        StableAbi.Check(streamFromPool(0, device, &side), Names[6]);
        stream = side;
    }

    public bool IsGraph => true;

    public IDisposable Enter()
    {
        IntPtr before = Current();
        StableAbi.Check(setStream(stream, device), Names[7]);
        return new Left(this, before);
    }

    public ICapturedStep Capture(Action body, bool joinPool = false)
    {
        // Everything that would make capture_begin throw: it is the one call without a net.
        if (capturing) throw new InvalidOperationException("a capture is already under way");
        if (Current() != stream) throw new InvalidOperationException("Capture must run inside Enter(), on the same thread");

        StableAbi.Check(synchronize(stream, device), Names[8]);
        var graph = new Graph(this);
        GC.Collect();
        GC.WaitForPendingFinalizers();                          // nothing left for the finaliser thread to free meanwhile
        bool paused = PauseCollector();
        Exception? fault = null;
        capturing = true;
        captureBegin(graph.Address, joinPool ? lastPool : default, ThreadLocalMode);      // {0, 0}: a private pool of its own
        try { body(); }
        catch (Exception e) { fault = e; }
        try { Guarded(captureEnd, graph.Address, "capture_end"); }     // also after a fault: ends the stream's capture
        catch (ExternalException e) { fault ??= e; }
        capturing = false;
        if (paused && GCSettings.LatencyMode == GCLatencyMode.NoGCRegion) GC.EndNoGCRegion();
        if (fault is not null)
        {
            graph.Dispose();
            throw new InvalidOperationException($"the step cannot be captured ({fault.Message}); run with graphs off", fault);
        }
        lastPool = pool(graph.Address);
        return graph;
    }

    public void Dispose() { }                                   // pool streams live as long as the process

    private IntPtr Current()
    {
        IntPtr current;
        StableAbi.Check(getStream(device, &current), Names[9]);
        return current;
    }

    private static bool PauseCollector()
    {
        try { return GC.TryStartNoGCRegion(64L << 20); }
        catch (InvalidOperationException) { return false; }
    }

    // Inside libtorch: try { f(begin, end, context) } catch (...) { text to stderr; return 1; }. One iteration of a huge
    // grain runs inline on this thread. `begin` arrives where a member function expects `this`.
    private static void Guarded(IntPtr member, IntPtr self, string what, long end = 0) =>
        StableAbi.Check(StableAbi.torch_parallel_for((long)self, end == 0 ? (long)self + 1 : end, long.MaxValue, member, IntPtr.Zero), what);

    private sealed class Left(CudaGraphBackend owner, IntPtr before) : IDisposable
    {
        public void Dispose() => StableAbi.Check(owner.setStream(before, owner.device), Names[7]);
    }

    private sealed class Graph : ICapturedStep
    {
        private readonly CudaGraphBackend owner;
        private IntPtr address;

        public IntPtr Address => address;

        public Graph(CudaGraphBackend owner)
        {
            this.owner = owner;
            address = (IntPtr)NativeMemory.AlignedAlloc(ObjectSize, 64);
            NativeMemory.Clear((void*)address, ObjectSize);
            // CUDAGraph(this, bool keep_graph): `end` arrives as the flag, of which the callee reads the low byte: 0.
            try { Guarded(owner.constructor, address, "CUDAGraph", ((long)address | 0xff) + 1); }
            catch { NativeMemory.AlignedFree((void*)address); throw; }
        }

        public void Replay()
        {
            ObjectDisposedException.ThrowIf(address == IntPtr.Zero, this);
            Guarded(owner.replay, address, "replay");
        }

        public void Dispose()
        {
            if (address == IntPtr.Zero) return;
            (IntPtr dead, address) = (address, IntPtr.Zero);
            Guarded(owner.destructor, dead, "~CUDAGraph");
            NativeMemory.AlignedFree((void*)dead);
        }
    }
}
