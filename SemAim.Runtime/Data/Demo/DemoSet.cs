using System.Globalization;
using System.Text.Json;
using SkiaSharp;

namespace SemAim.Runtime.Data.Demo;

/// <summary>How many pictures of which size.</summary>
/// <param name="Train">training pictures, in all classes together</param>
/// <param name="Val">held-out pictures</param>
/// <param name="Size">side, pixels</param>
/// <param name="Seed">same seed, same bytes</param>
public sealed record DemoSetOptions(int Train = 4000, int Val = 1000, int Size = 64, ulong Seed = 1);

/// <summary>Where an object was drawn, pixels.</summary>
/// <param name="X">column of its centre</param>
/// <param name="Y">row of its centre</param>
/// <param name="R">its mean radius; its outline swings up to 13 % about it</param>
public sealed record DrawnObject(double X, double Y, double R);

/// <summary>
/// Draws the demo's labelled pictures: one object of random place, size, outline, tilt and colours, covered with motifs of one of ten kinds, over a smooth background with
/// some lines. The kind of motif is the class; neither colour nor position tells it, and where the motifs lie is different in every picture.
/// Plain arithmetic, no canvas: the same seed gives the same bytes.
/// </summary>
public static class DemoSet
{
    private const int Quality = 90;
    private const double Tint = 0.15, Mottle = 0.35;
    private static readonly (int Grid, double Amplitude)[] Octaves = [(3, 1), (6, 0.6), (12, 0.3)];

    /// <summary>Removes the pictures of an earlier set, so that a new one is not mixed with them. Anything else stays.</summary>
    /// <param name="folder">may be missing</param>
    /// <exception cref="UsageException">its train or val folder holds what no such set has</exception>
    internal static void Clear(string folder)
    {
        string[] splits = [.. new[] { "train", "val" }.Select(s => Path.Combine(folder, s)).Where(Directory.Exists)];
        foreach (var entry in splits.SelectMany(s => Directory.EnumerateFileSystemEntries(s)))
            if (!Directory.Exists(entry) || !Motifs.Names.Contains(Path.GetFileName(entry)) || Directory.EnumerateFileSystemEntries(entry).FirstOrDefault(IsStrange) is not null)
                throw new UsageException($"--output_dir: {entry} is not of a demo set, whose pictures would take its place; choose another folder");
        foreach (var split in splits) Directory.Delete(split, recursive: true);
        if (splits.Length > 0) File.Delete(Path.Combine(folder, "objects.json"));

        static bool IsStrange(string path) => Path.GetExtension(path) != ".jpg" || !Path.GetFileNameWithoutExtension(path).All(char.IsAsciiDigit) || Directory.Exists(path);
    }

    /// <summary>Writes <c>train/CLASS/*.jpg</c>, <c>val/CLASS/*.jpg</c> and <c>objects.json</c> (path → where the object is).</summary>
    /// <param name="folder">is made where it is missing</param>
    /// <param name="options">counts, size, seed</param>
    /// <param name="progress">pictures drawn so far; may be null</param>
    public static void Write(string folder, DemoSetOptions options, IProgress<int>? progress = null)
    {
        var objects = new SortedDictionary<string, DrawnObject>(StringComparer.Ordinal);
        var done = 0;
        foreach (var (split, count) in new[] { ("train", options.Train), ("val", options.Val) })
        {
            foreach (var name in Motifs.Names) Directory.CreateDirectory(Path.Combine(folder, split, name));
            Parallel.For(0, count, i =>
            {
                var path = $"{split}/{Motifs.Names[i % Motifs.Names.Length]}/{(i / Motifs.Names.Length).ToString("D5", CultureInfo.InvariantCulture)}.jpg";
                var (pixels, drawn) = Draw(i % Motifs.Names.Length, split, i, options);
                File.WriteAllBytes(Path.Combine(folder, path), Encode(pixels, options.Size));
                lock (objects)
                {
                    objects[path] = drawn;
                    if (++done % 100 == 0) progress?.Report(done);
                }
            });
        }
        File.WriteAllText(Path.Combine(folder, "objects.json"), JsonSerializer.Serialize(objects.ToDictionary(o => o.Key, o => new { x = Math.Round(o.Value.X, 2), y = Math.Round(o.Value.Y, 2), r = Math.Round(o.Value.R, 2) })));
    }

    /// <summary>One picture, RGBA, and where its object is. Lengths are set for 64 pixels and grow with the picture.</summary>
    internal static (byte[] Pixels, DrawnObject Object) Draw(int kind, string split, int index, DemoSetOptions options)
    {
        var (size, unit) = (options.Size, options.Size / 64.0);
        var rng = new SampleRng(options.Seed, split == "train" ? 0UL : 1UL, (ulong)index, RngStream.Drawing);
        var radius = rng.Uniform(0.36, 0.5) * size;
        var (x, y, tilt) = (size * rng.Uniform(0.34, 0.66), size * rng.Uniform(0.34, 0.66), rng.Uniform(-Math.PI / 9, Math.PI / 9));
        var outline = (rng.Uniform(0, 2 * Math.PI), rng.Uniform(0, 2 * Math.PI));
        var motifs = new MotifField(kind, radius * 1.15, unit, ref rng);
        var noise = Noise(ref rng, size);
        var (ink, body) = (Colour(ref rng), Colour(ref rng));
        while (Distance(ink, body) < 0.69) (ink, body) = (Colour(ref rng), Colour(ref rng));
        var (ground, other) = (Colour(ref rng), Colour(ref rng));
        var lines = new (double X, double Y, double Dx, double Dy, double Width, (double R, double G, double B) Colour)[rng.NextInt(4)];
        for (var i = 0; i < lines.Length; i++)
        {
            var angle = rng.Uniform(0, Math.PI);
            lines[i] = (rng.Uniform(0, size), rng.Uniform(0, size), Math.Cos(angle), Math.Sin(angle), rng.Uniform(0.5, 1.2) * unit, Colour(ref rng));
        }
        var (cos, sin) = (Math.Cos(tilt), Math.Sin(tilt));
        var pixels = new byte[size * size * 4];
        for (var row = 0; row < size; row++)
            for (var column = 0; column < size; column++)
            {
                var (r, g, b) = ground;
                Blend(Mottle * noise[row * size + column], other);
                foreach (var line in lines)
                {
                    var away = Math.Abs((column - line.X) * line.Dy - (row - line.Y) * line.Dx);
                    Blend(0.7 * Math.Clamp(line.Width + 0.5 - away, 0, 1), line.Colour);
                }
                var (dx, dy) = (column + 0.5 - x, row + 0.5 - y);
                var angle = Math.Atan2(dy, dx);
                var inside = radius * (1 + 0.08 * Math.Sin(3 * angle + outline.Item1) + 0.05 * Math.Sin(5 * angle + outline.Item2)) - Math.Sqrt(dx * dx + dy * dy);
                if (inside > -0.5)
                {
                    var depth = motifs.Depth(dx * cos + dy * sin, dy * cos - dx * sin);
                    var alpha = Math.Clamp(depth + 0.5, 0, 1);
                    Blend(Math.Clamp(inside + 0.5, 0, 1), (body.R + alpha * (ink.R - body.R), body.G + alpha * (ink.G - body.G), body.B + alpha * (ink.B - body.B)));
                }
                var at = (row * size + column) * 4;
                (pixels[at], pixels[at + 1], pixels[at + 2], pixels[at + 3]) = (Byte(r), Byte(g), Byte(b), 255);

                void Blend(double share, (double R, double G, double B) colour)
                    => (r, g, b) = (r + share * (colour.R - r), g + share * (colour.G - g), b + share * (colour.B - b));
            }
        return (pixels, new(x, y, radius));
    }

    // a grey of any brightness with a touch of colour
    private static (double R, double G, double B) Colour(ref SampleRng rng)
    {
        var grey = rng.NextDouble();
        return (Math.Clamp(grey + Tint * rng.NextGaussian(), 0, 1), Math.Clamp(grey + Tint * rng.NextGaussian(), 0, 1), Math.Clamp(grey + Tint * rng.NextGaussian(), 0, 1));
    }

    private static byte Byte(double value) => (byte)Math.Clamp(Math.Round(value * 255), 0, 255);

    private static double Distance((double R, double G, double B) a, (double R, double G, double B) b)
        => Math.Sqrt((a.R - b.R) * (a.R - b.R) + (a.G - b.G) * (a.G - b.G) + (a.B - b.B) * (a.B - b.B));

    // smooth value noise in [0, 1]: a few octaves of bilinearly interpolated random grids
    private static double[] Noise(ref SampleRng rng, int size)
    {
        var sum = new double[size * size];
        foreach (var (grid, amplitude) in Octaves)
        {
            var knots = new double[(grid + 1) * (grid + 1)];
            for (var i = 0; i < knots.Length; i++) knots[i] = rng.NextDouble() * amplitude;
            for (var row = 0; row < size; row++)
                for (var column = 0; column < size; column++)
                {
                    var (v, u) = ((row + 0.5) * grid / size, (column + 0.5) * grid / size);
                    var (i, j) = ((int)v, (int)u);
                    var (dv, du) = (v - i, u - j);
                    double Knot(int a, int b) => knots[(i + a) * (grid + 1) + j + b];
                    sum[row * size + column] += (1 - dv) * ((1 - du) * Knot(0, 0) + du * Knot(0, 1)) + dv * ((1 - du) * Knot(1, 0) + du * Knot(1, 1));
                }
        }
        var (low, high) = (sum.Min(), sum.Max());
        for (var i = 0; i < sum.Length; i++) sum[i] = (sum[i] - low) / (high - low);
        return sum;
    }

    private static unsafe byte[] Encode(byte[] pixels, int size)
    {
        fixed (byte* p = pixels)
        {
            using var map = new SKPixmap(new SKImageInfo(size, size, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)p, size * 4);
            using var data = map.Encode(new SKJpegEncoderOptions(Quality));
            return (data ?? throw new InvalidOperationException("the JPEG encoder refused a picture")).ToArray();
        }
    }
}
