using SemAim.Runtime;
using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>A white sheet to draw a figure on; units are pixels at scale 1.</summary>
internal sealed class Sheet : IDisposable
{
    internal const int Thumb = 84, Gap = 6, Margin = 18;

    private const long MostPixels = 150_000_000;                // of four bytes, and again while it is encoded

    private readonly SKSurface surface;
    private readonly SKFont title = EmbeddedFont.At(13), small = EmbeddedFont.At(9.5f);
    private readonly SKPaint ink = new() { Color = new SKColor(0x22, 0x26, 0x2e), IsAntialias = true };
    private readonly SKPaint grey = new() { Color = new SKColor(0x6a, 0x71, 0x7d), IsAntialias = true };

    internal Sheet(int width, int height, int scale)
    {
        (Width, Height, Scale) = (width, height, scale);
        if ((long)width * height * scale * scale > MostPixels) throw new UsageException($"--scale {scale}: the picture would have {width * scale} × {height * scale} pixels; fewer pictures (--count), fewer orders or a smaller scale");
        surface = SKSurface.Create(new SKImageInfo(width * scale, height * scale, SKColorType.Rgba8888, SKAlphaType.Opaque));
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.Scale(scale);
    }

    internal int Width { get; }

    internal int Height { get; }

    internal int Scale { get; }

    /// <summary>Dark text, centred at <paramref name="x"/>.</summary>
    internal void Title(string text, float x, float y) => surface.Canvas.DrawText(text, x, y, SKTextAlign.Center, title, ink);

    /// <summary>Small grey text.</summary>
    internal void Caption(string text, float x, float y, SKTextAlign align = SKTextAlign.Center) => surface.Canvas.DrawText(text, x, y, align, small, grey);

    /// <summary>A vertical dashed separator.</summary>
    internal void Dashes(float x, float top, float bottom)
    {
        using var effect = SKPathEffect.CreateDash([4, 4], 0);
        using var paint = new SKPaint { Color = new SKColor(0xa9, 0xaf, 0xb9), StrokeWidth = 1, Style = SKPaintStyle.Stroke, IsAntialias = true, PathEffect = effect };
        surface.Canvas.DrawLine(x, top, x, bottom, paint);
    }

    /// <summary>A picture as a thumbnail; <paramref name="blocks"/> keeps the edges of patches hard.</summary>
    internal void Draw(Picture picture, float x, float y, bool blocks)
    {
        using var bitmap = picture.Bitmap();
        using var image = SKImage.FromBitmap(bitmap);
        var shrinks = picture.Size > Thumb * Scale;
        var sampling = shrinks ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear) : new SKSamplingOptions(blocks ? SKFilterMode.Nearest : SKFilterMode.Linear);
        surface.Canvas.DrawImage(image, new SKRect(x, y, x + Thumb, y + Thumb), sampling);
    }

    /// <summary>The scale of a map's colours, from 1 at the left to 0 at the right.</summary>
    internal void Legend(Colours colours, string warm, string cold, float right, float y)
    {
        const int bar = 120;
        var x = right - bar - small.MeasureText(cold) - 8;
        for (var i = 0; i < bar; i++)
        {
            using var stroke = new SKPaint { Color = ColourMap.Of(colours, 1 - i / (bar - 1.0)) };
            surface.Canvas.DrawRect(x + i, y - 8, 1, 9, stroke);
        }
        Caption(warm, x - 8, y, SKTextAlign.Right);
        Caption(cold, x + bar + 8, y, SKTextAlign.Left);
    }

    /// <summary>Writes a PNG.</summary>
    internal void Save(string path)
    {
        using var pixels = surface.PeekPixels();
        Save(pixels, path);
    }

    /// <summary>Writes a PNG; folders above it are made.</summary>
    internal static void Save(SKPixmap pixels, string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        // one filter tried instead of five a row: as small for blocks and flat areas, in a third of the time
        using var data = pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.Sub, 6)) ?? throw new InvalidOperationException($"{path}: the picture could not be encoded");
        WholeFile.Write(path, data.SaveTo);
    }

    /// <summary>What is drawn, RGB, row by row.</summary>
    internal byte[] Rgb()
    {
        using var pixels = surface.PeekPixels();
        var rgba = pixels.GetPixelSpan();
        var rgb = new byte[pixels.Width * pixels.Height * 3];
        for (var i = 0; i < pixels.Width * pixels.Height; i++) rgba.Slice(4 * i, 3).CopyTo(rgb.AsSpan(3 * i));
        return rgb;
    }

    public void Dispose()
    {
        surface.Dispose();
        title.Dispose();
        small.Dispose();
        ink.Dispose();
        grey.Dispose();
    }
}
