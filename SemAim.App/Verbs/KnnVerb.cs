using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using TorchSharp;

namespace SemAim.App.Verbs;

/// <summary><c>semaim knn</c>: weighted nearest neighbours on frozen features (behaviour.md 6.9).</summary>
[Verb("knn", HelpText = "Judge features by their nearest neighbours: train and val folders with classes.")]
internal sealed class KnnVerb : IVerb
{
    [Option("data_path", Required = true, HelpText = "A folder with train/CLASS/* and val/CLASS/*.")]
    public string DataPath { get; set; } = "";

    [Option("model", Default = "aim_base", HelpText = "aim_tiny, aim_base, aim_large or aim_huge.")]
    public string Model { get; set; } = "";

    [Option("pretrained_weights", Default = "", HelpText = "model.safetensors of a pretraining run. Without it: --pixels.")]
    public string PretrainedWeights { get; set; } = "";

    [Option("pixels", Default = false, HelpText = "Compare raw pixels instead of features.")]
    public bool Pixels { get; set; }

    [Option("nb_knn", Separator = ',', Default = new[] { 20, 10, 30 }, HelpText = "Numbers of neighbours, separated by commas.")]
    public IEnumerable<int> Neighbours { get; set; } = [];

    [Option("temperature", Default = 0.07, HelpText = "T of the votes exp(similarity / T).")]
    public double Temperature { get; set; }

    [Option("batch_size", Default = 64, HelpText = "Pictures at a time.")]
    public int BatchSize { get; set; }

    [Option("num_workers", Default = 2, HelpText = "Decoder threads.")]
    public int NumWorkers { get; set; }

    [Option("json", Default = false, HelpText = "One JSON object as the last line.")]
    public bool Json { get; set; }

    public int Run()
    {
        if (PretrainedWeights.Length == 0 && !Pixels) throw new UsageException("--pretrained_weights is missing: random weights are not evaluated in silence (--pixels compares raw pixels)");
        if (Neighbours.Any(k => k < 1)) throw new UsageException($"--nb_knn {string.Join(',', Neighbours)}: at least 1 neighbour");
        if (Temperature <= 0) throw new UsageException($"--temperature {Temperature}: more than 0");
        NativeStart.Ensure();
        using var scope = torch.NewDisposeScope();
        using var train = SampleSources.Open(DataPath, "train", out _);
        using var val = SampleSources.Open(DataPath, "val", out _);
        if (train.Classes.Count == 0 || !train.Classes.SequenceEqual(val.Classes)) throw new RefusedException($"--data_path {DataPath}: train has the classes {string.Join(", ", train.Classes.Take(5))} …, val {string.Join(", ", val.Classes.Take(5))} …");
        using var model = ModelCatalogue.CreateAim(Model);
        if (!Pixels) ModelWeights.Load(model, PretrainedWeights);
        model.eval();
        var (bank, bankLabels) = Pixels ? Features.OfPixels(train, model.ImageSize, BatchSize, NumWorkers) : Features.Of(model, train, BatchSize, NumWorkers);
        var (query, queryLabels) = Pixels ? Features.OfPixels(val, model.ImageSize, BatchSize, NumWorkers) : Features.Of(model, val, BatchSize, NumWorkers);
        var features = Pixels ? "normalised pixels" : "mean patch token after the final norm (trained on the query stream, behaviour.md trap 18)";
        Console.Out.WriteLine($"protocol: {features}, L2-normalised, cosine, votes exp(s/{Temperature}), {train.Count} training and {val.Count} test pictures, {val.Classes.Count} classes, fp32");
        var results = KnnEvaluation.Run(bank, bankLabels, query, queryLabels, [.. Neighbours], Temperature);
        foreach (var r in results) Console.Out.WriteLine($"k = {r.K,3}  top-1 {r.Top1:F2} ± {r.Error:F2} %  top-5 {r.Top5:F2} %");
        if (Json) Console.Out.WriteLine(JsonSerializer.Serialize(new { features, temperature = Temperature, train = train.Count, test = val.Count, results = results.Select(r => new { k = r.K, top1 = r.Top1, top5 = r.Top5 }) }));
        return ExitCodes.Done;
    }
}
