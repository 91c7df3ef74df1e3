using System.Runtime.Intrinsics.X86;
using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>The resampler against one written straight from data.md 4, without SIMD, tables, windows or planes.</summary>
public sealed unsafe class ResamplerTests
{
    [Fact]
    public void Ten_thousand_random_resizes_equal_the_plain_formula()
    {
        var rng = new Random(11);
        using PilResampler vector = new(), avx2 = new() { WithoutVnni = true }, scalar = new() { ForceScalar = true };
        var source = new byte[64 * 64 * 4 + 64];
        rng.NextBytes(source);
        for (var n = 0; n < 10_000; n++)
        {
            if (n % 500 == 0) Fill(source, rng, n / 500);
            int width = 1 + rng.Next(40), height = 1 + rng.Next(40), outWidth = Side(rng), outHeight = Side(rng);
            if (n % 9 == 0) outWidth = width;
            if (n % 11 == 0) outHeight = height;
            var box = new Box(rng.Next(64 - width + 1), rng.Next(64 - height + 1), width, height);
            int w = 1 + rng.Next(outWidth), h = 1 + rng.Next(outHeight);
            var window = new Box(rng.Next(outWidth - w + 1), rng.Next(outHeight - h + 1), w, h);
            var flip = rng.Next(2) == 0;
            var expected = Reference(source, 64, box, outWidth, outHeight, window, flip);
            var (planes, packed) = (new byte[3 * w * h], new byte[4 * w * h]);
            fixed (byte* p = source, q = planes, r = packed)
            {
                foreach (var resampler in new[] { vector, avx2, scalar })
                {
                    Array.Clear(planes);
                    resampler.Run(p, 256, box, outWidth, outHeight, window, flip, q);
                    Assert.True(planes.AsSpan().SequenceEqual(expected), $"case {n}: {box} to {outWidth} x {outHeight}, {window}, flip {flip}, scalar {resampler.ForceScalar}, without VNNI {resampler.WithoutVnni}");
                }
                vector.Run(p, 256, box, outWidth, outHeight, window, flip, r, planar: false);
            }
            for (var i = 0; i < w * h; i++) Assert.True(packed[4 * i] == expected[i] && packed[4 * i + 1] == expected[i + w * h] && packed[4 * i + 2] == expected[i + 2 * w * h], $"case {n}, RGBX");
        }
        Assert.True(Avx2.IsSupported || !OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64, "the AVX2 path was not tried");
    }

    private static int Side(Random rng) => rng.Next(8) == 0 ? 1 + rng.Next(3) : 1 + rng.Next(32);

    // noise, black and white only, and smooth: clipping and rounding differ between them
    private static void Fill(byte[] source, Random rng, int kind)
    {
        rng.NextBytes(source);
        if (kind % 3 == 1) for (var i = 0; i < source.Length; i++) source[i] = (byte)(source[i] < 128 ? 0 : 255);
        if (kind % 3 == 2) for (var i = 0; i < source.Length; i++) source[i] = (byte)(i / 64 + source[i] % 4);
    }

    private static byte[] Reference(byte[] source, int sourceWidth, Box box, int outWidth, int outHeight, Box window, bool flip)
    {
        var values = new int[box.Height, box.Width, 3];
        for (var y = 0; y < box.Height; y++)
            for (var x = 0; x < box.Width; x++)
                for (var c = 0; c < 3; c++) values[y, x, c] = source[((box.Y + y) * sourceWidth + box.X + x) * 4 + c];
        if (outWidth != box.Width) values = Pass(values, outWidth, horizontal: true);
        if (outHeight != box.Height) values = Pass(values, outHeight, horizontal: false);
        var planes = new byte[3 * window.Width * window.Height];
        for (var c = 0; c < 3; c++)
            for (var y = 0; y < window.Height; y++)
                for (var x = 0; x < window.Width; x++)
                    planes[(c * window.Height + y) * window.Width + (flip ? window.Width - 1 - x : x)] = (byte)values[window.Y + y, window.X + x, c];
        return planes;
    }

    private static int[,,] Pass(int[,,] values, int size, bool horizontal)
    {
        int height = values.GetLength(0), width = values.GetLength(1), length = horizontal ? width : height;
        var result = horizontal ? new int[height, size, 3] : new int[size, width, 3];
        double scale = (double)length / size, f = Math.Max(scale, 1), support = 2 * f;
        for (var o = 0; o < size; o++)
        {
            var centre = (o + 0.5) * scale;
            int min = Math.Max((int)(centre - support + 0.5), 0), max = Math.Min((int)(centre + support + 0.5), length);
            var weights = Enumerable.Range(min, max - min).Select(i => Cubic((i - centre + 0.5) / f)).ToArray();
            var sum = 0.0;
            foreach (var w in weights) sum += w;
            var fixedPoint = weights.Select(w => w / sum).Select(w => (int)((w < 0 ? -0.5 : 0.5) + w * (1 << 22))).ToArray();
            for (var line = 0; line < (horizontal ? height : width); line++)
                for (var c = 0; c < 3; c++)
                {
                    var total = 1L << 21;
                    for (var i = min; i < max; i++) total += (long)fixedPoint[i - min] * (horizontal ? values[line, i, c] : values[i, line, c]);
                    var value = (int)Math.Clamp(total >> 22, 0, 255);
                    if (horizontal) result[line, o, c] = value;
                    else result[o, line, c] = value;
                }
        }
        return result;
    }

    private static double Cubic(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
}
