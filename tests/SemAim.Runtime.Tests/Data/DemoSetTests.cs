using System.Security.Cryptography;
using System.Text.Json;
using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;

namespace SemAim.Runtime.Tests.Data;

/// <summary>The drawn pictures of the demo.</summary>
public sealed class DemoSetTests
{
    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        Assert.Equal(Hash(3), Hash(3));
        Assert.NotEqual(Hash(3), Hash(4));
    }

    [Fact]
    public void Every_picture_says_where_its_object_is_and_classes_are_balanced()
    {
        var folder = Directory.CreateTempSubdirectory("semaim-demo-").FullName;
        DemoSet.Write(folder, new DemoSetOptions(Train: 40, Val: 20));
        using var val = FileSource.FromFolder(Path.Combine(folder, "val"));
        using var objects = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "objects.json")));

        Assert.Equal(10, val.Classes.Count);
        Assert.All(Enumerable.Range(0, val.Count).GroupBy(val.Label), g => Assert.Equal(2, g.Count()));
        Assert.Equal(60, objects.RootElement.EnumerateObject().Count());
        Assert.All(objects.RootElement.EnumerateObject(), o => Assert.InRange(o.Value.GetProperty("x").GetDouble(), 0, 64));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Neither_mean_colour_nor_position_gives_the_class_away()
    {
        var options = new DemoSetOptions();
        var (train, test) = (Pictures("train", 1200, options), Pictures("val", 400, options));

        // chance is 10 %; four standard errors of 400 trials are 6 points
        Assert.InRange(NearestNeighbour(train, test, p => p.Colour), 0, 0.16);
        Assert.InRange(NearestNeighbour(train, test, p => p.Place), 0, 0.16);
    }

    [Fact]
    public void Raw_pixels_do_not_give_the_class_away()
    {
        var options = new DemoSetOptions();
        var (train, test) = (Pictures("train", 1500, options), Pictures("val", 300, options));

        Assert.InRange(NearestNeighbour(train, test, p => p.Pixels), 0, 0.35);
    }

    private static string Hash(ulong seed)
    {
        var folder = Directory.CreateTempSubdirectory("semaim-demo-").FullName;
        DemoSet.Write(folder, new DemoSetOptions(Train: 20, Val: 10, Seed: seed));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)) hash.AppendData(File.ReadAllBytes(file));
        Directory.Delete(folder, recursive: true);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private sealed record Picture(int Class, double[] Colour, double[] Place, double[] Pixels);

    private static Picture[] Pictures(string split, int count, DemoSetOptions options)
    {
        var pictures = new Picture[count];
        Parallel.For(0, count, i =>
        {
            var (pixels, drawn) = DemoSet.Draw(i % 10, split, i, options);
            var colour = new double[3];
            var small = new double[16 * 16 * 3];                                        // 4 × 4 means: enough for neighbours, and quick
            for (var p = 0; p < pixels.Length / 4; p++)
                for (var c = 0; c < 3; c++)
                {
                    colour[c] += pixels[p * 4 + c] / (pixels.Length / 4.0);
                    small[((p / options.Size / 4 * 16) + p % options.Size / 4) * 3 + c] += pixels[p * 4 + c] / 16.0 - 8;
                }
            pictures[i] = new(i % 10, colour, [drawn.X, drawn.Y], small);
        });
        return pictures;
    }

    private static double NearestNeighbour(Picture[] train, Picture[] test, Func<Picture, double[]> features)
    {
        var right = 0;
        Parallel.ForEach(test, t =>
        {
            var own = features(t);
            var votes = train.Select(p => (p.Class, Distance: Squared(features(p), own))).OrderBy(p => p.Distance).Take(20).GroupBy(p => p.Class);
            if (votes.MaxBy(v => v.Count())!.Key == t.Class) Interlocked.Increment(ref right);
        });
        return (double)right / test.Length;
    }

    private static double Squared(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }
}
