using SemAim.App.Training;
using SemAim.Dsl;
using SemAim.Models;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests.Evaluations;

/// <summary>The real loop follows the original's traces (behaviour.md 13) in float64: groups, schedule, optimiser, losses.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-trace-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Finetuning_follows_the_originals_losses()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(S: 28, P: 2, D: 16, H: 2, L: 3, K: 7, globalPool: true);
        model.to(float64);
        Fill(model, 0);
        var images = Images(2);
        var targets = Mixing.Targets(tensor(new[] { 2L, 5L }), MixMode.Batch, [new MixDraw(0.3, null)], 7, 0.1);
        using (no_grad()) Assert.Equal(0.439165292, model.Forward(images)[0, 0].item<double>(), 8);
        var groups = LayerDecayGroup.Of(model.Slots(), 3, 0.65, 0.05);
        var number = groups.SelectMany((g, i) => g.Names.Select(n => (n, i))).ToDictionary(p => p.n, p => p.i);
        using var arena = new ParameterArena(model, slot => number[slot.Name], narrow: false);
        using var optimizer = new ArenaAdamW(arena, groups.Select((g, i) => (g, i)).ToDictionary(p => p.i, p => p.g.WeightDecay), beta2: 0.999);
        using var log = new MetricsLog(Path.Combine(folder, "metrics.jsonl"));
        var loop = new Trace(model, arena, optimizer, groups.Select((g, i) => (g, i)).ToDictionary(p => p.i, p => p.g.RateScale), 4,
            new ClassifierSettings { BatchSize = 2, Epochs = 3, Rate = 0.01, LeastRate = 1e-6, WarmupEpochs = 1, LogEvery = 1 }, log, () => ClassificationLosses.Soft(model.Forward(images), targets));

        loop.Run();

        Same([2.012194969, 2.012194969, 1.846280144, 1.659594743, 1.523439543, 1.45240185], loop.Losses);
    }

    [Fact]
    public void Linear_probing_follows_the_originals_losses()
    {
        using var scope = NewDisposeScope();
        using var model = new VisionTransformer(S: 28, P: 2, D: 16, H: 2, L: 3, headless: true);
        model.to(float64);
        var count = Fill(model, 0);
        using var head = new ProbeHead(16, 7);
        head.to(float64);
        Fill(head, count);
        Tensor features;
        using (no_grad()) features = model.Features(Images(4));
        var labels = tensor(new[] { 0L, 3, 6, 1 });
        using var arena = new ParameterArena(head, _ => 0, narrow: false);
        using var optimizer = new ArenaSgd(arena, new Dictionary<int, double> { [0] = 0 });
        using var log = new MetricsLog(Path.Combine(folder, "metrics.jsonl"));
        // least and highest rate the same: constant
        var loop = new Trace(head, arena, optimizer, new Dictionary<int, double> { [0] = 1 }, 16,
            new ClassifierSettings { BatchSize = 4, Epochs = 1, Rate = 0.5, LeastRate = 0.5, LogEvery = 1 }, log, () => nn.functional.cross_entropy(head.Forward(features), labels));

        loop.Run();

        Same([1.908179455, 0.9738674048, 0.7811541134, 0.6725834383], loop.Losses);
        head.eval();
        Assert.Equal(1.5219677291, nn.functional.cross_entropy(head.Forward(features), labels).item<double>(), 1e-6);
    }

    private static void Same(double[] want, List<double> got)
    {
        Assert.Equal(want.Length, got.Count);
        foreach (var (a, b) in want.Zip(got)) Assert.Equal(a, b, 1e-6);
    }

    // the deterministic filling of behaviour.md 13: p counts floating entries, running averages aside
    private static int Fill(GraphModule model, int p)
    {
        using var guard = no_grad();
        foreach (var slot in model.Slots().Where(s => s.IsTrained))
        {
            var lift = slot.Weight.Tensor.dim() == 1 && slot.Name.Contains("norm", StringComparison.Ordinal) && slot.Local == "weight" ? 1 : 0;
            var values = Enumerable.Range(0, (int)slot.Weight.Tensor.numel()).Select(e => (double)(float)(0.2 * Math.Sin(0.37 * e + 1.7 * p + 0.5) + lift)).ToArray();
            slot.Weight.Tensor.copy_(tensor(values).reshape(slot.Weight.Tensor.shape));
            p++;
        }
        return p;
    }

    private static Tensor Images(int n) => tensor(Enumerable.Range(0, n * 3 * 28 * 28).Select(i => Math.Sin(0.05 * (i / 28 % 28 + 1) * (i / 784 % 3 + 1) + 0.11 * (i % 28) + 0.7 * (i / 2352))).ToArray()).reshape(n, 3, 28, 28);

    private sealed class Trace(GraphModule trained, ParameterArena arena, IArenaOptimizer optimizer, IReadOnlyDictionary<int, double> scale, int pictures, ClassifierSettings settings, MetricsLog log, Func<Tensor> loss)
        : ClassifierLoop(trained, arena, optimizer, scale, pictures, settings, log, new Narrator(quiet: true))
    {
        internal List<double> Losses { get; } = [];

        private protected override string Title => "trace";

        private protected override Tensor Loss(long step, int micro)
        {
            var value = loss();
            Losses.Add(value.item<double>());
            return value;
        }

        private protected override StepSample Sample(long batch, int row) => new(0, row, $"{row}");

        private protected override Accuracy Judge() => new(0, 0, 0, 1);
    }
}
