using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Every patch at random (behaviour.md 2, <c>stochastic</c>).</summary>
public sealed class Stochastic : IOrder
{
    /// <inheritdoc />
    public string Name => "stochastic";

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid) => noise.alias();
}
