using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SemAim.Runtime.Data.Jpeg;

/// <summary>
/// The inverse cosine transform of 8 × 8 coefficients, to the bit as libjpeg's accurate integer method: 13 fractional bits in the constants, two more between the passes, columns first
/// (Loeffler, Ligtenberg and Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", 1989).
/// </summary>
internal static unsafe class InverseTransform
{
    // constants in 1/8192, in the pairs that one multiplication of pairs takes
    private static readonly Vector256<short> Even3 = Pair(4433 + 6270, 4433), Even2 = Pair(4433, 4433 - 15137);
    private static readonly Vector256<short> OddZ3 = Pair(9633 - 16069, 9633), OddZ4 = Pair(9633, 9633 - 3196);
    private static readonly Vector256<short> Odd0 = Pair(2446 - 7373, -7373), Odd3 = Pair(-7373, 12299 - 7373);
    private static readonly Vector256<short> Odd1 = Pair(16819 - 20995, -20995), Odd2 = Pair(-20995, 25172 - 20995);

    private static Vector256<short> Pair(int a, int b) => Vector256.Create((a & 0xFFFF) | b << 16).AsInt16();

    /// <summary>Writes 8 × 8 samples.</summary>
    /// <param name="block">64 coefficients by rows</param>
    /// <param name="quantisers">of them, at most 255</param>
    /// <param name="extremes">not zero from then on where a dequantised coefficient was beyond ±8192</param>
    internal static void Run(short* block, ushort* quantisers, byte* target, int stride, ref Vector256<short> extremes)
    {
        Dequantise(block, quantisers, out var r0, out var r1, ref extremes);
        Dequantise(block + 16, quantisers + 16, out var r2, out var r3, ref extremes);
        Dequantise(block + 32, quantisers + 32, out var r4, out var r5, ref extremes);
        Dequantise(block + 48, quantisers + 48, out var r6, out var r7, ref extremes);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, 11);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, 18);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        var offset = Vector128.Create((byte)128);
        Rows(Sse2.PackSignedSaturate(r0, r1).AsByte() ^ offset, target, stride);
        Rows(Sse2.PackSignedSaturate(r2, r3).AsByte() ^ offset, target + 2 * (long)stride, stride);
        Rows(Sse2.PackSignedSaturate(r4, r5).AsByte() ^ offset, target + 4 * (long)stride, stride);
        Rows(Sse2.PackSignedSaturate(r6, r7).AsByte() ^ offset, target + 6 * (long)stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dequantise(short* block, ushort* quantisers, out Vector128<short> first, out Vector128<short> second, ref Vector256<short> extremes)
    {
        Vector256<short> value = Vector256.Load(block), quantiser = Vector256.Load((short*)quantisers), product = value * quantiser;
        // the upper half of a product of 16 bits is its sign
        extremes |= (Avx2.MultiplyHigh(value, quantiser) ^ (product >> 15)) | ((product + Vector256.Create((short)8192)) & Vector256.Create(unchecked((short)0xC000)));
        (first, second) = (product.GetLower(), product.GetUpper());
    }

    /// <summary>The same of a block that has nothing but its mean, dequantised.</summary>
    internal static void Flat(int mean, byte* target, int stride)
    {
        ulong row = (ulong)Math.Clamp(((mean + 4) >> 3) + 128, 0, 255) * 0x0101010101010101;
        for (int y = 0; y < 8; y++, target += stride) *(ulong*)target = row;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows(Vector128<byte> two, byte* target, int stride)
    {
        *(ulong*)target = two.AsUInt64().GetElement(0);
        *(ulong*)(target + stride) = two.AsUInt64().GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pass(ref Vector128<short> r0, ref Vector128<short> r1, ref Vector128<short> r2, ref Vector128<short> r3,
        ref Vector128<short> r4, ref Vector128<short> r5, ref Vector128<short> r6, ref Vector128<short> r7, int shift)
    {
        // sums of 16 bits, as libjpeg-turbo's: damaged coefficients overflow alike
        var p26 = Interleave(r2, r6);
        Vector256<int> sum = Scaled(r0 + r4), difference = Scaled(r0 - r4);
        Vector256<int> t3 = Avx2.MultiplyAddAdjacent(p26, Even3), t2 = Avx2.MultiplyAddAdjacent(p26, Even2);
        var rounding = Vector256.Create(1 << (shift - 1));
        Vector256<int> e0 = sum + t3 + rounding, e3 = sum - t3 + rounding, e1 = difference + t2 + rounding, e2 = difference - t2 + rounding;

        Vector256<short> z = Interleave(r7 + r3, r5 + r1), p71 = Interleave(r7, r1), p53 = Interleave(r5, r3);
        Vector256<int> z3 = Avx2.MultiplyAddAdjacent(z, OddZ3), z4 = Avx2.MultiplyAddAdjacent(z, OddZ4);
        Vector256<int> o0 = Avx2.MultiplyAddAdjacent(p71, Odd0) + z3, o3 = Avx2.MultiplyAddAdjacent(p71, Odd3) + z4;
        Vector256<int> o1 = Avx2.MultiplyAddAdjacent(p53, Odd1) + z4, o2 = Avx2.MultiplyAddAdjacent(p53, Odd2) + z3;

        Narrow((e0 + o3) >> shift, (e1 + o2) >> shift, out r0, out r1);
        Narrow((e2 + o1) >> shift, (e3 + o0) >> shift, out r2, out r3);
        Narrow((e3 - o0) >> shift, (e2 - o1) >> shift, out r4, out r5);
        Narrow((e1 - o2) >> shift, (e0 - o3) >> shift, out r6, out r7);
    }

    // times 8192
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Scaled(Vector128<short> x) => Interleave(Vector128<short>.Zero, x).AsInt32() >> 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Interleave(Vector128<short> a, Vector128<short> b) => Vector256.Create(Sse2.UnpackLow(a, b), Sse2.UnpackHigh(a, b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Narrow(Vector256<int> a, Vector256<int> b, out Vector128<short> first, out Vector128<short> second)
    {
        var words = Avx2.Permute4x64(Avx2.PackSignedSaturate(a, b).AsInt64(), 0b11_01_10_00).AsInt16();       // the lanes are a b a b
        (first, second) = (words.GetLower(), words.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(ref Vector128<short> r0, ref Vector128<short> r1, ref Vector128<short> r2, ref Vector128<short> r3,
        ref Vector128<short> r4, ref Vector128<short> r5, ref Vector128<short> r6, ref Vector128<short> r7)
    {
        var a0 = Sse2.UnpackLow(r0, r1).AsInt32();
        var a1 = Sse2.UnpackHigh(r0, r1).AsInt32();
        var a2 = Sse2.UnpackLow(r2, r3).AsInt32();
        var a3 = Sse2.UnpackHigh(r2, r3).AsInt32();
        var a4 = Sse2.UnpackLow(r4, r5).AsInt32();
        var a5 = Sse2.UnpackHigh(r4, r5).AsInt32();
        var a6 = Sse2.UnpackLow(r6, r7).AsInt32();
        var a7 = Sse2.UnpackHigh(r6, r7).AsInt32();
        var b0 = Sse2.UnpackLow(a0, a2).AsInt64();
        var b1 = Sse2.UnpackHigh(a0, a2).AsInt64();
        var b2 = Sse2.UnpackLow(a1, a3).AsInt64();
        var b3 = Sse2.UnpackHigh(a1, a3).AsInt64();
        var b4 = Sse2.UnpackLow(a4, a6).AsInt64();
        var b5 = Sse2.UnpackHigh(a4, a6).AsInt64();
        var b6 = Sse2.UnpackLow(a5, a7).AsInt64();
        var b7 = Sse2.UnpackHigh(a5, a7).AsInt64();
        (r0, r1) = (Sse2.UnpackLow(b0, b4).AsInt16(), Sse2.UnpackHigh(b0, b4).AsInt16());
        (r2, r3) = (Sse2.UnpackLow(b1, b5).AsInt16(), Sse2.UnpackHigh(b1, b5).AsInt16());
        (r4, r5) = (Sse2.UnpackLow(b2, b6).AsInt16(), Sse2.UnpackHigh(b2, b6).AsInt16());
        (r6, r7) = (Sse2.UnpackLow(b3, b7).AsInt16(), Sse2.UnpackHigh(b3, b7).AsInt16());
    }
}
