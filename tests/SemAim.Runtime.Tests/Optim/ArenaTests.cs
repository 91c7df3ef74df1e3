using SemAim.Dsl;
using SemAim.Runtime.Native;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>Flat weights, gradients and the fused update.</summary>
public sealed class ArenaTests
{
    private static readonly Dictionary<int, double> Decay = new() { [0] = 0, [1] = 0.05 };

    [Fact]
    public void Twenty_clipped_steps_equal_TorchSharps_AdamW()
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
        using var adam = new ArenaAdamW(arena, Decay, maxNorm: 0.5);
        var torchAdam = optim.AdamW([
            new TorchSharp.Modules.AdamW.ParamGroup([reference.weight!], new TorchSharp.Modules.AdamW.Options { LearningRate = 0.01, InitialLearningRate = 0.01, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.05 }),
            new TorchSharp.Modules.AdamW.ParamGroup([reference.bias!], new TorchSharp.Modules.AdamW.Options { LearningRate = 0.01, InitialLearningRate = 0.01, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0 }),
        ], 0.01);
        foreach (var g in arena.Groups) adam.SetLearningRate(g, 0.01);
        for (var i = 0; i < 20; i++)
        {
            using var step = NewDisposeScope();
            var x = randn(8, 24);
            (nn.functional.linear(x, layer.Weight, layer.Bias).square().sum() * 3).backward();
            adam.Step();
            arena.ZeroGradients();
            torchAdam.zero_grad();
            (reference.forward(x).square().sum() * 3).backward();
            nn.utils.clip_grad_norm_(reference.parameters(), 0.5);
            torchAdam.step();
        }

        Assert.True((reference.weight! - layer.Weight).abs().max().item<float>() < 5e-6);
        Assert.True((reference.bias! - layer.Bias!).abs().max().item<float>() < 5e-6);
    }

    [Fact]
    public void A_step_with_a_gradient_that_is_no_number_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(8, 4);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: false);
        using var adam = new ArenaAdamW(arena, Decay, maxNorm: 1);
        foreach (var g in arena.Groups) adam.SetLearningRate(g, 0.1);
        var before = arena.Weights.clone();
        using (no_grad()) arena.Gradients.fill_(float.NaN);

        adam.Step();

        Assert.True(before.equal(arena.Weights).all().item<bool>());
        Assert.Equal(0, adam.StepCount.item<float>());
        Assert.Equal(1, adam.LastSkipped.item<float>());
    }

    [Fact]
    public void Gradients_keep_their_place()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(8, 4);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: false);
        var address = StableAbi.Address(layer.Weight.grad!);

        for (var i = 0; i < 3; i++)
        {
            using var loss = nn.functional.linear(randn(2, 8), layer.Weight, layer.Bias).sum();
            loss.backward();
            arena.CollectGradients();
            arena.ZeroGradients();
        }

        Assert.Equal(address, StableAbi.Address(layer.Weight.grad!));
    }

    [Fact]
    public void The_norm_of_many_gradients_is_exact()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(4096, 1024, bias: false);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: false);
        using (no_grad()) arena.Gradients.copy_(rand(arena.Gradients.shape));

        var exact = arena.Gradients.to(float64).norm().item<double>();

        Assert.Equal(1, arena.GradientNorm().item<float>() / exact, 1e-6);
    }

    [Fact]
    public void Narrow_weights_follow_their_masters()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(64, 64);
        using var arena = new ParameterArena(layer, s => ParameterGroups.Pretraining(s), narrow: true);
        using var adam = new ArenaAdamW(arena, Decay);
        foreach (var g in arena.Groups) adam.SetLearningRate(g, 0.01);

        nn.functional.linear(randn(4, 64).to(bfloat16), layer.Weight, layer.Bias).to(float32).square().sum().backward();
        arena.CollectGradients();
        adam.Step();

        Assert.Equal(ScalarType.BFloat16, layer.Weight.dtype);
        Assert.True(arena.View(arena.Weights, "weight").to(bfloat16).equal(layer.Weight).all().item<bool>());
        Assert.Equal(ScalarType.Float32, layer.state_dict()["weight"].dtype);
    }
}
