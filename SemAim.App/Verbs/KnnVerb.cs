using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>How features are kept.</summary>
internal enum StoreChoice { Fp32, Fp16 }

/// <summary><c>semaim knn</c>: weighted nearest neighbours on frozen features (behaviour.md 6.9).</summary>
[Verb("knn", HelpText = "Judge features by their nearest neighbours: train and val folders with classes.")]
internal sealed class KnnVerb : EvaluationOptions, IVerb
{
    [Option("model", Default = null, HelpText = "A published model (aim_* or vit_*) whose sizes the weights must have; without it the weights' own sizes.")]
    public string? Model { get; set; }

    [Option("pretrained_weights", Default = "", HelpText = "Weights: .pth, .safetensors, or a run's folder. Without it: --pixels or --load_features.")]
    public string PretrainedWeights { get; set; } = "";

    [Option("checkpoint_key", Default = null, HelpText = "Dictionary of a .pth (state_dict, ema_state_dict). Without it: state_dict or model.")]
    public string? CheckpointKey { get; set; }

    [Option("input_size", Default = null, HelpText = "Side of the pictures, pixels; without it the weights' (224 for the published models).")]
    public int? InputSize { get; set; }

    [Option("features", Default = null, HelpText = "cls: class token after the final norm (the original's default). pooled: mean of the patches, then fc_norm. patches: final norm on every token, then the mean of the patches.")]
    public FeatureKind? Kind { get; set; }

    [Option("global_pool", Default = false, HelpText = "The original's name for --features pooled.")]
    public bool GlobalPool { get; set; }

    [Option("pixels", Default = false, HelpText = "Compare raw pixels instead of features.")]
    public bool Pixels { get; set; }

    [Option("nb_knn", Default = new[] { "20", "10", "30" }, HelpText = "Numbers of neighbours.")]
    public IEnumerable<string> Neighbours { get; set; } = [];

    [Option("temperature", Default = 0.07, HelpText = "T of the votes exp(similarity / T).")]
    public double Temperature { get; set; }

    [Option("nb_classes", Default = null, HelpText = "Classes; must be the data's. (The original's 1000 is ImageNet's.)")]
    public int? NbClasses { get; set; }

    [Option("batch_size_per_gpu", Default = 128, HelpText = "Pictures at a time.")]
    public int BatchSizePerGpu { get; set; }

    [Option("batch_size", Default = null, HelpText = "Another name of batch_size_per_gpu.")]
    public int? BatchSize { get; set; }

    [Option("store", Default = StoreChoice.Fp32, HelpText = "fp32 or fp16: how the training features are kept (ImageNet and 768 channels: 3.9 or 2.0 GB).")]
    public StoreChoice Store { get; set; }

    [Option("dump_features", Default = null, HelpText = "A folder: write train.safetensors and val.safetensors (features, labels, protocol).")]
    public string? DumpFeatures { get; set; }

    [Option("load_features", Default = null, HelpText = "A folder that --dump_features wrote: judge those instead of computing any.")]
    public string? LoadFeatures { get; set; }

    [Option("use_cuda", Default = false, HelpText = "Of the original; no effect: see --device.")]
    public bool UseCuda { get; set; }

    [Option("patch_size", Default = 16, HelpText = "Of the original; no effect: the weights tell.")]
    public int PatchSize { get; set; }

    [Option("avgpool_patchtokens", Default = 0, HelpText = "Of the original; no effect there or here: see --features.")]
    public int AvgpoolPatchtokens { get; set; }

    [Option("method", Default = "moco", HelpText = "Of the original; no effect there or here.")]
    public string Method { get; set; } = "";

    public int Run()
    {
        var ks = Ks();
        var batch = BatchSize ?? BatchSizePerGpu;
        if (new[] { PretrainedWeights.Length > 0, Pixels, LoadFeatures is not null }.Count(given => given) is not 1)
            throw new UsageException(PretrainedWeights.Length == 0 ? "--pretrained_weights is missing: random weights are not evaluated in silence (--pixels compares raw pixels, --load_features features that were written)" : "--pretrained_weights, --pixels and --load_features exclude each other");
        Bounds.Positive("temperature", Temperature);
        if (GlobalPool && Kind is not (null or FeatureKind.Pooled)) throw new UsageException($"--global_pool means --features pooled, not {Kind.ToString()!.ToLowerInvariant()}");
        if (LoadFeatures is null) CheckShared(batch, BatchSize is null ? "batch_size_per_gpu" : "batch_size");
        OutputFile.PrepareFolder("--dump_features", DumpFeatures ?? "");
        NativeStart.Ensure();
        var narrator = new Narrator(Quiet);
        using var scope = NewDisposeScope();
        var protocol = new Protocol();
        var (train, test, classes) = LoadFeatures is { } folder ? Read(folder, ref protocol) : Compute(batch, protocol, narrator);
        using (train)
        using (test)
        {
            if (NbClasses is { } given && given != classes) throw new UsageException($"--nb_classes {given}: the data has {classes} classes");
            narrator.Say($"memory  training features {train.Labels.Length} × {train.Values.size(1)} {(train.Values.dtype == float16 ? "float16" : "float32")} = {Size(train.Bytes)}, test features {Size(test.Bytes)}, working memory {Size(KnnEvaluation.WorkingBytes(train.Labels.Length, test.Labels.Length, train.Values.size(1)))}");
            protocol.Add("similarity", "cosine").Add("votes", $"exp(s / {Temperature.ToString(CultureInfo.InvariantCulture)})").Add("k", string.Join(' ', ks)).Add("temperature", Temperature).Add("store", train.Values.dtype == float16 ? "float16" : "float32")
                .Add("train_samples", train.Labels.Length).Add("test_samples", test.Labels.Length).Add("classes", classes);
            Out.WriteLine(protocol.Line);
            var clock = Stopwatch.StartNew();
            var results = KnnEvaluation.Run(train.Values, train.Labels, test.Values, test.Labels, ks, Temperature);
            var (pictures, pairs) = (Rate(train, test), (double)train.Labels.Length * test.Labels.Length / clock.Elapsed.TotalSeconds);
            Result = (results[0].Top1, results[0].Error);
            foreach (var r in results) Out.WriteLine($"k = {r.K,3}  top-1 {r.Top1:F2} ± {r.Error:F2} %  top-5 {r.Top5:F2} %");
            // so few comparisons are over before they have a speed
            var lasting = (double)train.Labels.Length * test.Labels.Length >= 5e7;
            string[] imageNet = [.. pictures > 0 ? [$"{Hours((ImageNetTrain + ImageNetVal) / pictures)} for features"] : Array.Empty<string>(), .. lasting ? [$"{Hours(ImageNetTrain * ImageNetVal / pairs)} for neighbours"] : Array.Empty<string>()];
            var pace = string.Create(CultureInfo.InvariantCulture, $"speed {(pictures > 0 ? $"{pictures:F1} images/s to features, " : "")}{pairs:G3} comparisons/s of {train.Values.size(1)} channels, {get_num_threads()} threads{(imageNet.Length > 0 ? $"; ImageNet at these rates: {string.Join(", ", imageNet)}" : "")}");
            Out.WriteLine(pace);
            How = $"{protocol.Line}; {pace}";
            if (Json) Out.WriteLine(JsonSerializer.Serialize(new { verb = "knn", images_per_second = pictures > 0 ? Math.Round(pictures, 2) : (double?)null, comparisons_per_second = Math.Round(pairs), protocol = protocol.Json, train = train.Labels.Length, test = test.Labels.Length, results = results.Select(r => new { k = r.K, top1 = r.Top1, top5 = r.Top5, error = r.Error }) }));
        }
        return ExitCodes.Done;
    }

    // pictures of ImageNet-1k
    private const double ImageNetTrain = 1_281_167, ImageNetVal = 50_000;

    // over both tables; 0 where they were read
    private static double Rate(FeatureTable train, FeatureTable test)
        => train.ImagesPerSecond > 0 ? (train.Labels.Length + test.Labels.Length) / (train.Labels.Length / train.ImagesPerSecond + test.Labels.Length / test.ImagesPerSecond) : 0;

    private static string Hours(double seconds) => seconds >= 5400 ? $"{seconds / 3600:F1} h" : seconds >= 90 ? $"{seconds / 60:F1} min" : $"{seconds:F0} s";

    private (FeatureTable Train, FeatureTable Test, int Classes) Compute(int batch, Protocol protocol, Narrator narrator)
    {
        var device = Device();
        using var data = ClassFolders.Open(DataPath, Reading(), Console.Error.WriteLine);
        var (size, extract) = (InputSize ?? (Model is null ? 64 : EncoderSizes.Named(Model).ImageSize), (Func<Tensor, Tensor>)(images => images.flatten(1)));
        FrozenEncoder? encoder = null;
        try
        {
            if (!Pixels)
            {
                encoder = FrozenEncoder.Load(PretrainedWeights, CheckpointKey, Model, NumHeads, InputSize, GlobalPool ? FeatureKind.Pooled : Kind ?? FeatureKind.Cls, Precision == PrecisionChoice.Bf16, device);
                narrator.Say($"weights {encoder.Report.Summary}");
                foreach (var line in encoder.Report.Lines) narrator.Say($"        {line}");
                (size, extract) = (encoder.Sizes.ImageSize, encoder.Features);
                encoder.Describe(protocol, Training.Pictures.NeighbourResize(size));
            }
            else
            {
                protocol.Add("features", "normalised pixels").Add("norm", "none").Add("resize", Training.Pictures.NeighbourResize(size)).Add("crop", size).Add("interpolation", "bicubic").Add("precision", "fp32");
            }
            narrator.Say($"data    {data.Kind}: {data.Train.Count} training and {data.Val.Count} held-out pictures in {data.Classes.Count} classes");
            protocol.Add("held_out_also_in_training", data.Duplicates);
            var train = FeatureTable.Collect(data.Train, size, batch, Workers, device, extract, true, Store == StoreChoice.Fp16 ? float16 : float32, narrator, "features of train", Training.Pictures.NeighbourResize(size));
            var test = FeatureTable.Collect(data.Val, size, batch, Workers, device, extract, true, float32, narrator, "features of val", Training.Pictures.NeighbourResize(size));
            if (DumpFeatures is not null)
            {
                train.Save(Path.Combine(DumpFeatures, "train.safetensors"), protocol, data.Classes);
                test.Save(Path.Combine(DumpFeatures, "val.safetensors"), protocol, data.Classes);
            }
            return (train, test, data.Classes.Count);
        }
        finally { encoder?.Dispose(); }
    }

    private static (FeatureTable, FeatureTable, int) Read(string folder, ref Protocol protocol)
    {
        if (!File.Exists(Path.Combine(folder, "train.safetensors"))) throw new RefusedException($"--load_features {folder}: no folder that --dump_features wrote: train.safetensors is missing");
        var (train, how, classes) = FeatureTable.Load(Path.Combine(folder, "train.safetensors"));
        var (test, same, others) = FeatureTable.Load(Path.Combine(folder, "val.safetensors"));
        if (train.Values.size(1) != test.Values.size(1) || how.Line != same.Line || !classes.SequenceEqual(others)) throw new RefusedException($"--load_features {folder}: train.safetensors and val.safetensors were not made together");
        protocol = how.Add("loaded_from", folder);
        var labels = Math.Max(train.Labels.Max(), test.Labels.Max()) + 1;
        return (train, test, Math.Max(classes.Count, labels));
    }

    private List<int> Ks()
    {
        List<int> ks = [];
        foreach (var text in Neighbours.SelectMany(n => n.Split(',', StringSplitOptions.RemoveEmptyEntries)))
            ks.Add(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var k) && k > 0 ? k : throw new UsageException($"--nb_knn {text}: whole numbers of at least 1"));
        return ks.Count > 0 ? ks : throw new UsageException("--nb_knn: at least one number of neighbours");
    }

    private static string Size(long bytes) => bytes >= 1 << 30 ? $"{bytes / 1e9:F2} GB" : $"{bytes / 1e6:F1} MB";
}
