using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Random within nested boxes around the picture's middle, inner boxes first (behaviour.md 2, <c>center2out</c>).</summary>
public sealed class CenterToOut : IOrder
{
    /// <inheritdoc />
    public string Name => "center2out";

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        using var boxes = Boxes(noise, grid);
        return noise - boxes;
    }

    /// <summary>How many of the boxes [h − 1, h + 1), [h − 3, h + 3), [h − 5, h + 5) around the middle h hold each patch: B × N, fresh.</summary>
    internal static Tensor Boxes(Tensor noise, Grid grid)
    {
        var counts = new float[grid.Count];
        for (var i = 0; i < counts.Length; i++)
        {
            int row = i / grid.Columns - grid.Rows / 2, column = i % grid.Columns - grid.Columns / 2;
            for (var half = 1; half <= 5; half += 2)
                if (row >= -half && row < half && column >= -half && column < half) counts[i]++;
        }
        using var one = tensor(counts, [1, grid.Count], noise.dtype, noise.device);
        return one.repeat(noise.size(0), 1);
    }
}
