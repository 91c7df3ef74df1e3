using System.Security.Cryptography;
using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>What a sample is depends on its address alone.</summary>
public sealed class LoaderTests : IDisposable
{
    private const int Size = 48;
    private readonly string root = Directory.CreateTempSubdirectory("semaim-loader-").FullName;

    public LoaderTests()
    {
        string[] images = [.. Directory.GetFiles(Path.Combine(GoldenFolder.Repository, "tests", "golden", "images", "pipeline")).Where(f => !f.EndsWith(".npy", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        for (var i = 0; i < 60; i++)
        {
            Directory.CreateDirectory(Path.Combine(root, "train", $"class {i % 3}"));
            File.Copy(images[i % images.Length], Path.Combine(root, "train", $"class {i % 3}", $"{i:D3}{Path.GetExtension(images[i % images.Length])}"));
        }
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Workers_resumption_and_ranks_do_not_change_the_batches()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        var whole = Run(source, 1);

        Assert.Equal(14, whole.Count);
        Assert.Equal(whole, Run(source, 2));
        Assert.Equal(whole, Run(source, 5));
        Assert.Equal(whole.Skip(9), Run(source, 3, consumed: 9 * 8));
        Assert.Equal(14, new HashSet<string>(whole).Count);
    }

    [Fact]
    public void A_broken_file_is_named_once_and_replaced_by_the_same_other_one()
    {
        File.WriteAllBytes(Path.Combine(root, "train", "class 0", "000.jpg"), [0xFF, 0xD8, 1, 2, 3]);
        foreach (var stray in Directory.GetFiles(Path.Combine(root, "train", "class 0"), "000.*").Where(f => !f.EndsWith(".jpg", StringComparison.Ordinal))) File.Delete(stray);
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        var (first, second) = (new List<string>(), new List<string>());

        var batches = Run(source, 1, refused: first);
        var again = Run(source, 3, refused: second);

        Assert.Equal(batches, again);
        Assert.EndsWith("000.jpg", Assert.Single(first));
        Assert.Equal(first, second);
    }

    [Fact]
    public void More_broken_files_than_allowed_stop_the_run()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(root, "train", "class 1"))) File.WriteAllBytes(file, [0xFF, 0xD8, 1, 2, 3]);
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));

        var stopped = Assert.Throws<RefusedException>(() => Run(source, 2, maxBad: 3));

        Assert.Contains("more than the 3 allowed", stopped.Message);
    }

    [Fact]
    public void Random_numbers_have_their_frozen_values()
    {
        var (a, b) = (new SampleRng(0, 0, 0, RngStream.Geometry), new SampleRng(42, 3, 1234567, RngStream.Augment));

        Assert.Equal([0xD495BA3C4AE7C163UL, 0x55FDCCE3D0582AE3UL], new[] { a.Next(), a.Next() });
        Assert.Equal([0x0F4832451759950DUL, 0xB9CE44F726ED7568UL], new[] { b.Next(), b.Next() });
        Assert.Equal([4, 0, 3, 5, 9, 1, 7, 6, 2, 8], Permutation.Create(10, 42, 3));
    }

    private static List<string> Run(ISampleSource source, int workers, long consumed = 0, List<string>? refused = null, int maxBad = 10)
    {
        var options = new TrainingOptions(42, Size, RandAugment: new RandAugmentOptions(), ErasingProbability: 0.25);
        using var loader = new RingLoader(source, new TrainingPlan(source.Count, 8, 0, 1, 42, epochs: 2, 1, consumed), () => new TrainingPipeline(options),
            new RingOptions(workers, Slots: 3, Size, Rows: 8, Seed: 42, BadSamplePolicy.Replace, maxBad, Refused: (name, _) => { if (refused is not null) lock (refused) refused.Add(name); }));
        var hashes = new List<string>();
        while (loader.Take() is { } batch)
        {
            unsafe { hashes.Add(Convert.ToHexString(SHA256.HashData(new ReadOnlySpan<byte>((byte*)batch.Memory.Pixels, batch.Rows * 3 * Size * Size)))); }
            batch.Return();
        }
        return hashes;
    }
}
