using SemAim.Dsl;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>SGD on the arena and the average of its weights.</summary>
public sealed class MomentumAndAverageTests
{
    private static readonly Dictionary<int, double> Decay = new() { [0] = 0, [1] = 0.05 };

    [Fact]
    public void Ten_steps_of_SGD_equal_TorchSharps()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        using var layer = new Linear(24, 12);
        var reference = nn.Linear(24, 12);
        using (no_grad())
        {
            reference.weight!.copy_(layer.Weight);
            reference.bias!.copy_(layer.Bias!);
        }
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: false);
        using var sgd = new ArenaSgd(arena, new Dictionary<int, double> { [0] = 0.05, [1] = 0.05 });
        var torchSgd = optim.SGD(reference.parameters(), 0.01, momentum: 0.9, weight_decay: 0.05);
        foreach (var g in arena.Groups) sgd.SetLearningRate(g, 0.01);
        for (var i = 0; i < 10; i++)
        {
            using var step = NewDisposeScope();
            var x = randn(8, 24);
            nn.functional.linear(x, layer.Weight, layer.Bias).square().mean().backward();
            sgd.Step();
            arena.ZeroGradients();
            torchSgd.zero_grad();
            reference.forward(x).square().mean().backward();
            torchSgd.step();
        }

        Assert.True((reference.weight! - layer.Weight).abs().max().item<float>() < 1e-6);
        Assert.True((reference.bias! - layer.Bias!).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void SGD_skips_gradients_that_are_no_numbers()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(8, 4);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: false);
        using var sgd = new ArenaSgd(arena, Decay);
        foreach (var g in arena.Groups) sgd.SetLearningRate(g, 0.1);
        var before = arena.Weights.clone();
        using (no_grad()) arena.Gradients.fill_(float.PositiveInfinity);

        sgd.Step();

        Assert.True(before.equal(arena.Weights).all().item<bool>());
        Assert.Equal(0, arena.FirstMoment.abs().sum().item<float>());
        Assert.Equal((0, 1), (sgd.StepCount.item<float>(), sgd.LastSkipped.item<float>()));
    }

    [Fact]
    public void The_average_follows_the_weights_and_stays_where_an_update_was_skipped()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(8, 4);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: false);
        using var average = new ExponentialMovingAverage(arena);
        var start = arena.Weights.clone();
        using (no_grad()) arena.Weights.add_(1);

        average.SetDecay(0.9);
        average.Update(tensor(0f));
        var once = average.Weights.clone();
        average.SetDecay(0.9);
        average.Update(tensor(1f));

        Assert.True((once - (start * 0.9 + arena.Weights * 0.1)).abs().max().item<float>() < 1e-6);
        Assert.True(once.equal(average.Weights).all().item<bool>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_can_compute_with_the_average(bool narrow)
    {
        using var scope = NewDisposeScope();
        using var student = new Linear(64, 64);
        using var teacher = new Linear(64, 64);
        using var arena = new ParameterArena(student, s => ParameterGroups.Pretraining(s), narrow);
        using var average = new ExponentialMovingAverage(arena);
        average.Attach(teacher);
        using (no_grad()) arena.Weights.add_(1);
        average.SetDecay(0.5);
        average.Update();

        Assert.Equal(narrow ? ScalarType.BFloat16 : ScalarType.Float32, teacher.Weight.dtype);
        Assert.True(arena.View(average.Weights, "weight").to(teacher.Weight.dtype).equal(teacher.Weight).all().item<bool>());
        Assert.Equal(ScalarType.Float32, teacher.state_dict()["weight"].dtype);
        Assert.False(teacher.Weight.requires_grad);
    }

    [Fact]
    public void Updates_leave_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(8, 4);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: true);
        using var lars = new ArenaLars(arena, Decay);
        using var average = new ExponentialMovingAverage(arena);
        var counts = new List<long>();
        for (var i = 0; i < 4; i++)
        {
            lars.SetLearningRate(0, 0.1);
            lars.Step();
            average.SetDecay(0.9);
            average.Update(lars.LastSkipped);
            counts.Add(scope.DisposablesCount);
        }

        Assert.Single(counts.Distinct());
    }
}
