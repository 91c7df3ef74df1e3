using SemAim.Runtime.Native;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Optim;

/// <summary>
/// AdamW over a <see cref="ParameterArena"/>: gradient norm, clipping, skipping of non-finite steps and the update, without one value
/// reaching the host (behaviour.md 5.2, 5.4).
/// </summary>
internal sealed class ArenaAdamW : IArenaOptimizer
{
    private readonly ParameterArena arena;
    private readonly double beta1, beta2, eps, maxNorm;
    private readonly List<(Tensor Rate, double WeightDecay, Tensor[] Weights, Tensor[] Gradients, Tensor[] First, Tensor[] Second, Tensor[] Steps)> groups = [];
    private readonly Dictionary<int, Tensor> rates = [];

    /// <param name="arena">stays the caller's</param>
    /// <param name="weightDecay">by group</param>
    /// <param name="beta1">decay of the first moment</param>
    /// <param name="beta2">decay of the second moment</param>
    /// <param name="eps">added to the root of the second moment</param>
    /// <param name="maxNorm">gradients are scaled down to this norm; infinity: never</param>
    internal ArenaAdamW(ParameterArena arena, IReadOnlyDictionary<int, double> weightDecay, double beta1 = 0.9, double beta2 = 0.95, double eps = 1e-8, double maxNorm = double.PositiveInfinity)
    {
        (this.arena, this.beta1, this.beta2, this.eps, this.maxNorm) = (arena, beta1, beta2, eps, maxNorm);
        using var scope = NewDisposeScope();
        var device = arena.Weights.device;
        Tensor Cell() => zeros(Array.Empty<long>(), device: device).DetachFromDisposeScope();
        (StepCount, LastNorm, LastSkipped) = (Cell(), Cell(), Cell());
        foreach (var group in arena.Groups)
        {
            Tensor[] Part(Tensor flat) => [.. arena.Ranges(flat, group).Select(t => t.DetachFromDisposeScope())];
            var weights = Part(arena.Weights);
            rates.Add(group, Cell());
            groups.Add((rates[group], weightDecay[group], weights, Part(arena.Gradients), Part(arena.FirstMoment), Part(arena.SecondMoment), [.. weights.Select(_ => StepCount)]));
        }
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
        var skipped = norm.isfinite().logical_not().to(float32);
        LastNorm.copy_(norm);
        LastSkipped.copy_(skipped);
        StepCount.add_(skipped.neg().add_(Number.One, Number.One), Number.One);                  // a skipped step does not count
        // clip_grad_norm_ multiplies by min(1, max / (norm + 1e-6)); the kernel divides by the inverse
        var scale = double.IsPositiveInfinity(maxNorm) ? null : norm.add(Number.Of(1e-6), Number.One).div(Number.Of(maxNorm)).clamp_min(Number.Of(1.0)).to(float32);
        foreach (var g in groups)
            StableAbi.FusedAdamW(g.Weights, g.Gradients, g.First, g.Second, g.Steps, g.Rate, beta1, beta2, g.WeightDecay, eps, scale, skipped);
        arena.RefreshNarrow();
    }

    public void Dispose()
    {
        foreach (var g in groups)
            foreach (var t in g.Weights.Concat(g.Gradients).Concat(g.First).Concat(g.Second)) t.Dispose();
        foreach (var t in rates.Values) t.Dispose();
        StepCount.Dispose();
        LastNorm.Dispose();
        LastSkipped.Dispose();
    }
}
