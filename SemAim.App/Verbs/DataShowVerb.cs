using System.Runtime.InteropServices;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;
using SemAim.Runtime.Tensors;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>Whose transform a sample goes through.</summary>
internal enum TransformOf { Pretrain, Finetune, Linprobe, Eval }

/// <summary><c>semaim data-show</c>: makes a sample again as training saw it, from its address (seed, epoch, index).</summary>
[Verb("data-show", HelpText = "Re-create one sample of training from seed, epoch and index: every stage as a PNG, every drawn number on standard output.")]
internal sealed class DataShowVerb : PictureOptions, IVerb
{
    [Option("data_path", Default = "", HelpText = "The pictures, as the run had them. Or: --run.")]
    public string DataPath { get; set; } = "";

    [Option("run", Default = "", HelpText = "Folder of a pretraining run: its pictures, seed and picture size.")]
    public string RunPath { get; set; } = "";

    [Option("epoch", Default = 0L, HelpText = "Epoch, from 0.")]
    public long Epoch { get; set; }

    [Option("index", Required = true, HelpText = "The sample's place in the data set, from 0.")]
    public int Index { get; set; }

    [Option("seed", Default = null, HelpText = "Seed of the run; without it and without --run: 0.")]
    public ulong? Seed { get; set; }

    [Option("transform", Default = TransformOf.Pretrain, HelpText = "pretrain, finetune, linprobe (their training) or eval (val pictures, as finetune and linprobe evaluate).")]
    public TransformOf Transform { get; set; }

    [Option("input_size", Default = null, HelpText = "Side of the square that the network sees; without it and without --run: 224.")]
    public int? InputSize { get; set; }

    [Option("aa", Default = "rand-m9-mstd0.5-inc1", HelpText = "RandAugment of finetune: rand-mN[-nN][-mstdX][-inc1][-w0] or none.")]
    public string Augment { get; set; } = "";

    [Option("color_jitter", Default = 0.0, HelpText = "Strength of finetune's ColorJitter, with --aa none.")]
    public double ColorJitter { get; set; }

    [Option("reprob", Default = 0.25, HelpText = "Probability of finetune's RandomErasing.")]
    public double ErasingProbability { get; set; }

    [Option("remode", Default = ErasingMode.Pixel, HelpText = "pixel, rand or const.")]
    public ErasingMode ErasingMode { get; set; }

    [Option("recount", Default = 1, HelpText = "Most rectangles of RandomErasing.")]
    public int ErasingCount { get; set; }

    [Option("output_dir", Default = "sample", HelpText = "Folder for decoded.png, crop.png, augmented.png and seen.png.")]
    public string OutputDir { get; set; } = "";

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    public unsafe int Run()
    {
        var (path, seed, size, reading) = Settings();
        if (Epoch < 0) throw new UsageException($"--epoch {Epoch}: 0 or more");
        if (size is < 1 or > 4096) throw new UsageException($"--input_size {size}: 1 to 4096");
        Bounds.Share("reprob", ErasingProbability);
        if (ErasingCount is < 1 or > 1000) throw new UsageException($"--recount {ErasingCount}: 1 to 1000");
        Bounds.NotNegative("color_jitter", ColorJitter);
        var split = Transform == TransformOf.Eval ? "val" : "train";
        using var source = SampleSources.Open(path, split, out _, reading);
        if (Index < 0 || Index >= source.Count) throw new UsageException($"--index {Index}: {split} has the samples 0 to {source.Count - 1}");
        OutputFile.PrepareFolder("--output_dir", OutputDir);
        var watcher = new Watcher(OutputDir);
        using ISamplePipeline pipeline = Transform switch
        {
            TransformOf.Pretrain => new TrainingPipeline(TrainingOptions.Pretraining(seed, size) with { Decode = reading }, watcher),
            TransformOf.Finetune => new TrainingPipeline(TrainingOptions.Finetuning(seed, size, RandAugmentOptions.Parse(Augment), ColorJitter, ErasingProbability, ErasingCount) with { Decode = reading }, watcher),
            TransformOf.Linprobe => new TrainingPipeline(TrainingOptions.LinearProbe(seed, size) with { Decode = reading }, watcher),
            _ => EvaluationPipeline.Classification(size, reading, watcher),
        };
        var row = new byte[3 * size * size];
        var (info, index) = (new RowInfo(), Index);
        byte[] buffer = [];
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var length = source.Read(index, ref buffer);
                info.Reset(new SampleKey(Epoch, index), source.Label(index));
                fixed (byte* p = row) pipeline.Run(buffer.AsSpan(0, length), new SampleKey(Epoch, index), p, ref info);
                break;
            }
            catch (Exception e) when (e is ImageDecodeException or IOException && Transform != TransformOf.Eval && attempt <= 10)
            {
                watcher.Drawn("unreadable", $"{source.Name(index)}: {e.Message}");
                watcher.Drawn("substitute", $"{index = BadFiles.Substitute(seed, Index, attempt, source.Count)}");
            }
        }
        if (info.Erase.Length > 0) Erase(row, info, size, seed);
        watcher.Planes("seen", row, size);
        Console.Out.WriteLine($"sample {Index} of {source.Count}, epoch {Epoch}, seed {seed}, {Transform.ToString().ToLowerInvariant()} transform: {source.Name(index)}{(info.Label >= 0 ? $", class {info.Label} ({source.Classes[info.Label]})" : "")}");
        foreach (var (what, value) in watcher.Values) Console.Out.WriteLine($"  {what,-12} {value}");
        foreach (var file in watcher.Files) Console.Out.WriteLine(file);
        if (Transform == TransformOf.Finetune) Console.Out.WriteLine("Mixup and CutMix belong to a batch and are not shown.");
        if (Json) Console.Out.WriteLine(JsonSerializer.Serialize(new { path = source.Name(index), index, epoch = Epoch, seed, label = info.Label, drawn = watcher.Values.Select(v => new { what = v.What, value = v.Value }), files = watcher.Files }));
        return ExitCodes.Done;
    }

    private (string Path, ulong Seed, int Size, DecodeOptions Reading) Settings()
    {
        if (RunPath.Length == 0 && DataPath.Length == 0) throw new UsageException("--data_path or --run is missing");
        if (RunPath.Length == 0) return (DataPath, Seed ?? 0, InputSize ?? 224, Reading());
        var config = Path.Combine(RunPath, "config.json");
        if (!File.Exists(config)) throw new UsageException($"--run {RunPath}: there is no config.json");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(config));
            var size = InputSize;
            // runs that were begun before these options existed had their defaults
            if (json.RootElement.TryGetProperty("honour_orientation", out var honour)) HonourOrientation |= honour.GetBoolean();
            if (MaxPixels == DecodeOptions.DefaultMaxPixels && json.RootElement.TryGetProperty("max_pixels", out var pixels)) MaxPixels = pixels.GetInt64();
            if (MaxFileBytes == DecodeOptions.DefaultMaxFileBytes && json.RootElement.TryGetProperty("max_file_bytes", out var bytes)) MaxFileBytes = bytes.GetInt64();
            if (size is null)
            {
                NativeStart.Ensure();
                using var model = ModelCatalogue.CreateAim(json.RootElement.GetProperty("model").GetString() ?? "");
                size = model.ImageSize;
            }
            return (DataPath.Length > 0 ? DataPath : json.RootElement.GetProperty("data_path").GetString() ?? "", Seed ?? json.RootElement.GetProperty("seed").GetUInt64(), size.Value, Reading());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new RefusedException($"{config}: not the configuration of a run", e);
        }
    }

    // Noise is drawn for normalised values; shown is what they are as a picture.
    private void Erase(byte[] row, RowInfo info, int size, ulong seed)
    {
        NativeStart.Ensure();
        using var scope = NewDisposeScope();
        using var uploader = new DeviceUploader(CPU, 1, size, 4, PretrainLoop.Mean, PretrainLoop.Std);
        var images = uploader.Normalize(tensor(row, dtype: ScalarType.Byte).view(1, 3, size, size));
        RandomErasing.Fill(images, [info], ErasingMode, seed);
        var (mean, std) = (tensor(PretrainLoop.Mean).view(1, 3, 1, 1), tensor(PretrainLoop.Std).view(1, 3, 1, 1));
        images.mul(std).add(mean, Number.One).mul(Number.Of(255)).round().clamp(Number.Of(0), Number.Of(255)).to(ScalarType.Byte).data<byte>().ToArray().CopyTo(row, 0);
    }

    private sealed unsafe class Watcher(string folder) : ISampleWatcher
    {
        internal List<(string What, string Value)> Values { get; } = [];

        internal List<string> Files { get; } = [];

        public void Drawn(string what, string value) => Values.Add((what, value));

        public void Picture(string stage, byte* rgbx, int stride, int width, int height)
        {
            using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
            var pixels = (byte*)bitmap.GetPixels();
            for (var y = 0; y < height; y++)
            {
                uint* from = (uint*)(rgbx + (long)y * stride), to = (uint*)(pixels + (long)y * bitmap.RowBytes);
                for (var x = 0; x < width; x++) to[x] = from[x] | 0xFF000000;
            }
            Write(stage, bitmap);
        }

        internal void Planes(string stage, byte[] planes, int size)
        {
            using var bitmap = new SKBitmap(size, size, SKColorType.Rgba8888, SKAlphaType.Opaque);
            var pixels = MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan());
            for (var i = 0; i < size * size; i++) pixels[i] = planes[i] | (uint)planes[i + size * size] << 8 | (uint)planes[i + 2 * size * size] << 16 | 0xFF000000;
            Write(stage, bitmap);
        }

        private void Write(string stage, SKBitmap bitmap)
        {
            var path = Path.Combine(folder, stage + ".png");
            using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            using var file = File.Create(path);
            png.SaveTo(file);
            if (!Files.Contains(path)) Files.Add(path);
        }
    }
}
