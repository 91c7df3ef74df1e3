using System.Globalization;
using System.Text.Json;
using SemAim.App.Training;
using SemAim.Dsl;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests.Evaluations;

/// <summary>The small units of behaviour.md 13 (fixtures/golden_finetune.json), each with the input that its readme states.</summary>
public sealed class SmallUnitTests
{
    private static readonly JsonElement Recorded = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Fixtures, "golden_finetune.json"))).RootElement;

    [Fact]
    public void Cross_entropies_are_the_recorded_ones()
    {
        using var scope = NewDisposeScope();
        var (logits, labels) = (Waves(0.7, 12).reshape(3, 4) * 2, tensor(new[] { 1L, 3, 0 }));

        Assert.Equal(Number("ls_ce_0.1"), ClassificationLosses.Smoothed(logits, labels, 0.1).item<double>(), 1e-9);
        Assert.Equal(Number("ce"), ClassificationLosses.Smoothed(logits, labels, 0).item<double>(), 1e-9);
        Assert.Equal(Number("soft_ce"), ClassificationLosses.Soft(Waves(0.7, 20).reshape(4, 5) * 2, Table("mixup_target")).item<double>(), 1e-9);
    }

    [Fact]
    public void Mixed_targets_are_the_recorded_ones()
    {
        using var scope = NewDisposeScope();

        var targets = Mixing.Targets(tensor(new[] { 1L, 3, 0, 2 }), MixMode.Batch, [new MixDraw(0.3, null)], 5, 0.1);

        Close(Table("mixup_target"), targets, 1e-9);
    }

    [Fact]
    public void Positions_of_four_by_four_become_six_by_six_as_recorded()
    {
        using var scope = NewDisposeScope();

        var grown = PositionEmbeddings.Interpolate(arange(51, float64).mul(0.1).sin().reshape(1, 17, 3), 36);

        Assert.Equal([1, 37, 3], grown.shape);
        Close(tensor(Doubles(Recorded.GetProperty("pos_interp_4_to_6"))), grown.reshape(-1), 1e-8);
    }

    [Fact]
    public void Three_steps_of_LARS_are_the_recorded_ones()
    {
        using var scope = NewDisposeScope();
        var flat = arange(6, float64);
        using var bag = new Pair();
        using var arena = new ParameterArena(bag, _ => 0, narrow: false);
        using var lars = new ArenaLars(arena, new Dictionary<int, double> { [0] = 0.1 }, 0.9, 0.001);
        lars.SetLearningRate(0, 0.5);
        for (var step = 0; step < 3; step++)
        {
            using (no_grad())
            {
                arena.View(arena.Gradients, "p").copy_((flat + step).cos().reshape(2, 3));
                arena.View(arena.Gradients, "b").copy_(tensor(new[] { 0.1 * (step + 1), -0.3 }));
            }
            lars.Step();
        }

        // recorded in float64, computed in float32
        Close(tensor(Doubles(Recorded.GetProperty("lars_3").GetProperty("p"))), arena.View(arena.Weights, "p").reshape(-1), 1e-6);
        Close(tensor(Doubles(Recorded.GetProperty("lars_3").GetProperty("b"))), arena.View(arena.Weights, "b"), 1e-6);
    }

    [Fact]
    public void Neighbours_vote_as_recorded()
    {
        using var scope = NewDisposeScope();
        var train = nn.functional.normalize((arange(480, float32) * 0.37f + 0.2f).sin().reshape(60, 8), 2.0, 1);
        var test = nn.functional.normalize((arange(1600, float32) * 0.53f).cos().reshape(200, 8), 2.0, 1);
        int[] Labels(int count, int factor) => [.. Enumerable.Range(0, count).Select(i => factor * i % 6)];
        var recorded = Recorded.GetProperty("knn").EnumerateObject().ToList();

        var results = KnnEvaluation.Run(train, Labels(60, 7), test, Labels(200, 5), [.. recorded.Select(r => int.Parse(r.Name, CultureInfo.InvariantCulture))], 0.07);

        for (var i = 0; i < recorded.Count; i++)
        {
            Assert.Equal(recorded[i].Value[0].GetDouble(), results[i].Top1, 1e-9);
            Assert.Equal(recorded[i].Value[1].GetDouble(), results[i].Top5, 1e-9);
        }
    }

    private sealed class Pair : GraphModule
    {
        protected override void RegisterLayers()
        {
            Register("p", new Weight([2, 3], t => t.copy_(arange(6, float64).sin().reshape(2, 3))));
            Register("b", new Weight([2], t => t.copy_(tensor(new[] { 0.5f, -0.2f }))));
        }
    }

    private static Tensor Waves(double frequency, int count) => (arange(count, float64) * frequency).sin();

    private static double Number(string name) => Recorded.GetProperty(name).GetDouble();

    private static Tensor Table(string name) => stack([.. Recorded.GetProperty(name).EnumerateArray().Select(row => tensor(Doubles(row)))], 0);

    private static double[] Doubles(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];

    private static void Close(Tensor want, Tensor got, double allowed)
    {
        var far = (want.to(float64) - got.to(float64)).abs().max().item<double>();
        Assert.True(far <= allowed, $"off by {far}");
    }
}
