using System.Diagnostics;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Jpeg;
using SemAim.Runtime.Native;
using SkiaSharp;

namespace SemAim.App.Verbs;

/// <summary><c>semaim bench-data</c>: how fast pictures come in, by path and decoder.</summary>
[Verb("bench-data", HelpText = "Time the data path: pictures a second and a CPU second for pretraining, finetuning and evaluation, by decoder.")]
internal sealed class BenchDataVerb : PictureOptions, IVerb
{
    private const ulong Seed = 42;

    [Option("data_path", Default = "", HelpText = "Pictures to read, as pretrain takes them. Without it 200 drawn JPEGs in memory (500 × 375, quality 90).")]
    public string DataPath { get; set; } = "";

    [Option("num_workers", Default = 0, HelpText = "Decoder threads. 0: as many as the machine has cores.")]
    public int NumWorkers { get; set; }

    [Option("input_size", Default = 224, HelpText = "Side of the square that the network sees.")]
    public int InputSize { get; set; }

    [Option("batch_size", Default = 64, HelpText = "Pictures a batch.")]
    public int BatchSize { get; set; }

    [Option("seconds", Default = 3.0, HelpText = "Time for each path and decoder, after as much, at most a second, that is not counted.")]
    public double Seconds { get; set; }

    [Option("consumer", Default = 0.0, HelpText = "Also measure how much of its time a consumer that takes so many pictures a second waits (pretrain path).")]
    public double Consumer { get; set; }

    [Option("write_jpegs", Default = "", HelpText = "Also write the drawn JPEGs into this folder, for other programs to read.")]
    public string WriteJpegs { get; set; } = "";

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    private sealed record Rate(double ImagesPerSecond, double ImagesPerCpuSecond, double AllocatedBytes);

    public int Run()
    {
        if (NumWorkers is < 0 or > 256) throw new UsageException($"--num_workers {NumWorkers}: 0 to 256");
        if (InputSize is < 1 or > 4096) throw new UsageException($"--input_size {InputSize}: 1 to 4096");
        if (BatchSize is < 1 or > 65536) throw new UsageException($"--batch_size {BatchSize}: 1 to 65536");
        if (!(Seconds is > 0 and <= 3600)) throw new UsageException($"--seconds {Seconds}: above 0, at most 3600");
        if (!(Consumer is >= 0 and <= 1e6)) throw new UsageException($"--consumer {Consumer}: pictures a second, 0 or more");
        var reading = Reading();
        var workers = NumWorkers > 0 ? NumWorkers : Environment.ProcessorCount;
        using var source = DataPath.Length > 0 ? SampleSources.Open(DataPath, "train", out _, reading) : new DrawnJpegs();
        if (WriteJpegs.Length > 0) (source as DrawnJpegs ?? throw new UsageException("--write_jpegs: only without --data_path")).Write(WriteJpegs);
        Console.Out.WriteLine($"{(DataPath.Length > 0 ? DataPath : "drawn JPEGs in memory")}: {source.Count} pictures, {InputSize} px, {workers} {(workers == 1 ? "thread" : "threads")} on {Environment.ProcessorCount} cores, AVX2 {(System.Runtime.Intrinsics.X86.Avx2.IsSupported ? "yes" : "no")}");
        string[] decoders = [.. BaselineJpeg.IsSupported ? ["own"] : Array.Empty<string>(), .. TurboJpeg.IsAvailable ? ["libjpeg-turbo"] : Array.Empty<string>(), "skiasharp"];
        var byDecoder = decoders.ToDictionary(d => d, d => Paths(reading with { SkiaOnly = d == "skiasharp", LibraryOnly = d == "libjpeg-turbo" }).ToDictionary(p => p.Name, p =>
        {
            var rate = Measure(source, p.Pipeline, workers);
            Console.Out.WriteLine($"{d + (d == "libjpeg-turbo" && TurboJpeg.HasRegionDecode ? " (regions)" : ""),-24} {p.Name,-9} {rate.ImagesPerSecond,8:F0} pictures/s  {rate.ImagesPerCpuSecond,8:F0} a CPU second  {rate.AllocatedBytes,6:F0} B allocated a picture");
            return rate;
        }));
        double? waiting = Consumer > 0 ? Waiting(source, Paths(reading).First().Pipeline, workers) : null;
        if (waiting is not null) Console.Out.WriteLine($"a consumer that takes {Consumer:F0} pictures/s waits {100 * waiting:F2} % of the time");
        if (Json)
        {
            static object Values(Dictionary<string, Rate> paths) => paths.ToDictionary(p => p.Key, p => new { images_per_second = p.Value.ImagesPerSecond, images_per_cpu_second = p.Value.ImagesPerCpuSecond, allocated_bytes_per_image = p.Value.AllocatedBytes });
            Console.Out.WriteLine(JsonSerializer.Serialize(new { cores = Environment.ProcessorCount, workers, decoder = decoders[0], pictures = source.Count, input_size = InputSize, paths = Values(byDecoder[decoders[0]]), by_decoder = byDecoder.ToDictionary(d => d.Key, d => new { paths = Values(d.Value) }), consumer = waiting is null ? null : new { images_per_second = Consumer, waiting } }));
        }
        return ExitCodes.Done;
    }

    private IEnumerable<(string Name, Func<ISamplePipeline> Pipeline)> Paths(DecodeOptions decode)
    {
        yield return ("pretrain", () => new TrainingPipeline(TrainingOptions.Pretraining(Seed, InputSize) with { Decode = decode }));
        yield return ("finetune", () => new TrainingPipeline(TrainingOptions.Finetuning(Seed, InputSize, new RandAugmentOptions(), 0, 0.25, 1) with { Decode = decode }));
        yield return ("eval", () => EvaluationPipeline.Classification(InputSize, decode));
    }

    private const int Slots = 4;

    private int Rows(ISampleSource source) => Math.Min(BatchSize, source.Count);

    private RingLoader Loader(ISampleSource source, Func<ISamplePipeline> pipeline, int workers, int slots = Slots)
        => new(source, new TrainingPlan(source.Count, Rows(source), 0, 1, Seed, int.MaxValue / Math.Max(1, source.Count)), pipeline, new RingOptions(workers, slots, InputSize, Rows(source), Seed, BadSamplePolicy.Replace, source.Count));

    private Rate Measure(ISampleSource source, Func<ISamplePipeline> pipeline, int workers)
    {
        using var loader = Loader(source, pipeline, workers);
        // until every slot was used and the code is compiled for good
        for (var (i, warming) = (0, Stopwatch.StartNew()); i < Slots + 1 || warming.Elapsed.TotalSeconds < Math.Min(1, Seconds); i++) loader.Take()!.Return();
        using var process = Process.GetCurrentProcess();
        // Work in flight at the start and at the end is about the same and cancels.
        var (cpu, bytes, clock, pictures) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes(true), Stopwatch.StartNew(), 0L);
        while (clock.Elapsed.TotalSeconds < Seconds)
        {
            var batch = loader.Take()!;
            pictures += batch.Rows;
            batch.Return();
        }
        var wall = clock.Elapsed.TotalSeconds;
        process.Refresh();
        return new(pictures / wall, pictures / (process.TotalProcessorTime - cpu).TotalSeconds, (double)(GC.GetTotalAllocatedBytes(true) - bytes) / pictures);
    }

    // The consumer's own work is sleep, so that it takes no core from the decoders, as with a GPU.
    private double Waiting(ISampleSource source, Func<ISamplePipeline> pipeline, int workers)
    {
        using var loader = Loader(source, pipeline, workers);
        for (var i = 0; i < Slots + 1; i++) loader.Take()!.Return();
        Thread.Sleep(TimeSpan.FromSeconds(Slots * Rows(source) / Consumer));
        var (clock, waited, due) = (Stopwatch.StartNew(), TimeSpan.Zero, TimeSpan.Zero);
        while (clock.Elapsed.TotalSeconds < Math.Max(Seconds, 5 * Rows(source) / Consumer))
        {
            var asked = clock.Elapsed;
            var batch = loader.Take()!;
            var got = clock.Elapsed;
            waited += got - asked;
            due = (due > asked ? due : got) + TimeSpan.FromSeconds(batch.Rows / Consumer);
            batch.Return();
            if (due > clock.Elapsed) Thread.Sleep(due - clock.Elapsed);
        }
        return waited / clock.Elapsed;
    }

    /// <summary>Photo-like pictures from a fixed seed: coloured noise at several scales, discs and rectangles; half of them upright.</summary>
    private sealed class DrawnJpegs : ISampleSource
    {
        private readonly byte[][] files;

        internal DrawnJpegs() => files = [.. Enumerable.Range(0, 200).AsParallel().AsOrdered().Select(Draw)];

        public int Count => files.Length;

        public IReadOnlyList<string> Classes { get; } = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

        public int Label(int index) => index % 10;

        public string Name(int index) => $"{index % 10}/{index:D4}.jpg";

        public int Read(int index, ref byte[] buffer)
        {
            var file = files[index];
            if (buffer.Length < file.Length) buffer = GC.AllocateUninitializedArray<byte>(file.Length * 3 / 2, pinned: true);
            file.CopyTo(buffer, 0);
            return file.Length;
        }

        internal void Write(string folder)
        {
            for (var i = 0; i < files.Length; i++)
            {
                var path = Path.Combine(folder, "train", Name(i));
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, files[i]);
            }
        }

        public void Dispose() { }

        private static byte[] Draw(int index)
        {
            var (width, height) = index % 2 == 0 ? (500, 375) : (375, 500);
            var rng = new SampleRng(Seed, 0, (ulong)index, RngStream.Drawing);
            var values = new float[3 * width * height];
            for (var cell = 128; cell >= 2; cell /= 2)                                   // noise with a photograph's spectrum: each octave half as strong
            {
                var (columns, rows) = (width / cell + 2, height / cell + 2);
                var lattice = new float[3 * columns * rows];
                for (var i = 0; i < lattice.Length; i++) lattice[i] = (float)(rng.NextDouble() - 0.5) * (30 + cell);
                for (var y = 0; y < height; y++)
                    for (var x = 0; x < width; x++)
                    {
                        float fx = (float)(x % cell) / cell, fy = (float)(y % cell) / cell;
                        var at = 3 * (y / cell * columns + x / cell);
                        for (var c = 0; c < 3; c++)
                        {
                            float top = lattice[at + c] * (1 - fx) + lattice[at + 3 + c] * fx, bottom = lattice[at + 3 * columns + c] * (1 - fx) + lattice[at + 3 * columns + 3 + c] * fx;
                            values[3 * (y * width + x) + c] += top * (1 - fy) + bottom * fy;
                        }
                    }
            }
            for (var shape = 0; shape < 12; shape++)
            {
                var (cx, cy, r, disc) = (rng.NextInt(width), rng.NextInt(height), 10 + rng.NextInt(70), rng.NextDouble() < 0.5);
                float[] colour = [rng.NextInt(160) - 80, rng.NextInt(160) - 80, rng.NextInt(160) - 80];
                for (var y = Math.Max(0, cy - r); y < Math.Min(height, cy + r); y++)
                    for (var x = Math.Max(0, cx - r); x < Math.Min(width, cx + r); x++)
                        if (!disc || (x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r)
                            for (var c = 0; c < 3; c++) values[3 * (y * width + x) + c] = values[3 * (y * width + x) + c] * 0.4f + colour[c];
            }
            using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
            var pixels = bitmap.GetPixelSpan();
            for (var i = 0; i < width * height; i++)
            {
                var grain = (float)(rng.NextDouble() - 0.5) * 32;
                for (var c = 0; c < 3; c++) pixels[4 * i + c] = (byte)Math.Clamp(128 + values[3 * i + c] + grain, 0, 255);
                pixels[4 * i + 3] = 255;
            }
            using var jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
            return jpeg.ToArray();
        }
    }
}
