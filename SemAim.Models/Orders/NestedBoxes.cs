using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Three boxes of side 2, 6 and 10 around a centre: patches in more boxes come earlier (behaviour.md 2).</summary>
/// <remarks>
/// A box is shifted inwards at the edge, so it always contains its centre. The original's table for 14 × 14 patches ends one patch
/// before the far edge and shifts coordinate 2 too far; on that grid it is kept, so that recorded orders repeat.
/// </remarks>
internal static class NestedBoxes
{
    private static readonly int[] Sides = [2, 6, 10], Before = [1, 3, 5];

    private static readonly long[][] OriginalStarts =
    [
        [0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 11, 11],
        [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7],
        [0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3],
    ];

    /// <summary>First coordinate of box <paramref name="k"/> for every centre coordinate of an axis with <paramref name="length"/> patches.</summary>
    internal static long[] Starts(int k, int length, bool original)
        => original ? OriginalStarts[k] : [.. Enumerable.Range(0, length).Select(c => (long)Math.Clamp(c - Before[k], 0, Math.Max(0, length - Sides[k])))];

    /// <summary>How many boxes around a centre hold each patch: B × N, fresh.</summary>
    /// <param name="row">of the centre, B × 1, int64</param>
    /// <param name="column">of the centre, B × 1, int64</param>
    /// <param name="grid">the patches</param>
    /// <param name="type">of the result</param>
    /// <param name="original">the original's table; 14 × 14 patches only</param>
    internal static Tensor Count(Tensor row, Tensor column, Grid grid, ScalarType type, bool original)
    {
        using var scope = NewDisposeScope();
        var patch = arange(Number.Of(0), Number.Of(grid.Count), Number.One, int64, row.device).unsqueeze(0);
        var (rows, columns) = (patch.div(Number.Of(grid.Columns), RoundingMode.floor), patch.remainder(Number.Of(grid.Columns)));
        var count = zeros([row.size(0), grid.Count], type, row.device);
        for (var k = 0; k < Sides.Length; k++)
        {
            var inRows = Inside(rows, row, k, grid.Rows, original);
            count.add_(inRows.logical_and(Inside(columns, column, k, grid.Columns, original)).to(type), Number.One);
        }
        return count.MoveToOuterDisposeScope();
    }

    private static Tensor Inside(Tensor coordinate, Tensor centre, int k, int length, bool original)
    {
        var start = tensor(Starts(k, length, original), device: centre.device).take(centre);
        return coordinate.ge(start).logical_and(coordinate.lt(start.add(Number.Of(Sides[k]), Number.One)));
    }

    /// <summary>True where the original has a table.</summary>
    internal static bool HasTable(Grid grid) => grid is { Rows: 14, Columns: 14 };
}
