using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SemAim.Runtime.Data;

/// <summary>
/// Pillow 9.4's image operations as RandAugment uses them, bit for bit, on unpadded RGBX images (X is ignored and not kept).
/// Source and target must differ. One instance per worker thread.
/// </summary>
internal sealed unsafe class PilOps
{
    private readonly int[] _histogram = new int[768];
    private readonly byte[] _table = new byte[768];

    /// <summary>For tests: do not use SIMD.</summary>
    public bool ForceScalar { get; init; }

    private bool UseAvx2 => Avx2.IsSupported && !ForceScalar;

    // ---- tables --------------------------------------------------------------------------------------------------

    public void AutoContrast(byte* source, byte* target, int pixels)
    {
        CountHistogram(source, pixels);
        for (int c = 0; c < 768; c += 256)
        {
            int low = 0, high = 255;
            while (low < 255 && _histogram[c + low] == 0) low++;
            while (high > 0 && _histogram[c + high] == 0) high--;
            double scale = high > low ? 255.0 / (high - low) : 1, offset = high > low ? -low * scale : 0;
            for (int i = 0; i < 256; i++) _table[c + i] = (byte)Math.Clamp((int)(i * scale + offset), 0, 255);
        }
        ApplyTable(source, target, pixels);
    }

    public void Equalize(byte* source, byte* target, int pixels)
    {
        CountHistogram(source, pixels);
        for (int c = 0; c < 768; c += 256)
        {
            int used = 0, last = 0;
            long sum = 0;
            for (int i = 0; i < 256; i++)
            {
                if (_histogram[c + i] == 0) continue;
                used++;
                last = _histogram[c + i];
                sum += last;
            }
            long step = used <= 1 ? 0 : (sum - last) / 255, n = step / 2;
            for (int i = 0; i < 256; i++)
            {
                // The quotient can reach 256; Pillow clips it.
                _table[c + i] = (byte)(step == 0 ? i : Math.Min(255, n / step));
                n += _histogram[c + i];
            }
        }
        ApplyTable(source, target, pixels);
    }

    public void Invert(byte* source, byte* target, int pixels)
    {
        for (int i = 0; i < 256; i++) SetTable(i, 255 - i);
        ApplyTable(source, target, pixels);
    }

    /// <summary>Keeps the top bits; 0 bits give a black image.</summary>
    public void Posterize(byte* source, byte* target, int pixels, int bits)
    {
        int mask = bits >= 8 ? 255 : ~((1 << (8 - bits)) - 1);
        for (int i = 0; i < 256; i++) SetTable(i, i & mask);
        ApplyTable(source, target, pixels);
    }

    public void Solarize(byte* source, byte* target, int pixels, int threshold)
    {
        for (int i = 0; i < 256; i++) SetTable(i, i < threshold ? i : 255 - i);
        ApplyTable(source, target, pixels);
    }

    public void SolarizeAdd(byte* source, byte* target, int pixels, int add, int threshold = 128)
    {
        for (int i = 0; i < 256; i++) SetTable(i, i < threshold ? Math.Min(255, i + add) : i);
        ApplyTable(source, target, pixels);
    }

    private void SetTable(int i, int value) => _table[i] = _table[256 + i] = _table[512 + i] = (byte)value;

    private void CountHistogram(byte* p, int pixels)
    {
        Array.Clear(_histogram);
        fixed (int* h = _histogram)
        {
            for (int i = 0; i < pixels; i++, p += 4)
            {
                h[p[0]]++;
                h[256 + p[1]]++;
                h[512 + p[2]]++;
            }
        }
    }

    private void ApplyTable(byte* source, byte* target, int pixels)
    {
        fixed (byte* t = _table)
        {
            for (int i = 0; i < pixels; i++, source += 4, target += 4)
            {
                target[0] = t[source[0]];
                target[1] = t[256 + source[1]];
                target[2] = t[512 + source[2]];
            }
        }
    }

    // ---- enhancers: target = degenerate + factor * (source - degenerate) --------------------------------------------

    public void Brightness(byte* source, byte* target, byte* scratch, int pixels, double factor)
    {
        new Span<uint>(scratch, pixels).Clear();
        Blend(scratch, source, target, pixels * 4, (float)factor);
    }

    public void Contrast(byte* source, byte* target, byte* scratch, int pixels, double factor)
    {
        long sum = 0;
        for (int i = 0; i < pixels; i++) sum += Luma(source + i * 4);
        uint mean = (uint)((double)sum / pixels + 0.5);
        new Span<uint>(scratch, pixels).Fill(mean * 0x010101u);
        Blend(scratch, source, target, pixels * 4, (float)factor);
    }

    public void Color(byte* source, byte* target, byte* scratch, int pixels, double factor)
    {
        for (int i = 0; i < pixels; i++) ((uint*)scratch)[i] = (uint)Luma(source + i * 4) * 0x010101u;
        Blend(scratch, source, target, pixels * 4, (float)factor);
    }

    /// <summary>The degenerate image is a 3x3 smoothing in float32, rows added bottom, middle, top; the border is copied.</summary>
    public void Sharpness(byte* source, byte* target, byte* scratch, int width, int height, double factor)
    {
        const float side = 1f / 13, middle = 5f / 13;
        int stride = width * 4;
        for (int y = 0; y < height; y++)
        {
            byte* p1 = source + (long)y * stride, p0 = p1 - stride, p2 = p1 + stride, to = scratch + (long)y * stride;
            if (y == 0 || y == height - 1 || width < 3)
            {
                Buffer.MemoryCopy(p1, to, stride, stride);
                continue;
            }
            *(uint*)to = *(uint*)p1;
            int b = 4, end = stride - 4;
            if (UseAvx2)
            {
                var k1 = Vector256.Create(side);
                var k5 = Vector256.Create(middle);
                for (; b + 8 <= end; b += 8)
                {
                    var sum = Vector256.Create(0.5f);
                    sum += Load(p2 + b - 4) * k1 + Load(p2 + b) * k1 + Load(p2 + b + 4) * k1;
                    sum += Load(p1 + b - 4) * k1 + Load(p1 + b) * k5 + Load(p1 + b + 4) * k1;
                    sum += Load(p0 + b - 4) * k1 + Load(p0 + b) * k1 + Load(p0 + b + 4) * k1;
                    Store(sum, to + b);
                }
            }
            for (; b < end; b++)
            {
                float sum = 0.5f;
                sum += p2[b - 4] * side + p2[b] * side + p2[b + 4] * side;
                sum += p1[b - 4] * side + p1[b] * middle + p1[b + 4] * side;
                sum += p0[b - 4] * side + p0[b] * side + p0[b + 4] * side;
                to[b] = Truncate(sum);
            }
            *(uint*)(to + end) = *(uint*)(p1 + end);
        }
        Blend(scratch, source, target, width * height * 4, (float)factor);
    }

    // Image.blend: float32, product and sum rounded separately (no fused multiply-add), truncated after clipping.
    private void Blend(byte* degenerate, byte* image, byte* target, int bytes, float factor)
    {
        int i = 0;
        if (UseAvx2)
        {
            var f = Vector256.Create(factor);
            for (; i + 8 <= bytes; i += 8)
            {
                var low = Avx2.ConvertToVector256Int32(degenerate + i);
                var difference = Avx2.ConvertToVector256Int32(image + i) - low;
                Store(Avx.ConvertToVector256Single(low) + f * Avx.ConvertToVector256Single(difference), target + i);
            }
        }
        for (; i < bytes; i++) target[i] = Truncate(degenerate[i] + factor * (float)(image[i] - degenerate[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Luma(byte* p) => (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Truncate(float value) => value <= 0 ? (byte)0 : value >= 255 ? (byte)255 : (byte)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Truncate(double value) => value <= 0 ? (byte)0 : value >= 255 ? (byte)255 : (byte)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load(byte* p) => Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<float> value, byte* to)
    {
        value = Avx.Min(Avx.Max(value, Vector256<float>.Zero), Vector256.Create(255f));
        var ints = Avx.ConvertToVector256Int32WithTruncation(value);
        var words = Sse41.PackUnsignedSaturate(ints.GetLower(), ints.GetUpper()).AsInt16();
        *(ulong*)to = Sse2.PackUnsignedSaturate(words, words).AsUInt64().ToScalar();
    }

    // ---- affine ------------------------------------------------------------------------------------------------------

    /// <summary>Counter-clockwise about the centre. Pillow rounds sine and cosine to 15 decimals. |degrees| below 90 only.</summary>
    public void Rotate(byte* source, byte* target, int width, int height, double degrees, bool bicubic, uint fill)
    {
        double positive = degrees - Math.Floor(degrees / 360) * 360;
        if (positive == 0)
        {
            Buffer.MemoryCopy(source, target, width * height * 4L, width * height * 4L);
            return;
        }
        double angle = -(positive * (Math.PI / 180));
        double cos = Round15(Math.Cos(angle)), sin = Round15(Math.Sin(angle)), minusSin = Round15(-Math.Sin(angle));
        double cx = width / 2.0, cy = height / 2.0;
        double m2 = cos * -cx + sin * -cy + 0.0, m5 = minusSin * -cx + cos * -cy + 0.0;
        Affine(source, target, width, height, [cos, sin, m2 + cx, minusSin, cos, m5 + cy], bicubic, fill);
    }

    public void ShearX(byte* source, byte* target, int width, int height, double factor, bool bicubic, uint fill)
        => Affine(source, target, width, height, [1, factor, 0, 0, 1, 0], bicubic, fill);

    public void ShearY(byte* source, byte* target, int width, int height, double factor, bool bicubic, uint fill)
        => Affine(source, target, width, height, [1, 0, 0, factor, 1, 0], bicubic, fill);

    public void TranslateX(byte* source, byte* target, int width, int height, double part, bool bicubic, uint fill)
        => Affine(source, target, width, height, [1, 0, part * width, 0, 1, 0], bicubic, fill);

    public void TranslateY(byte* source, byte* target, int width, int height, double part, bool bicubic, uint fill)
        => Affine(source, target, width, height, [1, 0, 0, 0, 1, part * height], bicubic, fill);

    private static double Round15(double x) => double.Parse(x.ToString("F15", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>
    /// Source point = m applied to the target pixel's centre. A point outside the image takes the fill colour. Columns are
    /// clamped; a row outside repeats the interpolated row before it. Arithmetic is double; the result is truncated.
    /// The cubic has a = -1, unlike the resize.
    /// </summary>
    public void Affine(byte* source, byte* target, int width, int height, ReadOnlySpan<double> m, bool bicubic, uint fill)
    {
        uint* to = (uint*)target;
        int* columns = stackalloc int[4];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++, to++)
            {
                double px = x + 0.5, py = y + 0.5;
                double sx = m[0] * px + m[1] * py + m[2], sy = m[3] * px + m[4] * py + m[5];
                if (!(sx >= 0 && sx < width && sy >= 0 && sy < height))
                {
                    *to = fill;
                    continue;
                }
                sx -= 0.5;
                sy -= 0.5;
                int ix = (int)Math.Floor(sx), iy = (int)Math.Floor(sy);
                double dx = sx - ix, dy = sy - iy;
                if (bicubic)
                {
                    for (int i = 0; i < 4; i++) columns[i] = Math.Clamp(ix - 1 + i, 0, width - 1) * 4;
                    *to = UseAvx2 ? CubicAvx2(source, width, height, columns, iy - 1, dx, dy) : CubicScalar(source, width, height, columns, iy - 1, dx, dy);
                }
                else
                {
                    columns[0] = Math.Max(ix, 0) * 4;
                    columns[1] = Math.Min(ix + 1, width - 1) * 4;
                    *to = UseAvx2 ? LinearAvx2(source, width, height, columns, iy, dx, dy) : LinearScalar(source, width, height, columns, iy, dx, dy);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Cubic(double v1, double v2, double v3, double v4, double d)
    {
        double p2 = v3 - v1, p3 = 2 * (v1 - v2) + v3 - v4, p4 = v2 - v1 - v3 + v4;
        return v2 + d * (p2 + d * (p3 + d * p4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Cubic(Vector256<double> v1, Vector256<double> v2, Vector256<double> v3, Vector256<double> v4, Vector256<double> d)
    {
        var p2 = v3 - v1;
        var p3 = (v1 - v2) * 2.0 + v3 - v4;
        var p4 = v2 - v1 - v3 + v4;
        return v2 + d * (p2 + d * (p3 + d * p4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Pixel(byte* p)
        => Avx.ConvertToVector256Double(Sse41.ConvertToVector128Int32(Vector128.CreateScalarUnsafe(*(uint*)p).AsByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Pack(Vector256<double> value)
    {
        value = Avx.Min(Avx.Max(value, Vector256<double>.Zero), Vector256.Create(255.0));
        var ints = Avx.ConvertToVector128Int32WithTruncation(value);
        var words = Sse41.PackUnsignedSaturate(ints, ints).AsInt16();
        return Sse2.PackUnsignedSaturate(words, words).AsUInt32().ToScalar();
    }

    private static uint CubicAvx2(byte* source, int width, int height, int* columns, int top, double dx, double dy)
    {
        // Shears and translations move along one axis: at distance 0 the polynomial is its second value, to the bit.
        if (dy == 0) return AlongRow(source + (long)(top + 1) * width * 4, columns, dx);
        if (dx == 0) return AlongColumn(source + columns[1], width, height, top, dy);
        var t = Vector256.Create(dx);
        byte* row = source + (long)Math.Clamp(top, 0, height - 1) * width * 4;
        var v1 = Cubic(Pixel(row + columns[0]), Pixel(row + columns[1]), Pixel(row + columns[2]), Pixel(row + columns[3]), t);
        Vector256<double> v2 = v1, v3, v4;
        if (top + 1 >= 0 && top + 1 < height)
        {
            row = source + (long)(top + 1) * width * 4;
            v2 = Cubic(Pixel(row + columns[0]), Pixel(row + columns[1]), Pixel(row + columns[2]), Pixel(row + columns[3]), t);
        }
        v3 = v2;
        if (top + 2 >= 0 && top + 2 < height)
        {
            row = source + (long)(top + 2) * width * 4;
            v3 = Cubic(Pixel(row + columns[0]), Pixel(row + columns[1]), Pixel(row + columns[2]), Pixel(row + columns[3]), t);
        }
        v4 = v3;
        if (top + 3 >= 0 && top + 3 < height)
        {
            row = source + (long)(top + 3) * width * 4;
            v4 = Cubic(Pixel(row + columns[0]), Pixel(row + columns[1]), Pixel(row + columns[2]), Pixel(row + columns[3]), t);
        }
        return Pack(Cubic(v1, v2, v3, v4, Vector256.Create(dy)));
    }

    // the row lies inside: a source point half a pixel outside has a distance
    private static uint AlongRow(byte* row, int* columns, double dx)
        => dx == 0 ? *(uint*)(row + columns[1]) & 0xFFFFFF : Pack(Cubic(Pixel(row + columns[0]), Pixel(row + columns[1]), Pixel(row + columns[2]), Pixel(row + columns[3]), Vector256.Create(dx)));

    private static uint AlongColumn(byte* column, int width, int height, int top, double dy)
    {
        long stride = (long)width * 4;
        var v1 = Pixel(column + Math.Clamp(top, 0, height - 1) * stride);
        var v2 = top + 1 >= 0 && top + 1 < height ? Pixel(column + (top + 1) * stride) : v1;
        var v3 = top + 2 >= 0 && top + 2 < height ? Pixel(column + (top + 2) * stride) : v2;
        var v4 = top + 3 >= 0 && top + 3 < height ? Pixel(column + (top + 3) * stride) : v3;
        return Pack(Cubic(v1, v2, v3, v4, Vector256.Create(dy)));
    }

    private static uint CubicScalar(byte* source, int width, int height, int* columns, int top, double dx, double dy)
    {
        uint result = 0;
        double* v = stackalloc double[4];
        for (int c = 0; c < 3; c++)
        {
            for (int i = 0; i < 4; i++)
            {
                int y = top + i;
                if (i > 0 && (y < 0 || y >= height))
                {
                    v[i] = v[i - 1];
                    continue;
                }
                byte* row = source + (long)Math.Clamp(y, 0, height - 1) * width * 4 + c;
                v[i] = Cubic(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]], dx);
            }
            result |= (uint)Truncate(Cubic(v[0], v[1], v[2], v[3], dy)) << (8 * c);
        }
        return result;
    }

    private static uint LinearAvx2(byte* source, int width, int height, int* columns, int top, double dx, double dy)
    {
        var t = Vector256.Create(dx);
        byte* row = source + (long)Math.Clamp(top, 0, height - 1) * width * 4;
        var left = Pixel(row + columns[0]);
        var v1 = left + (Pixel(row + columns[1]) - left) * t;
        var v2 = v1;
        if (top + 1 >= 0 && top + 1 < height)
        {
            row = source + (long)(top + 1) * width * 4;
            left = Pixel(row + columns[0]);
            v2 = left + (Pixel(row + columns[1]) - left) * t;
        }
        return Pack(v1 + (v2 - v1) * Vector256.Create(dy));
    }

    private static uint LinearScalar(byte* source, int width, int height, int* columns, int top, double dx, double dy)
    {
        uint result = 0;
        for (int c = 0; c < 3; c++)
        {
            byte* row = source + (long)Math.Clamp(top, 0, height - 1) * width * 4 + c;
            double v1 = row[columns[0]] + (row[columns[1]] - row[columns[0]]) * dx, v2 = v1;
            if (top + 1 >= 0 && top + 1 < height)
            {
                row = source + (long)(top + 1) * width * 4 + c;
                v2 = row[columns[0]] + (row[columns[1]] - row[columns[0]]) * dx;
            }
            result |= (uint)Truncate(v1 + (v2 - v1) * dy) << (8 * c);
        }
        return result;
    }
}
