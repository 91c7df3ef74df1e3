using System.Diagnostics;
using System.Text.Json;
using CommandLine;
using SemAim.App.Figures;
using SemAim.App.Report;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;
using SemAim.Runtime.Logging;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary><c>semaim demo</c>: draws pictures, pretrains a small model on them, measures it before and after, and shows it.</summary>
[Verb("demo", HelpText = "Draw pictures, pretrain a small transformer on them and measure it before and after: about four minutes on two cores.")]
internal sealed class DemoVerb : ITrainingVerb
{
    private const string Model = "aim_tiny", OrderName = "attention_center";
    private const int Batch = 32, Neighbours = 20;

    [Option("recipe", Default = "", HelpText = "A preset by name (demo, which states what these defaults cost and give) or a JSON file; options given here win over it.")]
    public string Recipe { get; set; } = "";

    [Option("output_dir", Default = "demo-out", HelpText = "Folder of pictures and run.")]
    public string OutputDir { get; set; } = "";

    [Option("minutes", Default = 2.75, HelpText = "Minutes of pretraining.")]
    public double Minutes { get; set; }

    [Option("seed", Default = 1UL, HelpText = "Of the pictures and the run.")]
    public ulong Seed { get; set; }

    [Option("precision", Default = PrecisionChoice.Fp32, HelpText = "fp32 or bf16.")]
    public PrecisionChoice Precision { get; set; }

    [Option("lr", Default = 3e-3, HelpText = "Highest learning rate.")]
    public double Lr { get; set; }

    [Option("full", Default = false, HelpText = "Also linear probe, fine-tuning and k-NN, each against the same network without pretraining: about five minutes more.")]
    public bool Full { get; set; }

    [Option("quiet", Default = false, HelpText = "No progress.")]
    public bool Quiet { get; set; }

    public int Run()
    {
        if (!(Minutes is >= 0.05 and <= 1440)) throw new UsageException($"--minutes {Minutes}: 0.05 to 1440");
        Bounds.Positive("lr", Lr);
        var clock = Stopwatch.StartNew();
        NativeStart.Ensure();
        var narrator = new Narrator(Quiet);
        var data = Path.Combine(OutputDir, "data");
        var drawing = new DemoSetOptions(Seed: Seed);
        using var run = new RunFolder(OutputDir, Model, "demo");
        DemoSet.Clear(data);
        DemoSet.Write(data, drawing);
        narrator.Say($"drew {drawing.Train} training and {drawing.Val} held-out pictures in ten classes in {clock.Elapsed.TotalSeconds:F0} s → {data}");

        File.Delete(run.Metrics);
        using var train = SampleSources.Open(data, "train", out _);
        using var val = SampleSources.Open(data, "val", out _);
        random.manual_seed((long)Seed);
        using var model = ModelCatalogue.CreateAim(Model);
        using var objective = new PixelObjective();
        var order = Orders.Of(OrderName);
        using var log = new MetricsLog(run.Metrics);
        var objects = Objects(data, val, drawing.Size, model.ImageSize);
        model.eval();

        var pixels = Judge(Features.OfPixels(train, model.ImageSize, 256, 2), Features.OfPixels(val, model.ImageSize, 256, 2));
        Tell(log, "pixels", 0, pixels, null);
        var (untrained, before) = Measure(model, objective, order, train, val, objects);
        Tell(log, "untrained", 0, untrained, before);
        narrator.Say($"before: held-out loss {before.Loss:F3}, k-NN {untrained.Top1:F1} ± {untrained.Error:F1} % (raw pixels {pixels.Top1:F1} ± {pixels.Error:F1} %), centre on the object {before.HitRate:F1} ± {before.HitError:F1} %");

        var untrainedWeights = Path.Combine(run.Folder, "untrained.safetensors");
        if (Full) ModelWeights.Save(model, untrainedWeights, new Dictionary<string, string> { ["model"] = Model });
        var steps = Math.Max(20, (long)(Minutes * 60 * Rate(objective, train, log)));
        var settings = new PretrainSettings
        {
            BatchSize = Batch,
            Steps = steps,
            Rate = Lr,
            LeastRate = Lr / 100,
            WarmupSteps = steps * 0.08,
            ClipGrad = 3,
            Seed = Seed,
            Workers = 1,
            Narrow = Precision == PrecisionChoice.Bf16,
            Order = OrderName,
            MinScale = 0.4,
            LogEvery = 10,
            EvaluateEvery = Minutes >= 5 ? (steps + 11) / 12 : 0,                // rounded up, so that the last one on the way is not just before the end
        };
        run.WriteConfig(new Dictionary<string, object?>
        {
            ["verb"] = "demo",
            ["model"] = Model,
            ["minutes"] = Minutes,
            ["seed"] = Seed,
            ["precision"] = Precision.ToString().ToLowerInvariant(),
            ["steps"] = steps,
            ["batch_size"] = Batch,
            ["lr"] = Lr,
            ["permutation_type"] = OrderName,
            ["norm_pix_loss"] = true,
            ["clip_grad"] = 3,
            ["weight_decay"] = 0.05,
            ["pictures"] = drawing,
            ["knn"] = $"mean patch token after the final norm, standardised by channel with the training set's mean and deviation, cosine, k = {Neighbours}, T = 0.07",
        }, model);
        var loop = new PretrainLoop(model, objective, train, settings, log, narrator, (_, passed) =>
        {
            var (knn, held) = Measure(model, objective, order, train, val, objects);
            Tell(log, "pretrained", passed, knn, held);
            narrator.Say($"after {passed:F0} s: held-out loss {held.Loss:F3}, k-NN {knn.Top1:F1} ± {knn.Error:F1} %, centre on the object {held.HitRate:F1} %");
        });
        var speed = loop.Run();
        if (loop.Outcome != ExitCodes.Done)
        {
            Narrator.Fault($"{settings.MaxBadSteps} steps in a row were not finite; choose a lower --lr than {Lr}");
            return loop.Outcome;
        }
        var seconds = steps * Batch / speed;

        var (pretrained, after) = Measure(model, objective, order, train, val, objects);
        Tell(log, "pretrained", seconds, pretrained, after);
        ModelWeights.Save(model, run.Weights, new Dictionary<string, string> { ["model"] = Model });
        var protocols = Full ? ThreeProtocols.Run(data, run.Folder, untrainedWeights, run.Weights, train.Count, Seed, Quiet, log) : [];
        OrdersOfModel.Write(run.OrdersFigure, model, val, [0, 100, 305, 508, 612, 801], Seed);
        log.Write("event", ("event", "done"), ("images_per_second", Math.Round(speed, 1)), ("wall_seconds", Math.Round(clock.Elapsed.TotalSeconds, 1)));

        ReportPage.Write(run.Report, run.Folder,
        [
            ("Held-out prediction loss", $"{after.Loss:F3}", $"untrained {before.Loss:F3} · patch mean {after.MeanLoss:F3} · nearest known patch {after.CopyLoss:F3}"),
            ($"k-NN top-1 (k = {Neighbours})", $"{pretrained.Top1:F1} ± {pretrained.Error:F1} %", $"untrained {untrained.Top1:F1} % · raw pixels {pixels.Top1:F1} %"),
            ("Centre on the object", $"{after.HitRate:F1} ± {after.HitError:F1} %", $"untrained {before.HitRate:F1} % · a patch drawn by lot {after.Chance:F1} %"),
            ("Speed", $"{speed:F0} pictures/s", $"{steps} steps of {Batch} in {seconds:F0} s"),
            .. protocols.Select(p => p.Tile),
        ], model);
        Console.Out.WriteLine($"""
                                      untrained       pretrained
            held-out loss             {before.Loss,8:F3}         {after.Loss,8:F3}      (patch mean {after.MeanLoss:F3}, nearest known patch {after.CopyLoss:F3})
            k-NN top-1, k = {Neighbours}        {untrained.Top1,6:F1} ± {untrained.Error:F1} %    {pretrained.Top1,6:F1} ± {pretrained.Error:F1} %  (raw pixels {pixels.Top1:F1} ± {pixels.Error:F1} %)
            centre on the object      {before.HitRate,6:F1} ± {before.HitError:F1} %    {after.HitRate,6:F1} ± {after.HitError:F1} %  (a patch drawn by lot {after.Chance:F1} %)
            """);
        foreach (var p in protocols) Console.Out.WriteLine($"{p.Protocol + ", top-1",-22}    {p.Before.Top1,6:F1} ± {p.Before.Error:F1} %    {p.After.Top1,6:F1} ± {p.After.Error:F1} %  {p.Verdict}");
        Console.Out.WriteLine($"""
            {steps} steps of {Batch} pictures, {speed:F0} pictures/s, {clock.Elapsed.TotalSeconds:F0} s in all
            figure   {run.OrdersFigure}
            report   {run.Report}
            weights  {run.Weights}
            """);
        return ExitCodes.Done;
    }

    // steps a second, from a few steps on a copy that is thrown away: the schedule needs its length before it starts
    private double Rate(PixelObjective objective, ISampleSource train, MetricsLog log)
    {
        const int few = 5, timed = 60;
        var silent = Path.GetTempFileName();
        try
        {
            using var nowhere = new MetricsLog(silent);
            double Seconds(int steps)
            {
                var watch = Stopwatch.StartNew();
                using var copy = ModelCatalogue.CreateAim(Model);
                new PretrainLoop(copy, objective, train, new PretrainSettings { BatchSize = Batch, Steps = steps, Rate = 1e-4, WarmupSteps = 1, Seed = Seed, Workers = 1, Narrow = Precision == PrecisionChoice.Bf16, Order = OrderName, LogEvery = 1000 }, nowhere, new Narrator(true)).Run();
                return watch.Elapsed.TotalSeconds;
            }
            Seconds(few);                                        // loads, compiles
            var start = Seconds(few);                            // what a run costs beside its steps
            var rate = timed / Math.Max(0.1, Seconds(few + timed) - start);
            log.Write("event", ("event", "timed"), ("steps_per_second", Math.Round(rate, 2)));
            return rate;
        }
        finally { File.Delete(silent); }
    }

    private static (KnnResult Knn, HeldOutResult HeldOut) Measure(AimViT model, PixelObjective objective, IOrder order, ISampleSource train, ISampleSource val, IReadOnlyList<DrawnObject?> objects)
    {
        using var scope = NewDisposeScope();
        return (Judge(Features.Of(model, train, 128, 2), Features.Of(model, val, 128, 2)), HeldOut.Evaluate(model, objective, val, order, 7, 64, 2, objects));
    }

    private static KnnResult Judge((Tensor Features, int[] Labels) train, (Tensor Features, int[] Labels) val)
    {
        using var scope = NewDisposeScope();
        var (bank, query) = KnnEvaluation.Standardise(train.Features, val.Features);
        train.Features.Dispose();
        val.Features.Dispose();
        return KnnEvaluation.Run(bank, train.Labels, query, val.Labels, [Neighbours])[0];
    }

    private static void Tell(MetricsLog log, string features, double seconds, KnnResult knn, HeldOutResult? held)
    {
        log.Write("knn", ("features", features), ("seconds", Math.Round(seconds, 1)), ("k", knn.K), ("top1", Math.Round(knn.Top1, 2)), ("top5", Math.Round(knn.Top5, 2)), ("error", Math.Round(knn.Error, 2)));
        if (held is not null)
            log.Write("held_out", ("features", features), ("seconds", Math.Round(seconds, 1)), ("loss", Math.Round(held.Loss, 4)), ("mean_loss", Math.Round(held.MeanLoss, 4)), ("copy_loss", Math.Round(held.CopyLoss, 4)), ("hit_rate", Math.Round(held.HitRate, 2)), ("hit_error", Math.Round(held.HitError, 2)), ("hit_chance", Math.Round(held.Chance, 2)));
    }

    private static DrawnObject?[] Objects(string data, ISampleSource val, int side, int size)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(data, "objects.json")));
        return [.. Enumerable.Range(0, val.Count).Select(i => json.RootElement.TryGetProperty("val/" + val.Name(i), out var o)
            ? Pictures.Seen(new(o.GetProperty("x").GetDouble(), o.GetProperty("y").GetDouble(), o.GetProperty("r").GetDouble()), side, size) : null)];
    }
}
