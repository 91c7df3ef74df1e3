using SemAim.Dsl;
using SemAim.Runtime.Tensors;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>The patches most like the whole first (behaviour.md 2, <c>attention</c>): 1 − A.</summary>
public sealed class Attention : IOrder
{
    /// <inheritdoc />
    public string Name => "attention";

    /// <inheritdoc />
    public bool NeedsGuidance => true;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid) => Kernels.Subtract(Number.One, guidance!);
}
