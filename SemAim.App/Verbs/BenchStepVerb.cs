using System.Diagnostics;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Capture;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary><c>semaim bench-step</c>: what one pretraining step costs, beside a large matrix product in the same process.</summary>
[Verb("bench-step", HelpText = "Time pretraining steps on random pictures: pictures a second, CPU seconds a picture and their split, GFLOP/s, memory.")]
internal sealed class BenchStepVerb : PictureOptions, ITrainingVerb
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

    [Option("device", Default = "auto", HelpText = ComputeDevice.Help + " On a GPU the split is in seconds of the GPU, not of the processor.")]
    public string DeviceName { get; set; } = "";

    [Option("data_path", Default = "", HelpText = "Real pictures through the real loader, which then works beside the steps and whose work counts; without it random pictures.")]
    public string DataPath { get; set; } = "";

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    public int Run()
    {
        if (BatchSize < 1) throw new UsageException($"--batch_size {BatchSize}: at least 1");
        if (Steps < 1) throw new UsageException($"--steps {Steps}: at least 1");
        PretrainModelOptions.CheckOrder(PermutationType);
        var reading = Reading();
        NativeStart.Ensure();
        var device = ComputeDevice.Of(DeviceName);
        var onCpu = device.type == DeviceType.CPU;
        var narrow = Precision == PrecisionChoice.Bf16;
        var benchmark = new StepBenchmark(Model, BatchSize, narrow, PermutationType, device, Steps);
        using var plain = new EagerBackend();
        var before = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
        var times = benchmark.Run(plain, DataPath.Length == 0 ? null : size => new LoadedPictures(DataPath, reading, BatchSize, size, Steps + 1, device));
        var spent = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds - before;
        var peak = Process.GetCurrentProcess().PeakWorkingSet64;         // before the product below takes its own memory
        var (product, productWall, oneDnn) = benchmark.Product(Side);
        var cpu = onCpu ? times.Split.Sum() : spent / (Steps + 1);
        var split = times.Split.Select(s => s / BatchSize).ToArray();
        var work = times.FlopsPerPicture * BatchSize / 1e9;
        // where the processor computes, per second of it; on a GPU, per second
        var (rate, reference) = onCpu ? (work / cpu, product) : (work / times.Seconds, productWall);
        Console.Out.WriteLine($"""
            {Model}, batch {BatchSize}, {(narrow ? "bf16 products" : "fp32")}, order {PermutationType}, {device}, {get_num_threads()} threads, median of {Steps} steps after one that is not counted
            {BatchSize / times.Seconds:F2} pictures/s, {cpu / BatchSize:F3} CPU seconds a picture
            {(onCpu ? "of these" : "seconds of the GPU")}: guidance {split[0]:F3}, forward {split[1]:F3}, backward {split[2]:F3}, optimiser {split[3]:F3}
            the optimiser: {times.Split[3]:F3} {(onCpu ? "CPU seconds" : "seconds")} a step for {times.Parameters:N0} weights (norm, clip, AdamW{(narrow ? ", bf16 copy" : "")}, clearing of gradients)
            {rate:F1} GFLOP/s{(onCpu ? " per CPU second" : "")}; a product of {Side} × {Side} matrices in this process: {reference:F1}{(onCpu ? $" ({productWall:F1} GFLOP/s)" : "")}; ratio {rate / reference:F3}{(oneDnn is { } other ? $"; by oneDNN, as in the step: {other:F1}, ratio {rate / other:F3}" : "")}
            peak memory {peak / 1e9:F2} GB{(onCpu ? "" : " of the process, without the GPU's")}
            """);
        if (Json)
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                images_per_second = BatchSize / times.Seconds,
                cpu_seconds_per_image = cpu / BatchSize,
                split = new { guidance = split[0], forward = split[1], backward = split[2], optimiser = split[3] },
                gflops = rate,
                gemm_gflops = reference,
                utilisation = rate / reference,
                peak_memory_bytes = peak,
            }));
        return ExitCodes.Done;
    }

    // batches as pretraining gets them
    private sealed class LoadedPictures : IStepPictures
    {
        private const int Slots = 4;
        private readonly ISampleSource source;
        private readonly DeviceUploader uploader;
        private readonly RingLoader loader;

        internal LoadedPictures(string path, DecodeOptions reading, int rows, int size, int batches, Device device)
        {
            source = SampleSources.Open(path, "train", out _, reading);
            if (source.Count < rows) throw new UsageException($"--batch_size {rows}: {source.Count} pictures do not fill a step");
            uploader = new DeviceUploader(device, rows, size, Slots, PretrainLoop.Mean, PretrainLoop.Std);
            var plan = new TrainingPlan(source.Count, rows, 0, 1, 0, batches);
            loader = new RingLoader(source, plan, () => new TrainingPipeline(new TrainingOptions(0, size, 0.2, Decode: reading)), new RingOptions(1, Slots, size, rows, 0, BadSamplePolicy.Replace, 10), bytes => new TensorBatchMemory(bytes, pinned: device.type == DeviceType.CUDA));
        }

        public void Load() => uploader.Upload(loader.Take() ?? throw new InvalidOperationException("the plan ended")).Dispose();

        public Tensor Images() => uploader.Normalize(uploader.Bytes);

        public void Dispose()
        {
            loader.Dispose();
            uploader.Dispose();
            source.Dispose();
        }
    }
}
