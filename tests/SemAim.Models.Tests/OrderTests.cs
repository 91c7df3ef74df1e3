using SemAim.Models.Orders;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>What orders promise beside the recorded numbers.</summary>
public sealed class OrderTests
{
    [Theory]
    [InlineData(14, 14)]
    [InlineData(10, 16)]
    [InlineData(4, 3)]
    public void Corrected_boxes_hold_their_centre_and_the_table_is_the_originals(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var grid = new Grid(rows, columns);
        // every patch once as the centre
        var map = eye(grid.Count);

        var rank = Orders.Orders.Of("attention_guided", BoxTable.Corrected).Rank(map, zeros(grid.Count, grid.Count), grid);

        Assert.True(rank.diagonal().eq(-3).all().item<bool>());
        var auto = Orders.Orders.Of("attention_guided").Rank(map, zeros(grid.Count, grid.Count), grid);
        // the original's table misses its own centre in 52 of 196 places
        Assert.Equal(rows == 14 && columns == 14 ? 52 : 0, auto.diagonal().ne(-3).sum().item<long>());
    }

    [Fact]
    public void Swapped_names_have_clear_ones()
    {
        Assert.Same(Orders.Orders.Of("zigzag"), Orders.Orders.Of("row_major"));
        Assert.Same(Orders.Orders.Of("raster"), Orders.Orders.Of("boustrophedon"));
    }

    [Theory]
    [InlineData("saliency")]
    [InlineData("saliency_guided")]
    public void Saliency_is_refused_by_name(string name)
        => Assert.Contains("has no network for it", Assert.Throws<UsageException>(() => Orders.Orders.Of(name)).Message, StringComparison.Ordinal);
}
