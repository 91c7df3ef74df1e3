using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Optim;

/// <summary>Momentum methods for the few weights of a probe: μ ← m·μ + u, θ ← θ − lr·μ, where the method makes u of gradient and weight. Plain operators, weight by weight.</summary>
internal abstract class ArenaMomentum : IArenaOptimizer
{
    private readonly ParameterArena arena;
    private readonly double momentum;
    private readonly List<(int Group, Tensor Weight, Tensor Gradient, Tensor Momentum)> parts = [];
    private readonly Dictionary<int, Tensor> rates = [];

    private protected ArenaMomentum(ParameterArena arena, double momentum)
    {
        (this.arena, this.momentum) = (arena, momentum);
        using var scope = NewDisposeScope();
        Tensor Cell() => zeros(Array.Empty<long>(), device: arena.Weights.device).DetachFromDisposeScope();
        (StepCount, LastNorm, LastSkipped) = (Cell(), Cell(), Cell());
        foreach (var group in arena.Groups) rates.Add(group, Cell());
        Tensor View(Tensor flat, string name) => arena.View(flat, name).DetachFromDisposeScope();
        foreach (var s in arena.Specs) parts.Add((s.Group, View(arena.Weights, s.Name), View(arena.Gradients, s.Name), View(arena.FirstMoment, s.Name)));
    }

    public Tensor StepCount { get; }

    public Tensor LastNorm { get; }

    public Tensor LastSkipped { get; }

    public void SetLearningRate(int group, double value)
    {
        using var guard = no_grad();
        rates[group].fill_(Number.Of(value));
    }

    public void Step()
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var norm = arena.GradientNorm();
        var finite = norm.isfinite();
        LastNorm.copy_(norm);
        LastSkipped.copy_(finite.logical_not());
        StepCount.add_(finite.to(float32), Number.One);
        foreach (var (group, weight, gradient, moment) in parts)
        {
            using var inner = NewDisposeScope();
            var next = moment.mul(Number.Of(momentum)).add_(Direction(group, weight, gradient), Number.One);
            var moved = weight.sub(rates[group].mul(next));
            moment.copy_(where(finite, next, moment));
            weight.copy_(where(finite, moved, weight));
        }
        arena.RefreshNarrow();
    }

    /// <summary>What a gradient adds to the momentum; a fresh tensor in the ambient dispose scope.</summary>
    private protected abstract Tensor Direction(int group, Tensor weight, Tensor gradient);

    public void Dispose()
    {
        foreach (var (_, weight, gradient, moment) in parts)
        {
            weight.Dispose();
            gradient.Dispose();
            moment.Dispose();
        }
        foreach (var rate in rates.Values) rate.Dispose();
        StepCount.Dispose();
        LastNorm.Dispose();
        LastSkipped.Dispose();
    }
}
