using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static SemAim.Runtime.Native.Bfloat16;
using static TorchSharp.torch;

namespace SemAim.Runtime.Native;

/// <summary>float32 plus bfloat16, and sums of bfloat16 rows, in one pass each; the library widens what is narrow into a tensor of its own before.</summary>
internal static unsafe class WideSum
{
    /// <summary>Whether x + y is taken: the same shape, contiguous.</summary>
    internal static bool Takes(Tensor x, Tensor y)
    {
        if (!IsAvailable || y.dtype != ScalarType.BFloat16 || x.dtype != ScalarType.Float32 || x.device_type != DeviceType.CPU || y.device_type != DeviceType.CPU || x.dim() != y.dim()) return false;
        for (var i = 0; i < x.dim(); i++) if (x.size(i) != y.size(i)) return false;
        return x.numel() >= Lanes && x.is_contiguous() && y.is_contiguous();
    }

    /// <summary>x + y, float32, fresh.</summary>
    internal static Tensor Of(Tensor x, Tensor y)
    {
        var sum = empty_like(x);
        Add(x, y, sum);
        return sum;
    }

    /// <summary>x ← x + y.</summary>
    internal static void Into(Tensor x, Tensor y) => Add(x, y, x);

    /// <summary>Whether the sums over the rows of this matrix are taken.</summary>
    internal static bool TakesRows(Tensor rows, Tensor sums)
        => IsAvailable && rows.dtype == ScalarType.BFloat16 && rows.device_type == DeviceType.CPU && rows.dim() == 2 && rows.size(1) % Lanes == 0 && rows.numel() > 0 && rows.is_contiguous()
            && sums.dtype == ScalarType.Float32 && sums.device_type == DeviceType.CPU && sums.numel() == rows.size(1) && sums.is_contiguous();

    /// <summary>sums ← sums + Σ rows; rows: M × N, bfloat16; sums: N, float32.</summary>
    internal static void RowsInto(Tensor sums, Tensor rows)
    {
        // each thread has columns of its own: nothing is shared, and the order of the sum does not depend on the threads
        var job = new Job((float*)StableAbi.Address(sums), (ushort*)Address(rows), null, rows.size(0), rows.size(1));
        StableAbi.Check(StableAbi.torch_parallel_for(0, job.Width / Lanes, Math.Max(1, (1 << 15) / job.Count), (nint)(delegate* unmanaged<long, long, void*, void>)&Columns, (nint)(&job)), "parallel_for");
        GC.KeepAlive(sums);
        GC.KeepAlive(rows);
    }

    private static void Add(Tensor x, Tensor y, Tensor sum)
    {
        var job = new Job((float*)StableAbi.Address(x), (ushort*)Address(y), (float*)StableAbi.Address(sum), x.numel(), 0);
        StableAbi.Check(StableAbi.torch_parallel_for(0, job.Count / Lanes, 1024, (nint)(delegate* unmanaged<long, long, void*, void>)&Blocks, (nint)(&job)), "parallel_for");
        for (var i = job.Count & -Lanes; i < job.Count; i++) job.Sum[i] = job.X[i] + BitConverter.UInt32BitsToSingle((uint)job.Y[i] << 16);
        GC.KeepAlive(x);
        GC.KeepAlive(y);
        GC.KeepAlive(sum);
    }

    private readonly struct Job(float* x, ushort* y, float* sum, long count, long width)
    {
        internal readonly float* X = x, Sum = sum;
        internal readonly ushort* Y = y;
        internal readonly long Count = count, Width = width;
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blocks(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        for (var at = from * Lanes; at < to * Lanes; at += Lanes) (Vector512.Load(job.X + at) + Wide(job.Y + at)).Store(job.Sum + at);
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        var (first, end) = (from * Lanes, to * Lanes);
        for (; first + 4 * Lanes <= end; first += 4 * Lanes)
        {
            Vector512<float> a = default, b = default, c = default, d = default;
            var row = job.Y + first;
            for (var i = 0L; i < job.Count; i++, row += job.Width)
            {
                a += Wide(row);
                b += Wide(row + Lanes);
                c += Wide(row + 2 * Lanes);
                d += Wide(row + 3 * Lanes);
            }
            (Vector512.Load(job.X + first) + a).Store(job.X + first);
            (Vector512.Load(job.X + first + Lanes) + b).Store(job.X + first + Lanes);
            (Vector512.Load(job.X + first + 2 * Lanes) + c).Store(job.X + first + 2 * Lanes);
            (Vector512.Load(job.X + first + 3 * Lanes) + d).Store(job.X + first + 3 * Lanes);
        }
        for (; first < end; first += Lanes)
        {
            var sum = Vector512<float>.Zero;
            var row = job.Y + first;
            for (var i = 0L; i < job.Count; i++, row += job.Width) sum += Wide(row);
            (Vector512.Load(job.X + first) + sum).Store(job.X + first);
        }
    }
}
