using SemAim.Runtime.Tensors;
using static TorchSharp.torch;

namespace SemAim.Runtime.Optim;

/// <summary>SGD with momentum (no dampening, no Nesterov) and L2 weight decay: u = g + wd·θ (behaviour.md 5.7).</summary>
/// <param name="arena">stays the caller's</param>
/// <param name="weightDecay">by group</param>
/// <param name="momentum">decay of the momentum</param>
internal sealed class ArenaSgd(ParameterArena arena, IReadOnlyDictionary<int, double> weightDecay, double momentum = 0.9) : ArenaMomentum(arena, momentum)
{
    private protected override Tensor Direction(int group, Tensor weight, Tensor gradient) => weight.mul(Number.Of(weightDecay[group])).add_(gradient, Number.One);
}
