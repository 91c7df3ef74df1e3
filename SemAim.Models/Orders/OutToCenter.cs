using SemAim.Runtime.Tensors;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Random within nested boxes around the picture's middle, outer boxes first: <c>out2center</c>, which the original announces and lacks (behaviour.md 2, trap 7).</summary>
public sealed class OutToCenter : IOrder
{
    /// <inheritdoc />
    public string Name => "out2center";

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        using var boxes = CenterToOut.Boxes(noise, grid);
        return noise.add(boxes, Number.One);
    }
}
