using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static SemAim.Runtime.Native.Bfloat16;
using static TorchSharp.torch;

namespace SemAim.Runtime.Native;

/// <summary>
/// The exact GELU of bfloat16 values and its gradient in one pass: both need the same exponential, and the way back through a dense layer needs both. By the library's
/// operations it takes about twice as long.
/// </summary>
[SkipLocalsInit]
internal static unsafe class GeluGradient
{
    // erfc(z) for z ≥ 0 is t(A1 + t(A2 + …))·exp(−z²), t = 1/(1 + P·z), within 1.5e-7: Abramowitz and Stegun, 7.1.26
    private const float P = 0.3275911f, A1 = 0.254829592f, A2 = -0.284496736f, A3 = 1.421413741f, A4 = -1.453152027f, A5 = 1.061405429f;
    private const float RootHalf = 0.70710678f, RootTwoPi = 0.39894228f, HalfLog2E = 0.72134752f;

    /// <summary>Whether values of this tensor are taken.</summary>
    internal static bool Takes(Tensor x) => IsAvailable && x.device_type == TorchSharp.DeviceType.CPU && x.dtype == ScalarType.BFloat16 && x.is_contiguous();

    /// <summary>gradient ← gradient · gelu′(x), in place.</summary>
    /// <returns>gelu(x), fresh</returns>
    internal static Tensor Through(Tensor gradient, Tensor x)
    {
        if (gradient.numel() != x.numel()) throw new ArgumentException("as many as values", nameof(gradient));
        var activated = empty_like(x);
        var job = new Job((ushort*)Address(x), (ushort*)Address(gradient), (ushort*)Address(activated), x.numel());
        delegate* unmanaged<long, long, void*, void> blocks = &Blocks;
        StableAbi.Check(StableAbi.torch_parallel_for(0, (job.Count + Lanes - 1) / Lanes, 1024, (nint)blocks, (nint)(&job)), "parallel_for");
        GC.KeepAlive(x);
        GC.KeepAlive(gradient);
        return activated;
    }

    private readonly struct Job(ushort* x, ushort* gradient, ushort* activated, long count)
    {
        internal readonly ushort* X = x, Gradient = gradient, Activated = activated;
        internal readonly long Count = count;
    }

    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blocks(long from, long to, void* context)
    {
        ref readonly var job = ref *(Job*)context;
        for (var block = from; block < to; block++)
        {
            var at = block * Lanes;
            if (at + Lanes <= job.Count)
            {
                var (activated, gradient) = Of(Wide(job.X + at), Wide(job.Gradient + at));
                Narrow(activated).Store(job.Activated + at);
                Narrow(gradient).Store(job.Gradient + at);
            }
            else
            {
                var lanes = Below((int)(job.Count - at));
                var (activated, gradient) = Of(Wide(job.X + at, lanes), Wide(job.Gradient + at, lanes));
                Avx512BW.VL.MaskStore(job.Activated + at, lanes, Narrow(activated));
                Avx512BW.VL.MaskStore(job.Gradient + at, lanes, Narrow(gradient));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Activated, Vector512<float> Gradient) Of(Vector512<float> x, Vector512<float> gradient)
    {
        var bell = Exp2(x * x * Vector512.Create(-HalfLog2E));                           // exp(−x²/2)
        var t = Vector512<float>.One / Vector512.FusedMultiplyAdd(Vector512.Abs(x), Vector512.Create(P * RootHalf), Vector512<float>.One);
        var p = Vector512.Create(A5);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(A4));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(A3));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(A2));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(A1));
        var tail = p * t * bell * Vector512.Create(0.5f);                                // the normal distribution beyond |x|
        var below = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), tail, Vector512<float>.One - tail);
        return (x * below, gradient * Vector512.FusedMultiplyAdd(x, bell * Vector512.Create(RootTwoPi), below));
    }
}
