using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Row by row, each from left to right (behaviour.md 2; the original's name for what others call raster order).</summary>
public sealed class Zigzag : IOrder
{
    /// <inheritdoc />
    public string Name => "zigzag";

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        using var place = arange(Number.Of(0), Number.Of(grid.Count), Number.One, noise.dtype, noise.device);
        using var one = place.unsqueeze(0);
        return one.repeat(noise.size(0), 1);
    }
}
