using System.Diagnostics;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary><c>semaim bench-step</c>: what one pretraining step costs, beside a large matrix product in the same process.</summary>
[Verb("bench-step", HelpText = "Time pretraining steps on random pictures: pictures a second, CPU seconds a picture and their split, GFLOP/s, memory.")]
internal sealed class BenchStepVerb : IVerb
{
    private const int Side = 4096;

    [Option("model", Default = "aim_base", HelpText = "aim_tiny, aim_base, aim_large or aim_huge.")]
    public string Model { get; set; } = "";

    [Option("batch_size", Default = 8, HelpText = "Pictures a step.")]
    public int BatchSize { get; set; }

    [Option("precision", Default = PrecisionChoice.Fp32, HelpText = "fp32 or bf16.")]
    public PrecisionChoice Precision { get; set; }

    [Option("steps", Default = 5, HelpText = "Timed steps, after one that is not.")]
    public int Steps { get; set; }

    [Option("permutation_type", Default = "attention_center", HelpText = "Order of prediction.")]
    public string PermutationType { get; set; } = "";

    [Option("data_path", Default = "", HelpText = "Real pictures through the real loader, which then works beside the steps and whose work counts; without it random pictures.")]
    public string DataPath { get; set; } = "";

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    public int Run()
    {
        if (BatchSize < 1) throw new UsageException($"--batch_size {BatchSize}: at least 1");
        if (Steps < 1) throw new UsageException($"--steps {Steps}: at least 1");
        NativeStart.Ensure();
        var order = Orders.Of(PermutationType);
        var narrow = Precision == PrecisionChoice.Bf16;
        random.manual_seed(0);
        using var model = ModelCatalogue.CreateAim(Model);
        using var objective = new PixelObjective(9, 1, normalise: true);
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), narrow);
        using var optimizer = new ArenaAdamW(arena, new Dictionary<int, double> { [ParameterGroups.Undecayed] = 0, [ParameterGroups.Decayed] = 0.05 }, maxNorm: 3);
        foreach (var group in arena.Groups) optimizer.SetLearningRate(group, 1e-4);
        using var feed = DataPath.Length == 0 ? null : new Feed(DataPath, BatchSize, model.ImageSize, Steps + 1);
        using var noise = randn(BatchSize, 3, model.ImageSize, model.ImageSize);
        var side = model.ImageSize / model.PatchSize;
        var grid = new Grid(side, side);

        var phases = new double[Steps][];
        var walls = new double[Steps];
        for (var step = -1; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            var (wall, marks) = (Stopwatch.StartNew(), new List<double> { Cpu() });
            var images = feed?.Next() ?? noise;
            Tensor? guidance = null;
            if (order.NeedsGuidance)
                using (no_grad())
                {
                    var (tokens, map) = model.Encode(images);
                    tokens.Dispose();
                    guidance = map;
                }
            marks.Add(Cpu());
            var rank = order.Rank(guidance, KeyedUniform.Fill(0, step + 1, 0, BatchSize, grid.Count, CPU), grid);
            var (loss, perPatch) = objective.Loss(model, model.Predict(images, rank), images);
            marks.Add(Cpu());
            loss.backward();
            arena.CollectGradients();
            marks.Add(Cpu());
            optimizer.Step();
            arena.ZeroGradients();
            marks.Add(Cpu());
            if (step < 0) continue;
            phases[step] = [.. marks.Skip(1).Zip(marks, (a, b) => a - b)];
            walls[step] = wall.Elapsed.TotalSeconds;
        }

        var peak = Process.GetCurrentProcess().PeakWorkingSet64;         // before the product below takes its own memory
        var (product, productWall) = Product(narrow);
        // the split is that of the median step, so that its parts add up to the whole
        var middle = phases.OrderBy(p => p.Sum()).ElementAt((Steps - 1) / 2);
        var cpu = middle.Sum();
        var split = middle.Select(s => s / BatchSize).ToArray();
        var work = FlopsPerPicture(model, order.NeedsGuidance) * BatchSize / 1e9;
        var perSecond = BatchSize / Median(walls);
        Console.Out.WriteLine($"""
            {Model}, batch {BatchSize}, {model.ImageSize} px, {(narrow ? "bf16 products" : "fp32")}, order {PermutationType}, {get_num_threads()} threads, median of {Steps} steps after one that is not counted
            {perSecond:F2} pictures/s, {cpu / BatchSize:F3} CPU seconds a picture
            of these: guidance {split[0]:F3}, forward {split[1]:F3}, backward {split[2]:F3}, optimiser {split[3]:F3}
            {work / cpu:F1} GFLOP/s per CPU second; a product of {Side} × {Side} matrices in this process: {product:F1} ({productWall:F1} GFLOP/s); ratio {work / cpu / product:F3}
            peak memory {peak / 1e9:F2} GB
            """);
        if (Json)
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                images_per_second = perSecond,
                cpu_seconds_per_image = cpu / BatchSize,
                split = new { guidance = split[0], forward = split[1], backward = split[2], optimiser = split[3] },
                gflops = work / cpu,
                gemm_gflops = product,
                utilisation = work / cpu / product,
                peak_memory_bytes = peak,
            }));
        return ExitCodes.Done;
    }

    // batches as pretraining gets them
    private sealed class Feed : IDisposable
    {
        private const int Slots = 4;
        private readonly ISampleSource source;
        private readonly DeviceUploader uploader;
        private readonly RingLoader loader;

        internal Feed(string path, int rows, int size, int batches)
        {
            source = SampleSources.Open(path, "train", out _);
            if (source.Count < rows) throw new UsageException($"--batch_size {rows}: {source.Count} pictures do not fill a step");
            uploader = new DeviceUploader(CPU, rows, size, Slots, PretrainLoop.Mean, PretrainLoop.Std);
            var plan = new TrainingPlan(source.Count, rows, 0, 1, 0, batches);
            loader = new RingLoader(source, plan, () => new TrainingPipeline(new TrainingOptions(0, size, 0.2)), new RingOptions(1, Slots, size, rows, 0, BadSamplePolicy.Replace, 10), bytes => new TensorBatchMemory(bytes, pinned: false));
        }

        internal Tensor Next() => uploader.Normalize(uploader.Upload(loader.Take() ?? throw new InvalidOperationException("the plan ended")));

        public void Dispose()
        {
            loader.Dispose();
            uploader.Dispose();
            source.Dispose();
        }
    }

    private static double Cpu() => Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    // best of five, GFLOP per CPU second and per second
    private static (double PerCpuSecond, double PerSecond) Product(bool narrow)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var type = narrow ? bfloat16 : float32;
        var (a, b) = (randn(Side, Side).to(type), randn(Side, Side).to(type));
        var best = (0.0, 0.0);
        const double work = 2.0 * Side * Side * Side / 1e9;
        for (var i = 0; i < 6; i++)
        {
            var (cpu, wall) = (Cpu(), Stopwatch.StartNew());
            a.matmul(b).Dispose();
            if (i > 0) best = (Math.Max(best.Item1, work / (Cpu() - cpu)), Math.Max(best.Item2, work / wall.Elapsed.TotalSeconds));
        }
        return best;
    }

    /// <summary>Floating-point operations of products for one picture: two per multiply-add, backward twice the forward, attention counted full although causal.</summary>
    internal static double FlopsPerPicture(AimViT model, bool guided)
    {
        var products = model.Slots().Where(s => s.Weight.Tensor.dim() == 2).ToList();
        double Weights(string prefix) => products.Where(s => s.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(s => (double)s.Weight.Tensor.numel());
        double patches = Math.Pow(model.ImageSize / model.PatchSize, 2), tokens = patches + 1;
        double channels = model.Slots().First(s => s.Name == "cls_token").Weight.Tensor.numel();
        double embedding = 3.0 * model.PatchSize * model.PatchSize * channels * patches, attention = 2 * tokens * tokens * channels;
        double encoder = Weights("blocks.") * tokens + embedding + attention * model.EncoderBlocks;
        double pass = Weights("") * tokens + embedding + attention * (model.EncoderBlocks + model.QueryBlocks);
        return 2 * (3 * pass + (guided ? encoder : 0));
    }
}
