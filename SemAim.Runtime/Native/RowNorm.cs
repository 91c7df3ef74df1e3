using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static SemAim.Runtime.Native.Bfloat16;
using static TorchSharp.torch;

namespace SemAim.Runtime.Native;

/// <summary>
/// Layer normalisation of float32 rows into bfloat16, and its gradients from bfloat16, in one pass each. By the library's operations the normalised rows, and the
/// gradients at them, are written out in float32 in between.
/// </summary>
internal static unsafe class RowNorm
{
    private const int Widest = 1 << 14;

    /// <summary>Whether rows of this tensor are taken.</summary>
    internal static bool Takes(Tensor x, Tensor weight)
        => IsAvailable && x.device_type == DeviceType.CPU && x.dtype == ScalarType.Float32 && weight.dtype == ScalarType.Float32 && x.dim() > 0 && x.size(-1) is > 0 and <= Widest and var width && width % Lanes == 0 && weight.numel() == width && x.is_contiguous() && x.numel() > 0;

    /// <summary>x: … D, float32; weight and bias: D → … D, bfloat16, fresh.</summary>
    /// <param name="statistics">2 × rows, float32: each row's mean and the inverse of its deviation; null: not wanted</param>
    internal static Tensor Forward(Tensor x, Tensor weight, Tensor bias, double eps, Tensor? statistics)
    {
        var normalised = empty(x.shape, dtype: ScalarType.BFloat16);
        var job = new Job(x, weight) { Bias = Floats(bias), Out = (ushort*)Address(normalised), Statistics = statistics is null ? null : Floats(statistics), Eps = (float)eps };
        StableAbi.Check(StableAbi.torch_parallel_for(0, job.Rows, 16, (nint)(delegate* unmanaged<long, long, void*, void>)&ForwardRows, (nint)(&job)), "parallel_for");
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
        GC.KeepAlive(statistics);
        return normalised;
    }

    /// <summary>gradient: … D, bfloat16, at the result → that at x, float32, fresh; and at weight and bias, D each, as the rows of 2 × D, fresh.</summary>
    internal static (Tensor X, Tensor Parameters) Backward(Tensor gradient, Tensor x, Tensor weight, Tensor statistics)
    {
        var dx = empty_like(x);
        var job = new Job(x, weight) { Gradient = (ushort*)Address(gradient), Statistics = Floats(statistics), Dx = Floats(dx) };
        job.Blocks = Math.Min(get_num_threads(), job.Rows);
        using var sums = zeros(job.Blocks, 2, job.Width, dtype: ScalarType.Float32);
        job.Sums = Floats(sums);
        StableAbi.Check(StableAbi.torch_parallel_for(0, job.Blocks, 1, (nint)(delegate* unmanaged<long, long, void*, void>)&BackwardBlocks, (nint)(&job)), "parallel_for");
        GC.KeepAlive(gradient);
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(statistics);
        return (dx, sums.sum([0L]));
    }

    private struct Job
    {
        internal readonly float* X, Weight;
        internal readonly long Rows, Width;
        internal float* Bias, Statistics, Dx, Sums;
        internal ushort* Out, Gradient;
        internal long Blocks;
        internal float Eps;

        internal Job(Tensor x, Tensor weight)
        {
            X = Floats(x);
            Weight = Floats(weight);
            (Width, Rows) = (x.size(-1), x.numel() / x.size(-1));
        }
    }

    private static float* Floats(Tensor t)
    {
        if (t.dtype != ScalarType.Float32 || !t.is_contiguous()) throw new ArgumentException("float32 and contiguous", nameof(t));
        return (float*)StableAbi.Address(t);
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardRows(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        var width = job.Width;
        float* weight = job.Weight, bias = job.Bias;
        for (var row = from; row < to; row++)
        {
            var x = job.X + row * width;
            var y = job.Out + row * width;
            var sum = Vector512<float>.Zero;
            for (var i = 0L; i < width; i += Lanes) sum += Vector512.Load(x + i);
            var mean = Vector512.Sum(sum) / width;
            var (shift, squares) = (Vector512.Create(mean), Vector512<float>.Zero);
            for (var i = 0L; i < width; i += Lanes)
            {
                var d = Vector512.Load(x + i) - shift;
                squares = Vector512.FusedMultiplyAdd(d, d, squares);
            }
            var inverse = 1 / MathF.Sqrt(Vector512.Sum(squares) / width + job.Eps);
            var scale = Vector512.Create(inverse);
            for (var i = 0L; i < width; i += Lanes)
                Narrow(Vector512.FusedMultiplyAdd((Vector512.Load(x + i) - shift) * scale, Vector512.Load(weight + i), Vector512.Load(bias + i))).Store(y + i);
            if (job.Statistics is null) continue;
            job.Statistics[row] = mean;
            job.Statistics[job.Rows + row] = inverse;
        }
    }

    // a block of rows has sums of its own for weight and bias: which rows come together depends on the number of threads alone
    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardBlocks(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        var width = job.Width;
        var weight = job.Weight;
        for (var block = from; block < to; block++)
        {
            var dweight = job.Sums + 2 * block * width;
            var dbias = dweight + width;
            var end = (block + 1) * job.Rows / job.Blocks;
            for (var row = block * job.Rows / job.Blocks; row < end; row++)
            {
                float* x = job.X + row * width, dx = job.Dx + row * width;
                var dy = job.Gradient + row * width;
                var (shift, scale) = (Vector512.Create(job.Statistics[row]), Vector512.Create(job.Statistics[job.Rows + row]));
                var (sum, product) = (Vector512<float>.Zero, Vector512<float>.Zero);
                for (var i = 0L; i < width; i += Lanes)
                {
                    var g = Wide(dy + i);
                    var unit = (Vector512.Load(x + i) - shift) * scale;
                    (Vector512.Load(dbias + i) + g).Store(dbias + i);
                    Vector512.FusedMultiplyAdd(g, unit, Vector512.Load(dweight + i)).Store(dweight + i);
                    g *= Vector512.Load(weight + i);
                    sum += g;
                    product = Vector512.FusedMultiplyAdd(g, unit, product);
                }
                var mean = Vector512.Create(Vector512.Sum(sum) / width);
                var slope = Vector512.Create(Vector512.Sum(product) / width);
                for (var i = 0L; i < width; i += Lanes)
                {
                    var unit = (Vector512.Load(x + i) - shift) * scale;
                    var g = Wide(dy + i) * Vector512.Load(weight + i) - mean;
                    (scale * (g - unit * slope)).Store(dx + i);
                }
            }
        }
    }
}
