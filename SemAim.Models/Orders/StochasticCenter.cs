using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Random within nested boxes around a random centre, inner boxes first (behaviour.md 2, <c>stochastic_center</c>). The last two columns of the noise choose the centre's row and column; as in the original, the last row and column are never chosen.</summary>
/// <param name="corrected">boxes that always contain their centre, on 14 × 14 patches too, where the original's table is the default</param>
public sealed class StochasticCenter(bool corrected = false) : IOrder
{
    /// <inheritdoc />
    public string Name => "stochastic_center";

    /// <inheritdoc />
    public int NoiseColumns(Grid grid) => grid.Count + 2;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        if (noise.size(1) != NoiseColumns(grid)) throw new ArgumentException($"stochastic_center takes {NoiseColumns(grid)} uniform numbers a picture ({grid.Count} patches, row, column), got {noise.size(1)}");
        using var scope = NewDisposeScope();
        Tensor Coordinate(long at, int length) => noise.narrow(1, at, 1).mul(Number.Of(length - 1)).to(int64);
        var boxes = NestedBoxes.Count(Coordinate(grid.Count, grid.Rows), Coordinate(grid.Count + 1, grid.Columns), grid, noise.dtype, !corrected && NestedBoxes.HasTable(grid));
        return (noise.narrow(1, 0, grid.Count) - boxes).MoveToOuterDisposeScope();
    }
}
