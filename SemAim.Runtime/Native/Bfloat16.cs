using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace SemAim.Runtime.Native;

/// <summary>Sixteen bfloat16 values at a time, computed with as float32.</summary>
internal static unsafe class Bfloat16
{
    internal const int Lanes = 16;

    // 2^f for f in −0.5 … 0.5, relative error below 8e-8: fitted to the largest relative error over Chebyshev nodes
    private const float C0 = 1.00000007f, C1 = 0.693146967f, C2 = 0.240221197f, C3 = 0.0555071327f, C4 = 0.00967554133f, C5 = 0.00132764719f;
    /// <summary>Whether this processor has the registers.</summary>
    internal static bool IsAvailable { get; } = Avx512F.IsSupported && Avx512BW.VL.IsSupported && BitConverter.IsLittleEndian;

    /// <summary>Of the first element of a contiguous bfloat16 tensor.</summary>
    internal static nint Address(Tensor t)
    {
        if (t.dtype != ScalarType.BFloat16 || !t.is_contiguous()) throw new ArgumentException("bfloat16 and contiguous", nameof(t));
        return StableAbi.Address(t);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Wide(ushort* from) => Wide(Vector256.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Wide(Vector256<ushort> narrow) => (Avx512F.ConvertToVector512UInt32(narrow) << 16).AsSingle();

    // the lanes below a count, for loads and stores at the end of a row
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ushort> Below(int count) => Vector256.LessThan(Vector256<short>.Indices, Vector256.Create((short)count)).AsUInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Wide(ushort* from, Vector256<ushort> lanes) => Wide(Avx512BW.VL.MaskLoad(from, lanes, Vector256<ushort>.Zero));

    // to the nearest, ties to even; what is not a number stays so
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ushort> Narrow(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        return Avx512F.ConvertToVector256UInt16(Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, Vector512.Create(0x7FC0u)));
    }

    // of −∞ it is 0: what is no number is scaled by 2^−∞ to nothing
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Exp2(Vector512<float> x)
    {
        var n = Avx512F.RoundScale(x, 0);
        var f = x - n;
        var p = Vector512.Create(C5);
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(C4));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(C3));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(C2));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(C1));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(C0));
        return Avx512F.Scale(p, n);
    }
}
