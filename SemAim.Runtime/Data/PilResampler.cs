using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

internal enum PilFilter { Bilinear, Bicubic, Lanczos, Box }

/// <summary>The layouts of coefficients.</summary>
internal enum TapLayout
{
    /// <summary>One after the other.</summary>
    Single,

    /// <summary>For pmaddwd: a pair of taps is one int with the two high parts and one with the two low parts, coefficient = high · 2¹¹ + low, 0 ≤ low &lt; 2¹¹.</summary>
    Pairs,

    /// <summary>For vpdpbusd: four taps are three ints of four signed bytes each, coefficient = first · 2¹⁶ + second · 2⁸ + third.</summary>
    Quads,
}

/// <summary>
/// Fixed-point coefficients of one axis, as Pillow 9.4 computes them: double weights over a window cut at the border and
/// renormalised, then rounded half away from zero to 22 fractional bits.
/// </summary>
internal sealed unsafe class ResampleAxis
{
    private const int Bits = 22;
    private double[] _weights = [];

    /// <summary>First input position and number of taps of each output position.</summary>
    public int[] Min = [], Taps = [];

    /// <summary><see cref="Stride"/> ints per output position in the layout that was asked for; taps are filled up with zeros.</summary>
    public int[] Coefficients = [];

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
    /// <param name="even">all positions shall have as many taps, those too many without weight: a loop of one length is foreseen. None reads before the first or more than three inputs beyond the end</param>
    public void Compute(int inSize, int outSize, int offset, int count, PilFilter filter, TapLayout layout, bool even)
    {
        double scale = (double)inSize / outSize, filterScale = Math.Max(scale, 1), inverse = 1 / filterScale;
        double support = filterScale * filter switch { PilFilter.Bilinear => 1, PilFilter.Bicubic => 2, PilFilter.Lanczos => 3, _ => 0.5 };
        if (Min.Length < count) { Min = new int[count]; Taps = new int[count]; }
        int most = 0;
        for (int o = 0; o < count; o++)
        {
            double center = (o + offset + 0.5) * scale;
            Min[o] = Math.Max((int)(center - support + 0.5), 0);
            Taps[o] = Math.Min((int)(center + support + 0.5), inSize) - Min[o];
            most = Math.Max(most, Taps[o]);
        }
        int room = (most + 3) & ~3, first = Min[0];
        even &= first + room <= inSize + 3;
        Stride = layout == TapLayout.Quads ? room / 4 * 3 : room;
        if (Coefficients.Length < count * Stride) Coefficients = new int[count * Stride];
        if (_weights.Length < room + 4) _weights = new double[room + 4];

        fixed (double* weights = _weights)
        fixed (int* coefficients = Coefficients)
        {
            for (int o = 0; o < count; o++)
            {
                double center = (o + offset + 0.5) * scale, sum = 0;
                int min = Min[o], taps = Taps[o], before = 0;
                if (even)
                {
                    before = Math.Clamp(min + room - inSize, 0, min - first);
                    (Min[o], Taps[o]) = (min - before, room);
                    for (int i = 0; i < before; i++) weights[i] = 0;
                }
                double* w = weights + before;
                if (filter == PilFilter.Bicubic && Avx2.IsSupported)
                {
                    for (int i = 0; i < taps; i += 4) Cubic((Vector256.Create((double)(i + min)) + Vector256.Create(0.0, 1, 2, 3) - Vector256.Create(center) + Vector256.Create(0.5)) * inverse).Store(w + i);
                }
                else
                {
                    for (int i = 0; i < taps; i++) w[i] = Weight(filter, (i + min - center + 0.5) * inverse);
                }
                for (int i = before + taps; i < room; i++) weights[i] = 0;
                for (int i = 0; i < taps; i++) sum += w[i];
                if (sum == 0) sum = 1;                                  // then they stay as they are
                int* to = coefficients + o * Stride;
                if (layout == TapLayout.Single)
                {
                    for (int i = 0; i < room; i++)
                    {
                        double normalised = weights[i] / sum;
                        to[i] = (int)((normalised < 0 ? -0.5 : 0.5) + normalised * (1 << Bits));
                    }
                }
                else
                {
                    for (int i = 0; i < room; i += 4, to += layout == TapLayout.Pairs ? 4 : 3) Lay(Fixed(Vector256.Load(weights + i) / sum), layout, to);
                }
            }
        }
    }

    private static readonly Vector128<byte> LowBytes = Vector128.Create((byte)0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Fixed(Vector256<double> w)
    {
        var half = Vector256.ConditionalSelect(Vector256.LessThan(w, Vector256<double>.Zero), Vector256.Create(-0.5), Vector256.Create(0.5));
        return Avx.ConvertToVector128Int32WithTruncation(half + w * (1 << Bits));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lay(Vector128<int> k, TapLayout layout, int* to)
    {
        if (layout == TapLayout.Pairs)
        {
            var halves = Sse2.PackSignedSaturate(k >> 11, k & Vector128.Create(0x7FF)).AsInt32();
            Sse2.Shuffle(halves, 0b11_01_10_00).Store(to);
            return;
        }
        var third = (k << 24) >> 24;
        var rest = (k - third) >> 8;
        var second = (rest << 24) >> 24;
        to[0] = Ssse3.Shuffle(((rest - second) >> 8).AsByte(), LowBytes).AsInt32().ToScalar();
        to[1] = Ssse3.Shuffle(second.AsByte(), LowBytes).AsInt32().ToScalar();
        to[2] = Ssse3.Shuffle(third.AsByte(), LowBytes).AsInt32().ToScalar();
    }

    // four weights, with the roundings of Weight
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Cubic(Vector256<double> x)
    {
        const double a = -0.5;
        x = Vector256.Abs(x);
        var near = (x * (a + 2) - Vector256.Create(a + 3)) * x * x + Vector256.Create(1.0);
        var far = (((x - Vector256.Create(5.0)) * x + Vector256.Create(8.0)) * x - Vector256.Create(4.0)) * a;
        var outer = Vector256.LessThan(x, Vector256.Create(2.0)) & far;
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(1.0)), near, outer);
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
/// The source buffer must have 16 readable bytes after its last pixel.
/// </summary>
internal sealed unsafe class PilResampler : IDisposable
{
    private const int Half = 1 << 21;
    private readonly ResampleAxis _x = new(), _y = new();
    private byte* _middle;
    private nuint _middleSize;

    /// <summary>For tests: do not use SIMD.</summary>
    public bool ForceScalar { get; init; }

    /// <summary>For tests: of SIMD only AVX2.</summary>
    public bool WithoutVnni { get; init; }

    private TapLayout Layout => !Avx2.IsSupported || ForceScalar ? TapLayout.Single : AvxVnni.IsSupported && !WithoutVnni ? TapLayout.Quads : TapLayout.Pairs;

    /// <summary>
    /// Resizes <paramref name="box"/> of the source to (outWidth, outHeight) and writes the window of that result:
    /// planar (three planes of window size) or RGBX with X = 255. The flip mirrors the written window.
    /// </summary>
    public void Run(byte* source, int stride, Box box, int outWidth, int outHeight, Box window, bool flip,
        byte* target, bool planar = true, PilFilter filter = PilFilter.Bicubic)
    {
        int width = window.Width, height = window.Height;
        var layout = Layout;
        bool horizontal = box.Width != outWidth, vertical = box.Height != outHeight;
        int firstRow = window.Y, rows = height;
        if (horizontal) _x.Compute(box.Width, outWidth, window.X, width, filter, layout, even: layout == TapLayout.Quads);
        if (vertical)
        {
            _y.Compute(box.Height, outHeight, window.Y, height, filter, layout, even: false);
            firstRow = _y.Min[0];
            rows = _y.Min[height - 1] + _y.Taps[height - 1] - firstRow;
        }

        int middleStride = (width * 4 + 63) & ~63;
        // Spare rows: the vertical SIMD passes take two or four taps at a time (those too many have the coefficient 0),
        // and the last one holds a finished output row.
        Reserve((nuint)middleStride * (nuint)(rows + 4));
        byte* first = source + (long)(box.Y + firstRow) * stride + (long)box.X * 4;
        if (!horizontal) CopyRows(first + (long)window.X * 4, stride, rows, middleStride, width, flip);
        else if (layout == TapLayout.Quads) HorizontalVnni(first, stride, rows, middleStride, width, flip);
        else if (layout == TapLayout.Pairs) HorizontalAvx2(first, stride, rows, middleStride, width, flip);
        else HorizontalScalar(first, stride, rows, middleStride, width, flip);

        if (!vertical) Emit(middleStride, width, height, target, planar);
        else if (layout != TapLayout.Single) VerticalSimd(layout, firstRow, rows, middleStride, width, height, target, planar);
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

    private void HorizontalScalar(byte* source, int stride, int rows, int middleStride, int width, bool flip)
    {
        fixed (int* coefficients = _x.Coefficients, min = _x.Min, taps = _x.Taps)
        {
            for (int y = 0; y < rows; y++)
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

    // four rows from y on, as far as there are as many; the last one stands for those that are not
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourRows(byte* first, int stride, int y, int rows, out byte* r0, out byte* r1, out byte* r2, out byte* r3)
    {
        r0 = first + (long)y * stride;
        r1 = first + (long)Math.Min(y + 1, rows - 1) * stride;
        r2 = first + (long)Math.Min(y + 2, rows - 1) * stride;
        r3 = first + (long)Math.Min(y + 3, rows - 1) * stride;
    }

    /// <summary>
    /// Four rows at a time; 8 bytes = 2 taps. sum(px * k) = (sum(px * high) &lt;&lt; 11) + sum(px * low) modulo 2^32, so no bit is lost.
    /// </summary>
    private void HorizontalAvx2(byte* source, int stride, int rows, int middleStride, int width, bool flip)
    {
        var half = Vector256.Create(Half);
        fixed (int* pairTable = _x.Coefficients, min = _x.Min, taps = _x.Taps)
        {
            for (int y = 0; y < rows; y += 4)
            {
                FourRows(source, stride, y, rows, out byte* r0, out byte* r1, out byte* r2, out byte* r3);
                FourRows(_middle, middleStride, y, rows, out byte* d0, out byte* d1, out byte* d2, out byte* d3);
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
                    ((uint*)d0)[to] = bytes.GetElement(0);
                    ((uint*)d2)[to] = bytes.GetElement(1);
                    ((uint*)d1)[to] = bytes.GetElement(4);
                    ((uint*)d3)[to] = bytes.GetElement(5);
                }
            }
        }
    }

    /// <summary>
    /// Four rows and two output positions at a time; 16 bytes = 4 taps. sum(px * k) = (sum(px * first) &lt;&lt; 16) + (sum(px * second) &lt;&lt; 8) + sum(px * third) modulo 2^32.
    /// </summary>
    private void HorizontalVnni(byte* source, int stride, int rows, int middleStride, int width, bool flip)
    {
        fixed (int* table = _x.Coefficients, min = _x.Min, taps = _x.Taps)
        {
            for (int y = 0; y < rows; y += 4)
            {
                FourRows(source, stride, y, rows, out byte* r0, out byte* r1, out byte* r2, out byte* r3);
                FourRows(_middle, middleStride, y, rows, out byte* d0, out byte* d1, out byte* d2, out byte* d3);
                for (int o = 0; o < width; o += 2)
                {
                    // of an odd width the last but one is done twice
                    int a = Math.Max(Math.Min(o, width - 2), 0), b = Math.Min(a + 1, width - 1), to = flip ? Math.Max(width - 2 - a, 0) : a;
                    var first = Position(r0, r1, r2, r3, min[a], table + a * _x.Stride, (taps[a] + 3) >> 2);
                    var second = Position(r0, r1, r2, r3, min[b], table + b * _x.Stride, (taps[b] + 3) >> 2);
                    var bytes = (flip ? Avx2.PackUnsignedSaturate(second, first) : Avx2.PackUnsignedSaturate(first, second)).AsInt32();    // lanes: r0 r2 r0 r2 | r1 r3 r1 r3
                    var pairs = Avx2.Shuffle(bytes, 0b11_01_10_00).AsUInt64();
                    *(ulong*)(d0 + 4 * to) = pairs.GetElement(0);
                    *(ulong*)(d2 + 4 * to) = pairs.GetElement(1);
                    *(ulong*)(d1 + 4 * to) = pairs.GetElement(2);
                    *(ulong*)(d3 + 4 * to) = pairs.GetElement(3);
                }
            }
        }
    }

    // one output position of four rows, as words; lanes: r0 r2 | r1 r3
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Position(byte* r0, byte* r1, byte* r2, byte* r3, int min, int* k, int quads)
    {
        Vector256<byte> shuffle = Vector256.Create(PlaneShuffle, PlaneShuffle);
        Vector256<int> s01 = default, s23 = default, m01 = default, m23 = default, l01 = Vector256.Create(Half), l23 = l01;
        for (long at = (long)min * 4; quads > 0; quads--, k += 3, at += 16)
        {
            var a = Avx2.Shuffle(Vector256.Create(Vector128.Load(r0 + at), Vector128.Load(r1 + at)), shuffle);
            var b = Avx2.Shuffle(Vector256.Create(Vector128.Load(r2 + at), Vector128.Load(r3 + at)), shuffle);
            Vector256<sbyte> first = Vector256.Create(k[0]).AsSByte(), second = Vector256.Create(k[1]).AsSByte(), third = Vector256.Create(k[2]).AsSByte();
            s01 = AvxVnni.MultiplyWideningAndAdd(s01, a, first);
            s23 = AvxVnni.MultiplyWideningAndAdd(s23, b, first);
            m01 = AvxVnni.MultiplyWideningAndAdd(m01, a, second);
            m23 = AvxVnni.MultiplyWideningAndAdd(m23, b, second);
            l01 = AvxVnni.MultiplyWideningAndAdd(l01, a, third);
            l23 = AvxVnni.MultiplyWideningAndAdd(l23, b, third);
        }
        return Avx2.PackSignedSaturate(((s01 << 16) + (m01 << 8) + l01) >> 22, ((s23 << 16) + (m23 << 8) + l23) >> 22);
    }

    private void VerticalSimd(TapLayout layout, int firstRow, int rows, int middleStride, int width, int height, byte* target, bool planar)
    {
        byte* row = _middle + (long)(rows + 3) * middleStride;
        fixed (int* table = _y.Coefficients, min = _y.Min, taps = _y.Taps)
        {
            for (int o = 0; o < height; o++)
            {
                byte* from = _middle + (long)(min[o] - firstRow) * middleStride;
                int* k = table + o * _y.Stride;
                if (layout == TapLayout.Quads) RowVnni(from, middleStride, k, (taps[o] + 3) >> 2, row, width * 4);
                else RowAvx2(from, middleStride, k, (taps[o] + 1) >> 1, row, width * 4);
                if (planar) SplitRow(row, width, target + (long)o * width, (long)width * height);
                else
                {
                    uint* to = (uint*)target + (long)o * width;
                    for (int x = 0; x < width; x++) to[x] = ((uint*)row)[x] | 0xFF000000;
                }
            }
        }
    }

    private static void RowAvx2(byte* from, int stride, int* coefficients, int count, byte* row, int bytes)
    {
        var half = Vector256.Create(Half);
        var zero = Vector256<byte>.Zero;
        for (int x = 0; x < bytes; x += 32)
        {
            int* k = coefficients;
            byte* p = from + x;
            Vector256<int> h0 = default, h1 = default, h2 = default, h3 = default, l0 = half, l1 = half, l2 = half, l3 = half;
            for (int pairs = count; pairs > 0; pairs--, k += 2, p += 2 * (long)stride)
            {
                var high = Vector256.Create(k[0]).AsInt16();
                var low = Vector256.Create(k[1]).AsInt16();
                var a = Vector256.Load(p);
                var b = Vector256.Load(p + stride);
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
    }

    private static void RowVnni(byte* from, int stride, int* coefficients, int quads, byte* row, int bytes)
    {
        for (int x = 0; x < bytes; x += 32)
        {
            var low = HalfLanes(from + x, stride, coefficients, quads, high: false);
            var high = HalfLanes(from + x, stride, coefficients, quads, high: true);
            Avx2.PackUnsignedSaturate(low, high).Store(row + x);
        }
    }

    // the lower or higher eight bytes of both lanes, as words
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> HalfLanes(byte* p, int stride, int* k, int quads, bool high)
    {
        Vector256<int> s0 = default, s1 = default, m0 = default, m1 = default, l0 = Vector256.Create(Half), l1 = l0;
        for (; quads > 0; quads--, k += 3, p += 4 * (long)stride)
        {
            Vector256<byte> a = Vector256.Load(p), b = Vector256.Load(p + stride), c = Vector256.Load(p + 2 * (long)stride), d = Vector256.Load(p + 3 * (long)stride);
            var ab = (high ? Avx2.UnpackHigh(a, b) : Avx2.UnpackLow(a, b)).AsInt16();
            var cd = (high ? Avx2.UnpackHigh(c, d) : Avx2.UnpackLow(c, d)).AsInt16();
            Vector256<byte> q0 = Avx2.UnpackLow(ab, cd).AsByte(), q1 = Avx2.UnpackHigh(ab, cd).AsByte();
            Vector256<sbyte> first = Vector256.Create(k[0]).AsSByte(), second = Vector256.Create(k[1]).AsSByte(), third = Vector256.Create(k[2]).AsSByte();
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, q0, first);
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, q1, first);
            m0 = AvxVnni.MultiplyWideningAndAdd(m0, q0, second);
            m1 = AvxVnni.MultiplyWideningAndAdd(m1, q1, second);
            l0 = AvxVnni.MultiplyWideningAndAdd(l0, q0, third);
            l1 = AvxVnni.MultiplyWideningAndAdd(l1, q1, third);
        }
        return Avx2.PackSignedSaturate(((s0 << 16) + (m0 << 8) + l0) >> 22, ((s1 << 16) + (m1 << 8) + l1) >> 22);
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
