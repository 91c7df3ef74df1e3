using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Rows from top to bottom, every second one backwards (behaviour.md 2; the original's name for this boustrophedon).</summary>
public sealed class Raster : IOrder
{
    /// <inheritdoc />
    public string Name => "raster";

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        var place = new float[grid.Count];
        for (var row = 0; row < grid.Rows; row++)
            for (var column = 0; column < grid.Columns; column++)
                place[row * grid.Columns + column] = row * grid.Columns + (row % 2 == 0 ? column : grid.Columns - 1 - column);
        using var one = tensor(place, [1, grid.Count], noise.dtype, noise.device);
        return one.repeat(noise.size(0), 1);
    }
}
