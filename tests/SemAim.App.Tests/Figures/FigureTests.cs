using SemAim.App.Figures;
using SkiaSharp;

namespace SemAim.App.Tests.Figures;

public sealed class FigureTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-figures").FullName;

    public void Dispose() => Directory.Delete(folder, true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_orders_figure_has_the_stated_size_exact_colours_and_labels(int scale)
    {
        var path = Path.Combine(folder, "orders.png");
        double[] order = [1, 0.875, 0.125, 0];
        var row = new OrdersRow(Picture.Plain(32, 255), order, order, [order, order]);
        OrdersFigure.Write(path, ["raster", "semantic-aware"], [row, row, row], scale, new Overlay(Heat: 1));
        using var image = SKBitmap.Decode(path);
        var (width, height) = OrdersFigure.Size(2, 3);
        Assert.Equal((width * scale, height * scale), (image.Width, image.Height));
        // first column, first row: the order is the third thumbnail of its group
        var (x, y) = (Sheet.Margin + Sheet.Thumb + 22 + 2 * (Sheet.Thumb + Sheet.Gap), 62);
        Assert.Equal(new SKColor(128, 0, 0), image.GetPixel((x + 20) * scale, (y + 20) * scale));
        Assert.Equal(new SKColor(255, 0, 0), image.GetPixel((x + 60) * scale, (y + 20) * scale));
        Assert.Equal(new SKColor(0, 0, 255), image.GetPixel((x + 20) * scale, (y + 60) * scale));
        Assert.Equal(new SKColor(0, 0, 128), image.GetPixel((x + 60) * scale, (y + 60) * scale));
        Assert.InRange(Dark(image, 0, 12, image.Width, 32, scale), 400 * scale, int.MaxValue);                 // titles
        Assert.InRange(Dark(image, x, 38, x + Sheet.Thumb, 52, scale), 20 * scale, int.MaxValue);               // "order"
    }

    [Fact]
    public void A_stage_shows_what_is_known_then_what_is_predicted_and_hides_the_rest()
    {
        var progression = new Progression("", [1, 0, 2 / 3.0, 1 / 3.0], Picture.Plain(2, 50), [0, 0, 0, 0]);
        Assert.Equal([0, 2, 3, 1], progression.Sequence);
        var stage = progression.Stage(Picture.Plain(2, 200), 1, 2);
        Assert.Equal([200, 0xe4, 50, 50], stage.Rgb.Where((_, i) => i % 3 == 0).ToArray());
    }

    [Fact]
    public void The_stages_figure_has_a_row_an_order_of_each_picture()
    {
        var pictures = Pictures(3, 2);
        var path = Path.Combine(folder, "stages.png");
        StagesFigure.Write(path, pictures, 1);
        using var image = SKBitmap.Decode(path);
        Assert.Equal(StagesFigure.Size(pictures), (image.Width, image.Height));
    }

    [Fact]
    public void Single_pictures_are_written_in_the_pictures_own_size()
    {
        var row = new OrdersRow(Picture.Plain(32, 9), [0, 0, 0, 1], [0, 1, 0, 1], [[1, 0.6, 0.3, 0]]);
        Assert.Equal(8, SinglePictures.Write(folder, [row], Pictures(1, 1), ["raster"], new()));
        using var image = SKBitmap.Decode(Path.Combine(folder, "00-raster-order.png"));
        Assert.Equal((32, 32), (image.Width, image.Height));
        Assert.Equal(new SKColor(120, 120, 120), First("00-target.png"));
        Assert.Equal(new SKColor(100, 100, 100), First("00-target-blurred.png"));

        SKColor First(string name)
        {
            using var single = SKBitmap.Decode(Path.Combine(folder, name));
            return single.GetPixel(0, 0);
        }
    }

    [Fact]
    public void The_animation_announces_as_many_frames_as_it_has()
    {
        var path = Path.Combine(folder, "autoregression.png");
        var frames = Animation.Write(path, Pictures(1, 2), 1);
        Assert.Equal(5, frames);
        Assert.Equal(frames, AnimatedPngTests.Frames(File.ReadAllBytes(path)).Count);
    }

    private static List<PredictedPicture> Pictures(int count, int orders)
        => [.. Enumerable.Range(0, count).Select(_ => new PredictedPicture(Picture.Plain(32, 120), Picture.Plain(32, 100), true, [.. Enumerable.Range(0, orders).Select(o => new Progression($"order {o}", [1, 0.6, 0.3, 0], Picture.Plain(32, 80), [0.2, 0.4, 0.9, 1.1]))]))];

    private static int Dark(SKBitmap image, int left, int top, int right, int bottom, int scale)
    {
        var dark = 0;
        for (var y = top * scale; y < Math.Min(bottom * scale, image.Height); y++)
            for (var x = left * scale; x < Math.Min(right * scale, image.Width); x++)
                if (image.GetPixel(x, y).Red < 160) dark++;
        return dark;
    }
}
