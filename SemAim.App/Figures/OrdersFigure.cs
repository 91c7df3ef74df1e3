using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>One picture with its maps; every map has one value a patch, row by row, in [0, 1].</summary>
/// <param name="Pixels">RGB, size × size × 3</param>
/// <param name="Size">side, pixels</param>
/// <param name="SelfAttention">how much the class token looks at each patch</param>
/// <param name="Similarity">how much each patch resembles the class token</param>
/// <param name="Orders">per column: 1 where a patch is predicted first, 0 where last</param>
internal sealed record OrdersRow(byte[] Pixels, int Size, double[] SelfAttention, double[] Similarity, IReadOnlyList<double[]> Orders);

/// <summary>The figure of the orders: input, and for each order the self-attention map, the similarity map and the order, warm = predicted first (behaviour.md 9).</summary>
internal static class OrdersFigure
{
    private const int Thumb = 84, Gap = 6, Between = 22, Left = 18, Top = 62, Bottom = 40;
    private const double Heat = 0.45;
    private static readonly Lazy<SKTypeface> Face = new(() =>
    {
        using var stream = typeof(OrdersFigure).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!;
        return SKTypeface.FromStream(stream);
    });

    /// <summary>Writes a PNG.</summary>
    /// <param name="path">of the file</param>
    /// <param name="columns">titles of the orders</param>
    /// <param name="rows">pictures</param>
    /// <param name="scale">pixels a unit: 1, or 2 for fine screens</param>
    internal static void Write(string path, IReadOnlyList<string> columns, IReadOnlyList<OrdersRow> rows, int scale = 2)
    {
        var group = 3 * Thumb + 2 * Gap;
        var width = Left + Thumb + columns.Count * (Between + group) + Left;
        var height = Top + rows.Count * (Thumb + Gap) - Gap + Bottom;
        using var surface = SKSurface.Create(new SKImageInfo(width * scale, height * scale, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        canvas.Scale(scale);
        using var title = new SKFont(Face.Value, 13) { Edging = SKFontEdging.Antialias, Subpixel = true };
        using var small = new SKFont(Face.Value, 9.5f) { Edging = SKFontEdging.Antialias, Subpixel = true };
        using var ink = new SKPaint { Color = new SKColor(0x22, 0x26, 0x2e), IsAntialias = true };
        using var grey = new SKPaint { Color = new SKColor(0x6a, 0x71, 0x7d), IsAntialias = true };
        using var dashed = new SKPaint { Color = new SKColor(0xa9, 0xaf, 0xb9), StrokeWidth = 1, Style = SKPaintStyle.Stroke, IsAntialias = true, PathEffect = SKPathEffect.CreateDash([4, 4], 0) };
        canvas.DrawText("(a) input", Left + Thumb / 2f, 26, SKTextAlign.Center, title, ink);
        for (var c = 0; c < columns.Count; c++)
        {
            float x = Left + Thumb + Between + c * (Between + group);
            canvas.DrawText($"({(char)('b' + c)}) {columns[c]}", x + group / 2f, 26, SKTextAlign.Center, title, ink);
            string[] captions = ["self-attention", "similarity", "order"];
            for (var i = 0; i < 3; i++) canvas.DrawText(captions[i], x + i * (Thumb + Gap) + Thumb / 2f, 48, SKTextAlign.Center, small, grey);
            canvas.DrawLine(x - Between / 2f, 12, x - Between / 2f, height - Bottom + 4, dashed);
        }
        for (var r = 0; r < rows.Count; r++)
        {
            float y = Top + r * (Thumb + Gap);
            Draw(canvas, rows[r], null, Left, y);
            for (var c = 0; c < columns.Count; c++)
            {
                float x = Left + Thumb + Between + c * (Between + group);
                double[][] maps = [rows[r].SelfAttention, rows[r].Similarity, rows[r].Orders[c]];
                for (var i = 0; i < 3; i++) Draw(canvas, rows[r], maps[i], x + i * (Thumb + Gap), y);
            }
        }
        Legend(canvas, width, height, small, grey);
        using var image = surface.Snapshot();
        using var data = image.Encode(SKEncodedImageFormat.Png, 100);
        using var file = File.Create(path);
        data.SaveTo(file);
    }

    // a hard block a patch, blended with the picture
    private static void Draw(SKCanvas canvas, OrdersRow row, double[]? map, float x, float y)
    {
        using var bitmap = new SKBitmap(row.Size, row.Size, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var side = map is null ? 1 : (int)Math.Round(Math.Sqrt(map.Length));
        for (var i = 0; i < row.Size; i++)
            for (var j = 0; j < row.Size; j++)
            {
                var at = (i * row.Size + j) * 3;
                var pixel = new SKColor(row.Pixels[at], row.Pixels[at + 1], row.Pixels[at + 2]);
                if (map is not null)
                {
                    var heat = ColourMap.Jet(map[i * side / row.Size * side + j * side / row.Size]);
                    // under the heat the picture is shown grey: its own colours would be read as values
                    var luma = (byte)((19595 * pixel.Red + 38470 * pixel.Green + 7471 * pixel.Blue + 32768) >> 16);
                    pixel = new(luma, luma, luma);
                    pixel = new(Mix(heat.Red, pixel.Red), Mix(heat.Green, pixel.Green), Mix(heat.Blue, pixel.Blue));
                }
                bitmap.SetPixel(j, i, pixel);
            }
        using var image = SKImage.FromBitmap(bitmap);
        canvas.DrawImage(image, new SKRect(x, y, x + Thumb, y + Thumb), new SKSamplingOptions(map is null ? SKFilterMode.Linear : SKFilterMode.Nearest));
    }

    private static byte Mix(byte heat, byte pixel) => (byte)Math.Clamp(Math.Round(Heat * heat + (1 - Heat) * pixel), 0, 255);

    private static void Legend(SKCanvas canvas, int width, int height, SKFont font, SKPaint paint)
    {
        const int bar = 120;
        float x = width - Left - bar - 96, y = height - 20;
        for (var i = 0; i < bar; i++)
        {
            using var stroke = new SKPaint { Color = ColourMap.Jet(1 - i / (bar - 1.0)) };
            canvas.DrawRect(x + i, y - 8, 1, 9, stroke);
        }
        canvas.DrawText("first · most", x - 8, y, SKTextAlign.Right, font, paint);
        canvas.DrawText("last · least", x + bar + 8, y, SKTextAlign.Left, font, paint);
    }
}
