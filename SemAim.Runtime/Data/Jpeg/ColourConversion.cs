using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SemAim.Runtime.Data.Jpeg;

/// <summary>Chroma to full resolution and YCbCr to RGBX, to the bit as libjpeg: triangle filter ("fancy upsampling"), 16 fractional bits.</summary>
internal static unsafe class ColourConversion
{
    /// <summary>Weighted sums of two chroma rows, three quarters of the nearer one: 3 · near + far.</summary>
    /// <param name="count">a multiple of 16</param>
    internal static void Blend(byte* near, byte* far, short* sums, int count)
    {
        for (int x = 0; x < count; x += 16)
        {
            var a = Avx2.ConvertToVector256Int16(near + x);
            (a + a + a + Avx2.ConvertToVector256Int16(far + x)).Store(sums + x);
        }
    }

    /// <summary>Bytes as words.</summary>
    /// <param name="count">a multiple of 16</param>
    internal static void Widen(byte* source, short* target, int count)
    {
        for (int x = 0; x < count; x += 16) Avx2.ConvertToVector256Int16(source + x).Store(target + x);
    }

    /// <summary>Doubles a row: every sample gives two, each three quarters its own and one of its neighbour on that side.</summary>
    /// <param name="source">from one sample before the first to one after the last</param>
    /// <param name="target">twice as many, without the mean of 128</param>
    /// <param name="count">samples, a multiple of 16</param>
    /// <param name="left">rounding of the left ones: 8 of sums of sixteen quarters, 1 of four</param>
    /// <param name="right">of the right ones: 7 or 2</param>
    /// <param name="shift">4 or 2</param>
    internal static void Double(short* source, short* target, int count, short left, short right, int shift)
    {
        Vector256<short> leftRounding = Vector256.Create(left), rightRounding = Vector256.Create(right), mean = Vector256.Create((short)128);
        for (int x = 0; x < count; x += 16)
        {
            var own = Vector256.Load(source + x);
            var three = own + own + own;
            var even = ((three + Vector256.Load(source + x - 1) + leftRounding) >>> shift) - mean;
            var odd = ((three + Vector256.Load(source + x + 1) + rightRounding) >>> shift) - mean;
            var low = Avx2.UnpackLow(even, odd);
            var high = Avx2.UnpackHigh(even, odd);
            Avx2.Permute2x128(low, high, 0x20).Store(target + 2 * x);
            Avx2.Permute2x128(low, high, 0x31).Store(target + 2 * x + 16);
        }
    }

    /// <summary>Takes the mean of 128 off.</summary>
    /// <param name="count">a multiple of 16</param>
    internal static void Centre(byte* source, short* target, int count)
    {
        var mean = Vector256.Create((short)128);
        for (int x = 0; x < count; x += 16) (Avx2.ConvertToVector256Int16(source + x) - mean).Store(target + x);
    }

    /// <summary>One row of RGBX, X = 255.</summary>
    /// <param name="cb">less 128</param>
    /// <param name="cr">less 128</param>
    /// <param name="count">pixels, a multiple of 16</param>
    internal static void Convert(byte* luma, short* cb, short* cr, byte* target, int count)
    {
        // 1.402 = 1 + 26345/65536, 1.772 = 2 − 14942/65536, −0.34414 = −22554/65536, −0.71414 = 18734/65536 − 1
        Vector256<short> red = Vector256.Create((short)26345), blue = Vector256.Create((short)-14942), one = Vector256.Create((short)1);
        var green = Vector256.Create((-22554 & 0xFFFF) | 18734 << 16).AsInt16();
        var half = Vector256.Create(1 << 15);
        for (int x = 0; x < count; x += 16)
        {
            Vector256<short> y = Avx2.ConvertToVector256Int16(luma + x), b = Vector256.Load(cb + x), r = Vector256.Load(cr + x);
            // (k·v + 2¹⁵) >> 16 in words: ((k·2v >> 16) + 1) >> 1
            var R = y + r + Avx2.ShiftRightArithmetic(Avx2.MultiplyHigh(r + r, red) + one, 1);
            var B = y + b + b + Avx2.ShiftRightArithmetic(Avx2.MultiplyHigh(b + b, blue) + one, 1);
            var low = Avx2.ShiftRightArithmetic(Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(b, r), green) + half, 16);
            var high = Avx2.ShiftRightArithmetic(Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(b, r), green) + half, 16);
            var G = y - r + Avx2.PackSignedSaturate(low, high);
            Store(Avx2.PackUnsignedSaturate(R, G), Avx2.PackUnsignedSaturate(B, Vector256.Create((short)255)), target + 4 * (long)x);
        }
    }

    /// <summary>One row of RGBX from luma alone.</summary>
    /// <param name="count">pixels, a multiple of 16</param>
    internal static void Grey(byte* luma, byte* target, int count)
    {
        for (int x = 0; x < count; x += 16)
        {
            var y = Avx2.ConvertToVector256Int16(luma + x);
            Store(Avx2.PackUnsignedSaturate(y, y), Avx2.PackUnsignedSaturate(y, Vector256.Create((short)255)), target + 4 * (long)x);
        }
    }

    // within each lane: eight bytes of one channel, then eight of the other; made neighbours
    private static readonly Vector256<byte> Neighbours = Vector256.Create((byte)0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<byte> redGreen, Vector256<byte> blueX, byte* target)
    {
        var rg = Avx2.Shuffle(redGreen, Neighbours).AsInt16();
        var bx = Avx2.Shuffle(blueX, Neighbours).AsInt16();
        var low = Avx2.UnpackLow(rg, bx);                // pixels 0–3 and 8–11
        var high = Avx2.UnpackHigh(rg, bx);              // pixels 4–7 and 12–15
        Avx2.Permute2x128(low, high, 0x20).AsByte().Store(target);
        Avx2.Permute2x128(low, high, 0x31).AsByte().Store(target + 32);
    }
}
