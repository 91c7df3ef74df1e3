using System.Security.Cryptography;
using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>What a sample is depends on its address alone.</summary>
public sealed class LoaderTests : IDisposable
{
    private const int Size = 48;
    private readonly SixtyPictures pictures = new();
    private readonly string root;

    public LoaderTests() => root = pictures.Root;

    public void Dispose() => pictures.Dispose();

    [Fact]
    public void Workers_resumption_and_ranks_do_not_change_the_batches()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        var whole = Run(source, 1);

        Assert.Equal(14, whole.Count);
        foreach (var workers in new[] { 0, 2, 5 }) Assert.Equal(whole, Run(source, workers));
        Assert.Equal(whole.Skip(9), Run(source, 3, consumed: 9 * 8));
        Assert.Equal(whole.Skip(9), Run(source, 0, consumed: 9 * 8));
        Assert.Equal(14, new HashSet<string>(whole).Count);
    }

    [Fact]
    public void Ranks_and_accumulation_deal_out_the_same_rows()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        // 8 rows a micro-batch; a step of 32: 4 = ranks × accumulation in three ways
        var dealt = new[] { 1, 2, 4 }.Select(world =>
        {
            var ranks = Enumerable.Range(0, world).Select(rank => Run(source, 2, rank: rank, world: world, accumulation: 4 / world, rows: 8)).ToList();
            return Enumerable.Range(0, ranks.Sum(r => r.Count)).Select(m => ranks[m % world][m / world]).ToList();
        }).ToList();

        Assert.Equal(8, dealt[0].Count);
        Assert.Equal(dealt[0], dealt[1]);
        Assert.Equal(dealt[0], dealt[2]);
    }

    [Fact]
    public void A_run_can_be_taken_up_at_any_batch()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        var whole = Run(source, 2);
        for (var done = 1; done < whole.Count; done++) Assert.Equal(whole.Skip(done).Take(2), Run(source, 2, consumed: done * 8L, most: 2));
    }

    [Fact]
    public void A_defect_in_a_worker_reaches_the_trainer_with_the_files_name()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        using var loader = new RingLoader(source, new TrainingPlan(source.Count, 8, 0, 1, 42, 1), () => new Defect(), new RingOptions(2, 3, Size, 8, 42, BadSamplePolicy.Replace));

        var failure = Assert.Throws<InvalidOperationException>(() => { while (loader.Take() is { } batch) batch.Return(); });

        Assert.Matches(@"a data worker failed at class \d/\d{3}\.\w+ \(sample 17, epoch 0\): Attempted to divide by zero", failure.Message);
    }

    private sealed class Defect : ISamplePipeline
    {
        public unsafe void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info)
        {
            if (key.Index == 17) throw new DivideByZeroException();
        }

        public void Dispose() { }
    }

    [Fact]
    public void A_slow_consumer_stops_the_producers_and_leaving_early_stops_them_all()
    {
        using var source = new Counting(FileSource.FromFolder(Path.Combine(root, "train")));
        foreach (var slots in new[] { 1, 2, 4 })
        {
            source.Reads = 0;
            using var loader = new RingLoader(source, new TrainingPlan(source.Count, 4, 0, 1, 42, 3), () => new TrainingPipeline(new TrainingOptions(42, Size)), new RingOptions(5, slots, Size, 4, 42));
            var batch = loader.Take()!;
            SpinWait.SpinUntil(() => Volatile.Read(ref source.Reads) >= slots * 4, TimeSpan.FromSeconds(20));

            Assert.False(SpinWait.SpinUntil(() => Volatile.Read(ref source.Reads) > slots * 4, TimeSpan.FromMilliseconds(100)));
            batch.Return();
        }
    }

    [Fact]
    public void Waiting_for_a_batch_can_be_cancelled()
    {
        using var source = new Counting(FileSource.FromFolder(Path.Combine(root, "train"))) { Hold = new ManualResetEventSlim() };
        using var loader = new RingLoader(source, new TrainingPlan(source.Count, 4, 0, 1, 42, 3), () => new TrainingPipeline(new TrainingOptions(42, Size)), new RingOptions(2, 2, Size, 4, 42));
        using var cancel = new CancellationTokenSource(50);

        Assert.Throws<OperationCanceledException>(() => loader.Take(cancel.Token));
        source.Hold.Set();
    }

    private sealed class Counting(ISampleSource inner) : ISampleSource
    {
        internal int Reads;

        internal ManualResetEventSlim? Hold { get; init; }

        public int Count => inner.Count;

        public IReadOnlyList<string> Classes => inner.Classes;

        public int Label(int index) => inner.Label(index);

        public string Name(int index) => inner.Name(index);

        public int Read(int index, ref byte[] buffer)
        {
            Hold?.Wait();
            Interlocked.Increment(ref Reads);
            return inner.Read(index, ref buffer);
        }

        public void Dispose() => inner.Dispose();
    }

    [Fact]
    public void Packed_pictures_give_the_same_batches_as_their_folder()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        var shards = TarPack.Write(source, Path.Combine(root, "packed"), "train", 1 << 16);
        using var packed = SampleSources.Open(Path.Combine(root, "packed"), "train", out _);

        Assert.True(shards > 1);
        Assert.Equal(source.Classes, packed.Classes);
        Assert.Equal(Run(source, 2), Run(packed, 3));
        byte[] one = [], other = [];
        for (var i = 0; i < source.Count; i++)
        {
            Assert.Equal(source.Label(i), packed.Label(i));
            var (n, m) = (source.Read(i, ref one), packed.Read(i, ref other));
            Assert.Equal(one.AsSpan(0, n), other.AsSpan(0, m));
        }
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

    private static List<string> Run(ISampleSource source, int workers, long consumed = 0, List<string>? refused = null, int maxBad = 10, int rank = 0, int world = 1, int accumulation = 1, int rows = 8, int most = int.MaxValue)
    {
        var options = new TrainingOptions(42, Size, RandAugment: new RandAugmentOptions(), ErasingProbability: 0.25);
        using var loader = new RingLoader(source, new TrainingPlan(source.Count, rows, rank, world, 42, epochs: 2, accumulation, consumed), () => new TrainingPipeline(options),
            new RingOptions(workers, Slots: 3, Size, rows, Seed: 42, BadSamplePolicy.Replace, maxBad, Refused: bad => refused?.Add(bad.Path)));
        var hashes = new List<string>();
        while (hashes.Count < most && loader.Take() is { } batch)
        {
            unsafe { hashes.Add(Convert.ToHexString(SHA256.HashData(new ReadOnlySpan<byte>((byte*)batch.Memory.Pixels, batch.Rows * 3 * Size * Size)))); }
            batch.Return();
        }
        return hashes;
    }
}
