using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

internal enum PilFilter { Bilinear, Bicubic, Lanczos, Box }

/// <summary>
/// Fixed-point coefficients of one axis, as Pillow 9.4 computes them: double weights over a window cut at the border and
/// renormalised, then rounded half away from zero to 22 fractional bits.
/// </summary>
internal sealed class ResampleAxis
{
    private const int Bits = 22;
    private double[] _weights = [];

    /// <summary>First input position and number of taps of each output position.</summary>
    public int[] Min = [], Taps = [];

    /// <summary><see cref="Stride"/> coefficients per output position, padded with zeros to an even count.</summary>
    public int[] Coefficients = [];

    /// <summary>
    /// The same, for pmaddwd: per pair of taps one int with the two high parts and one with the two low parts,
    /// coefficient = high * 2^11 + low, 0 &lt;= low &lt; 2^11.
    /// </summary>
    public int[] Pairs = [];

    public int Stride;

    /// <summary>Input positions that the output positions offset .. offset + count - 1 of a bicubic resize depend on.</summary>
    public static (int First, int Count) Needed(int inSize, int outSize, int offset, int count)
    {
        if (inSize == outSize) return (offset, count);
        double scale = (double)inSize / outSize, support = 2 * Math.Max(scale, 1);
        int first = Math.Max((int)((offset + 0.5) * scale - support + 0.5), 0);
        int end = Math.Min((int)((offset + count - 0.5) * scale + support + 0.5), inSize);
        return (first, end - first);
    }

    /// <summary>Output positions offset .. offset + count - 1 of a resize from inSize to outSize.</summary>
    public void Compute(int inSize, int outSize, int offset, int count, PilFilter filter)
    {
        double scale = (double)inSize / outSize, filterScale = Math.Max(scale, 1), inverse = 1 / filterScale;
        double support = filterScale * filter switch { PilFilter.Bilinear => 1, PilFilter.Bicubic => 2, PilFilter.Lanczos => 3, _ => 0.5 };
        Stride = ((int)Math.Ceiling(support) * 2 + 2) & ~1;
        if (Min.Length < count) { Min = new int[count]; Taps = new int[count]; }
        if (Coefficients.Length < count * Stride) { Coefficients = new int[count * Stride]; Pairs = new int[count * Stride]; }
        if (_weights.Length < Stride) _weights = new double[Stride];

        for (int o = 0; o < count; o++)
        {
            double center = (o + offset + 0.5) * scale, sum = 0;
            int min = Math.Max((int)(center - support + 0.5), 0);
            int taps = Math.Min((int)(center + support + 0.5), inSize) - min;
            for (int i = 0; i < taps; i++)
            {
                double w = Weight(filter, (i + min - center + 0.5) * inverse);
                _weights[i] = w;
                sum += w;
            }
            var row = Coefficients.AsSpan(o * Stride, Stride);
            row.Clear();
            for (int i = 0; i < taps; i++)
            {
                double w = sum != 0 ? _weights[i] / sum : _weights[i];
                row[i] = (int)((w < 0 ? -0.5 : 0.5) + w * (1 << Bits));
            }
            for (int i = 0; i < Stride; i += 2)
            {
                Pairs[o * Stride + i] = ((row[i] >> 11) & 0xFFFF) | ((row[i + 1] >> 11) << 16);
                Pairs[o * Stride + i + 1] = (row[i] & 0x7FF) | ((row[i + 1] & 0x7FF) << 16);
            }
            Min[o] = min;
            Taps[o] = taps;
        }
    }

    private static double Weight(PilFilter filter, double x)
    {
        switch (filter)
        {
            case PilFilter.Bicubic:
                const double a = -0.5;
                x = Math.Abs(x);
                if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
                return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
            case PilFilter.Bilinear:
                x = Math.Abs(x);
                return x < 1 ? 1 - x : 0;
            case PilFilter.Lanczos:
                return x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0;
            default:
                return x is > -0.5 and <= 0.5 ? 1 : 0;
        }
    }

    private static double Sinc(double x)
    {
        if (x == 0) return 1;
        x *= Math.PI;
        return Math.Sin(x) / x;
    }
}

/// <summary>
/// Bit-exact Pillow 9.4 resize of an RGBX image (4 bytes a pixel): horizontal pass first, 8-bit rounding between the
/// passes, a pass is skipped when its size does not change. One instance per worker thread.
/// The source buffer must have 4 readable bytes after its last pixel.
/// </summary>
internal sealed unsafe class PilResampler : IDisposable
{
    private const int Half = 1 << 21;
    private readonly ResampleAxis _x = new(), _y = new();
    private byte* _middle;
    private nuint _middleSize;

    /// <summary>For tests: do not use SIMD.</summary>
    public bool ForceScalar { get; init; }

    private bool UseAvx2 => Avx2.IsSupported && !ForceScalar;

    /// <summary>
    /// Resizes <paramref name="box"/> of the source to (outWidth, outHeight) and writes the window of that result:
    /// planar (three planes of window size) or RGBX with X = 255. The flip mirrors the written window.
    /// </summary>
    public void Run(byte* source, int stride, Box box, int outWidth, int outHeight, Box window, bool flip,
        byte* target, bool planar = true, PilFilter filter = PilFilter.Bicubic)
    {
        int width = window.Width, height = window.Height;
        bool horizontal = box.Width != outWidth, vertical = box.Height != outHeight;
        int firstRow = window.Y, rows = height;
        if (horizontal) _x.Compute(box.Width, outWidth, window.X, width, filter);
        if (vertical)
        {
            _y.Compute(box.Height, outHeight, window.Y, height, filter);
            firstRow = _y.Min[0];
            rows = _y.Min[height - 1] + _y.Taps[height - 1] - firstRow;
        }

        int middleStride = (width * 4 + 63) & ~63;
        // Spare rows: an odd number of taps makes the vertical SIMD pass read one row too many (its coefficient is 0),
        // and the last one holds a finished output row.
        Reserve((nuint)middleStride * (nuint)(rows + 2));
        byte* first = source + (long)(box.Y + firstRow) * stride + (long)box.X * 4;
        if (!horizontal) CopyRows(first + (long)window.X * 4, stride, rows, middleStride, width, flip);
        else if (UseAvx2) HorizontalAvx2(first, stride, rows, middleStride, width, flip);
        else HorizontalScalar(first, stride, 0, rows, middleStride, width, flip);

        if (!vertical) Emit(middleStride, width, height, target, planar);
        else if (UseAvx2) VerticalAvx2(firstRow, rows, middleStride, width, height, target, planar);
        else VerticalScalar(firstRow, middleStride, width, height, target, planar);
    }

    /// <summary>RGBX rows without padding to three planes.</summary>
    public static void ToPlanar(byte* source, int pixels, byte* target) => SplitRow(source, pixels, target, pixels);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_middle);
        _middle = null;
        _middleSize = 0;
    }

    private void Reserve(nuint size)
    {
        if (size <= _middleSize) return;
        NativeMemory.AlignedFree(_middle);
        _middleSize = size + size / 4;
        _middle = (byte*)NativeMemory.AlignedAlloc(_middleSize, 64);
    }

    private void CopyRows(byte* source, int stride, int rows, int middleStride, int width, bool flip)
    {
        for (int y = 0; y < rows; y++)
        {
            var from = new Span<uint>(source + (long)y * stride, width);
            var to = new Span<uint>(_middle + (long)y * middleStride, width);
            from.CopyTo(to);
            if (flip) to.Reverse();
        }
    }

    private void Emit(int middleStride, int width, int height, byte* target, bool planar)
    {
        for (int y = 0; y < height; y++)
        {
            byte* row = _middle + (long)y * middleStride;
            if (planar)
            {
                SplitRow(row, width, target + (long)y * width, (long)width * height);
                continue;
            }
            uint* to = (uint*)target + (long)y * width;
            for (int x = 0; x < width; x++) to[x] = ((uint*)row)[x] | 0xFF000000;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Clip(int value)
    {
        value >>= 22;
        return (byte)(value < 0 ? 0 : value > 255 ? 255 : value);
    }

    private void HorizontalScalar(byte* source, int stride, int fromRow, int rows, int middleStride, int width, bool flip)
    {
        fixed (int* coefficients = _x.Coefficients, min = _x.Min, taps = _x.Taps)
        {
            for (int y = fromRow; y < rows; y++)
            {
                for (int o = 0; o < width; o++)
                {
                    byte* p = source + (long)y * stride + (long)min[o] * 4;
                    int* k = coefficients + o * _x.Stride;
                    int r = Half, g = Half, b = Half;
                    for (int i = 0; i < taps[o]; i++, p += 4)
                    {
                        r += p[0] * k[i];
                        g += p[1] * k[i];
                        b += p[2] * k[i];
                    }
                    byte* d = _middle + (long)y * middleStride + (flip ? width - 1 - o : o) * 4;
                    d[0] = Clip(r);
                    d[1] = Clip(g);
                    d[2] = Clip(b);
                    d[3] = 0;
                }
            }
        }
    }

    private void VerticalScalar(int firstRow, int middleStride, int width, int height, byte* target, bool planar)
    {
        long plane = (long)width * height;
        fixed (int* coefficients = _y.Coefficients, min = _y.Min, taps = _y.Taps)
        {
            for (int o = 0; o < height; o++)
            {
                int* k = coefficients + o * _y.Stride;
                for (int x = 0; x < width; x++)
                {
                    byte* p = _middle + (long)(min[o] - firstRow) * middleStride + x * 4;
                    int r = Half, g = Half, b = Half;
                    for (int i = 0; i < taps[o]; i++, p += middleStride)
                    {
                        r += p[0] * k[i];
                        g += p[1] * k[i];
                        b += p[2] * k[i];
                    }
                    long at = (long)o * width + x;
                    if (planar)
                    {
                        target[at] = Clip(r);
                        target[at + plane] = Clip(g);
                        target[at + 2 * plane] = Clip(b);
                    }
                    else
                    {
                        ((uint*)target)[at] = Clip(r) | (uint)Clip(g) << 8 | (uint)Clip(b) << 16 | 0xFF000000;
                    }
                }
            }
        }
    }

    // Interleaves the two pixels of a tap pair: r0 r1 g0 g1 b0 b1 x0 x1, twice.
    private static readonly Vector128<byte> PairShuffle = Vector128.Create((byte)0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);

    /// <summary>
    /// Four rows at a time; 8 bytes = 2 taps. sum(px * k) = (sum(px * high) &lt;&lt; 11) + sum(px * low) modulo 2^32, so no bit is lost.
    /// </summary>
    private void HorizontalAvx2(byte* source, int stride, int rows, int middleStride, int width, bool flip)
    {
        var half = Vector256.Create(Half);
        int y = 0;
        fixed (int* pairTable = _x.Pairs, min = _x.Min, taps = _x.Taps)
        {
            for (; y + 4 <= rows; y += 4)
            {
                byte* r0 = source + (long)y * stride, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
                uint* d0 = (uint*)(_middle + (long)y * middleStride), d1 = (uint*)((byte*)d0 + middleStride);
                uint* d2 = (uint*)((byte*)d1 + middleStride), d3 = (uint*)((byte*)d2 + middleStride);
                for (int o = 0; o < width; o++)
                {
                    int* k = pairTable + o * _x.Stride;
                    long at = (long)min[o] * 4;
                    Vector256<int> high01 = default, high23 = default, low01 = half, low23 = half;
                    for (int pairs = (taps[o] + 1) >> 1; pairs > 0; pairs--, k += 2, at += 8)
                    {
                        var high = Vector256.Create(k[0]).AsInt16();
                        var low = Vector256.Create(k[1]).AsInt16();
                        var a = Vector128.Create(*(ulong*)(r0 + at), *(ulong*)(r1 + at)).AsByte();
                        var b = Vector128.Create(*(ulong*)(r2 + at), *(ulong*)(r3 + at)).AsByte();
                        var wideA = Avx2.ConvertToVector256Int16(Ssse3.Shuffle(a, PairShuffle));
                        var wideB = Avx2.ConvertToVector256Int16(Ssse3.Shuffle(b, PairShuffle));
                        high01 += Avx2.MultiplyAddAdjacent(wideA, high);
                        low01 += Avx2.MultiplyAddAdjacent(wideA, low);
                        high23 += Avx2.MultiplyAddAdjacent(wideB, high);
                        low23 += Avx2.MultiplyAddAdjacent(wideB, low);
                    }
                    var v01 = ((high01 << 11) + low01) >> 22;
                    var v23 = ((high23 << 11) + low23) >> 22;
                    var words = Avx2.PackSignedSaturate(v01, v23); // lanes: r0 r2 | r1 r3
                    var bytes = Avx2.PackUnsignedSaturate(words, words).AsUInt32();
                    int to = flip ? width - 1 - o : o;
                    d0[to] = bytes.GetElement(0);
                    d2[to] = bytes.GetElement(1);
                    d1[to] = bytes.GetElement(4);
                    d3[to] = bytes.GetElement(5);
                }
            }
        }
        HorizontalScalar(source, stride, y, rows, middleStride, width, flip);
    }

    private void VerticalAvx2(int firstRow, int rows, int middleStride, int width, int height, byte* target, bool planar)
    {
        var half = Vector256.Create(Half);
        var zero = Vector256<byte>.Zero;
        int rowBytes = width * 4;
        byte* row = _middle + (long)(rows + 1) * middleStride;
        fixed (int* pairTable = _y.Pairs, min = _y.Min, taps = _y.Taps)
        {
            for (int o = 0; o < height; o++)
            {
                byte* from = _middle + (long)(min[o] - firstRow) * middleStride;
                for (int x = 0; x < rowBytes; x += 32)
                {
                    int* k = pairTable + o * _y.Stride;
                    byte* p = from + x;
                    Vector256<int> h0 = default, h1 = default, h2 = default, h3 = default, l0 = half, l1 = half, l2 = half, l3 = half;
                    for (int pairs = (taps[o] + 1) >> 1; pairs > 0; pairs--, k += 2, p += 2 * (long)middleStride)
                    {
                        var high = Vector256.Create(k[0]).AsInt16();
                        var low = Vector256.Create(k[1]).AsInt16();
                        var a = Vector256.Load(p);
                        var b = Vector256.Load(p + middleStride);
                        var lowHalf = Avx2.UnpackLow(a, b);
                        var highHalf = Avx2.UnpackHigh(a, b);
                        var q0 = Avx2.UnpackLow(lowHalf, zero).AsInt16();
                        var q1 = Avx2.UnpackHigh(lowHalf, zero).AsInt16();
                        var q2 = Avx2.UnpackLow(highHalf, zero).AsInt16();
                        var q3 = Avx2.UnpackHigh(highHalf, zero).AsInt16();
                        h0 += Avx2.MultiplyAddAdjacent(q0, high);
                        l0 += Avx2.MultiplyAddAdjacent(q0, low);
                        h1 += Avx2.MultiplyAddAdjacent(q1, high);
                        l1 += Avx2.MultiplyAddAdjacent(q1, low);
                        h2 += Avx2.MultiplyAddAdjacent(q2, high);
                        l2 += Avx2.MultiplyAddAdjacent(q2, low);
                        h3 += Avx2.MultiplyAddAdjacent(q3, high);
                        l3 += Avx2.MultiplyAddAdjacent(q3, low);
                    }
                    var v01 = Avx2.PackSignedSaturate(((h0 << 11) + l0) >> 22, ((h1 << 11) + l1) >> 22);
                    var v23 = Avx2.PackSignedSaturate(((h2 << 11) + l2) >> 22, ((h3 << 11) + l3) >> 22);
                    Avx2.PackUnsignedSaturate(v01, v23).Store(row + x);
                }
                if (planar) SplitRow(row, width, target + (long)o * width, (long)width * height);
                else
                {
                    uint* to = (uint*)target + (long)o * width;
                    for (int x = 0; x < width; x++) to[x] = ((uint*)row)[x] | 0xFF000000;
                }
            }
        }
    }

    private static readonly Vector128<byte> PlaneShuffle = Vector128.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

    private static void SplitRow(byte* source, int pixels, byte* target, long plane)
    {
        int x = 0;
        if (Ssse3.IsSupported)
        {
            for (; x + 16 <= pixels; x += 16)
            {
                byte* p = source + (long)x * 4;
                var a = Ssse3.Shuffle(Vector128.Load(p), PlaneShuffle).AsUInt32();
                var b = Ssse3.Shuffle(Vector128.Load(p + 16), PlaneShuffle).AsUInt32();
                var c = Ssse3.Shuffle(Vector128.Load(p + 32), PlaneShuffle).AsUInt32();
                var d = Ssse3.Shuffle(Vector128.Load(p + 48), PlaneShuffle).AsUInt32();
                var ab = Sse2.UnpackLow(a, b).AsUInt64();
                var cd = Sse2.UnpackLow(c, d).AsUInt64();
                Sse2.UnpackLow(ab, cd).AsByte().Store(target + x);
                Sse2.UnpackHigh(ab, cd).AsByte().Store(target + plane + x);
                Sse2.UnpackLow(Sse2.UnpackHigh(a, b).AsUInt64(), Sse2.UnpackHigh(c, d).AsUInt64()).AsByte().Store(target + 2 * plane + x);
            }
        }
        for (; x < pixels; x++)
        {
            target[x] = source[x * 4];
            target[plane + x] = source[x * 4 + 1];
            target[2 * plane + x] = source[x * 4 + 2];
        }
    }
}
