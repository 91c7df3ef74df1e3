using SemAim.App.Figures;
using SkiaSharp;

namespace SemAim.App.Tests.Figures;

public sealed class ColourAndOverlayTests
{
    [Theory]
    [InlineData(0.0, 0, 0, 128)]
    [InlineData(0.125, 0, 0, 255)]
    [InlineData(0.375, 0, 255, 255)]
    [InlineData(0.5, 128, 255, 128)]
    [InlineData(0.625, 255, 255, 0)]
    [InlineData(0.875, 255, 0, 0)]
    [InlineData(1.0, 128, 0, 0)]
    [InlineData(-3.0, 0, 0, 128)]
    [InlineData(double.NaN, 0, 0, 128)]
    public void Jet_is_blue_where_cold_and_red_where_warm(double t, byte r, byte g, byte b)
        => Assert.Equal(new SKColor(r, g, b), ColourMap.Jet(t));

    [Fact]
    public void Even_maps_begin_and_end_at_their_published_colours_and_grow_lighter_throughout()
    {
        Assert.Equal(new SKColor(0x44, 0x01, 0x54), ColourMap.Of(Colours.Viridis, 0));
        Assert.Equal(new SKColor(0xfd, 0xe7, 0x25), ColourMap.Of(Colours.Viridis, 1));
        Assert.Equal(new SKColor(0x00, 0x00, 0x04), ColourMap.Of(Colours.Magma, 0));
        foreach (var map in new[] { Colours.Viridis, Colours.Magma })
        {
            double[] light = [.. Enumerable.Range(0, 101).Select(i => ColourMap.Of(map, i / 100.0)).Select(c => 0.2126 * c.Red + 0.7152 * c.Green + 0.0722 * c.Blue)];
            for (var i = 1; i < light.Length; i++) Assert.True(light[i] > light[i - 1], $"{map} at {i}");
        }
    }

    [Fact]
    public void An_overlay_blends_hard_blocks_by_its_share()
    {
        var picture = Picture.Plain(4, 200);
        var blended = new Overlay(Heat: 0.3, Grey: false).Blend(picture, [1, 0, 0.5, 0.875]);
        // 0.3 · jet + 0.7 · 200
        Assert.Equal([178, 140, 140], blended.Rgb[..3]);
        Assert.Equal([178, 140, 140], blended.Rgb[(5 * 3)..(5 * 3 + 3)]);
        Assert.Equal([140, 140, 178], blended.Rgb[(2 * 3)..(2 * 3 + 3)]);
        Assert.Equal([216, 140, 140], blended.Rgb[^3..]);
    }

    [Fact]
    public void A_smooth_overlay_lies_between_its_patches()
    {
        var values = new Overlay(Colours.Magma, 1, Smooth: true).Blend(Picture.Plain(64, 0), [0, 1, 0, 1]);
        int Red(int x) => values.Rgb[(32 * 64 + x) * 3];
        Assert.True(Red(0) < Red(32) && Red(32) < Red(63));
        Assert.Equal(0, Red(3));
    }

    [Fact]
    public void Maps_that_are_no_square_are_refused()
        => Assert.Throws<ArgumentException>(() => new Overlay().Blend(Picture.Plain(4, 0), [1, 2, 3]));

    [Fact]
    public void The_first_of_an_order_is_warmest_and_ties_go_to_the_lower_index()
        => Assert.Equal([1 - 1 / 3.0, 1, 0, 1 - 2 / 3.0], OrdersOfModel.FirstIsOne([5, 1, 9, 5]));
}
