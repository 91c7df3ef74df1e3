using SemAim.Runtime.Tensors;
using static TorchSharp.torch;

namespace SemAim.Runtime.Optim;

/// <summary>
/// LARS (behaviour.md 5.6): weights of more than one axis get u = g + wd·θ, scaled by η‖θ‖/‖u‖ where both norms are positive; 1-D weights
/// get their gradient as it is.
/// </summary>
/// <param name="arena">stays the caller's</param>
/// <param name="weightDecay">by group</param>
/// <param name="momentum">decay of the momentum</param>
/// <param name="trust">η</param>
internal sealed class ArenaLars(ParameterArena arena, IReadOnlyDictionary<int, double> weightDecay, double momentum = 0.9, double trust = 0.001) : ArenaMomentum(arena, momentum)
{
    private protected override Tensor Direction(int group, Tensor weight, Tensor gradient)
    {
        if (weight.dim() <= 1) return gradient.clone();
        var update = weight.mul(Number.Of(weightDecay[group])).add_(gradient, Number.One);
        var (size, step) = (weight.norm(), update.norm());
        var both = size.gt(Number.Of(0)).logical_and(step.gt(Number.Of(0)));
        return update.mul_(where(both, size.mul(Number.Of(trust)).div(step), ones_like(step)));
    }
}
