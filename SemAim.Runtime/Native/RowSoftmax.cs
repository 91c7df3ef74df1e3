using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static SemAim.Runtime.Native.Bfloat16;
using static TorchSharp.torch;

namespace SemAim.Runtime.Native;

/// <summary>
/// softmax(scale·s) over the last axis of bfloat16 scores, and its gradient, in place and on the library's own threads. Under a causal mask what a row does not see
/// is neither read nor computed; written out in operations of the library the mask, the scaling and the softmax go through all of it, one after another.
/// </summary>
[SkipLocalsInit]
internal static unsafe class RowSoftmax
{
    private const int Widest = 1 << 14;

    /// <summary>Whether rows of so many scores are taken.</summary>
    internal static bool Takes(long width) => Bfloat16.IsAvailable && width is > 0 and <= Widest;

    /// <summary>scores ← softmax(scale · scores), … T × M, contiguous; row t sees keys 0 … t where <paramref name="causal"/>, and the weight of the others is 0.</summary>
    internal static void Forward(Tensor scores, double scale, bool causal)
        => Run(new(Address(scores), null, scores.size(-2), scores.size(-1), (float)scale, causal), scores, &ForwardRows);

    /// <summary>gradient ← that of the scores: scale · w · (g − Σ w·g), where w are the weights and g the gradient at them; both … T × M, contiguous.</summary>
    internal static void Backward(Tensor gradient, Tensor weights, double scale, bool causal)
    {
        Run(new(Address(gradient), Address(weights), gradient.size(-2), gradient.size(-1), (float)scale, causal), gradient, &BackwardRows);
        GC.KeepAlive(weights);
    }

    private readonly record struct Job(nint Rows, nint? Weights, long Height, long Width, float Scale, bool IsCausal)
    {
        internal int Seen(long row) => (int)(IsCausal ? Math.Min(row % Height + 1, Width) : Width);
    }

    private static void Run(Job job, Tensor over, delegate* unmanaged<long, long, void*, void> rows)
    {
        StableAbi.Check(StableAbi.torch_parallel_for(0, over.numel() / job.Width, 64, (nint)rows, (nint)(&job)), "parallel_for");
        GC.KeepAlive(over);
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardRows(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        var toBase2 = Vector512.Create((float)(job.Scale * 1.4426950408889634));
        var buffer = stackalloc float[(int)job.Width + Lanes];
        for (var row = from; row < to; row++)
        {
            var values = (ushort*)job.Rows + row * job.Width;
            var seen = job.Seen(row);
            var most = Vector512.Create(float.NegativeInfinity);
            var whole = seen & -Lanes;
            var last = Below(seen - whole);
            for (var i = 0; i < whole; i += Lanes)
            {
                var s = Wide(values + i) * toBase2;
                s.Store(buffer + i);
                most = Vector512.Max(most, s);                 // a NaN stays in its row: what is not a number minus anything is none
            }
            if (whole < seen)
            {
                var s = Vector512.ConditionalSelect(Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(seen - whole)).AsSingle(), Wide(values + whole, last) * toBase2, Vector512.Create(float.NegativeInfinity));
                s.Store(buffer + whole);
                most = Vector512.Max(most, s);
            }
            var shift = Vector512.Create(Largest(most));
            var sum = Vector512<float>.Zero;
            for (var i = 0; i < seen; i += Lanes)
            {
                var e = Exp2(Vector512.Load(buffer + i) - shift);
                e.Store(buffer + i);
                sum += e;
            }
            var inverse = Vector512.Create(1 / Vector512.Sum(sum));
            for (var i = 0; i < whole; i += Lanes) Narrow(Vector512.Load(buffer + i) * inverse).Store(values + i);
            if (whole < seen) Avx512BW.VL.MaskStore(values + whole, last, Narrow(Vector512.Load(buffer + whole) * inverse));
            new Span<ushort>(values + seen, (int)job.Width - seen).Clear();
        }
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardRows(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        var scale = Vector512.Create(job.Scale);
        for (var row = from; row < to; row++)
        {
            var gradient = (ushort*)job.Rows + row * job.Width;
            var weights = (ushort*)job.Weights!.Value + row * job.Width;
            var seen = job.Seen(row);
            var whole = seen & -Lanes;
            var last = Below(seen - whole);
            var sum = Vector512<float>.Zero;
            for (var i = 0; i < whole; i += Lanes) sum += Wide(gradient + i) * Wide(weights + i);
            var (lastGradient, lastWeights) = whole < seen ? (Wide(gradient + whole, last), Wide(weights + whole, last)) : default;
            var mean = Vector512.Create(Vector512.Sum(sum + lastGradient * lastWeights));
            for (var i = 0; i < whole; i += Lanes) Narrow(scale * Wide(weights + i) * (Wide(gradient + i) - mean)).Store(gradient + i);
            if (whole < seen) Avx512BW.VL.MaskStore(gradient + whole, last, Narrow(scale * lastWeights * (lastGradient - mean)));
            new Span<ushort>(gradient + seen, (int)job.Width - seen).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector512<float> v)
    {
        var eight = Vector256.Max(v.GetLower(), v.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(two[0], two[1]);
    }
}
