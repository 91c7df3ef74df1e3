using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>DejaVu Sans, which is built into the program: fresh machines have no fonts at all.</summary>
internal static class EmbeddedFont
{
    private static readonly Lazy<SKTypeface> Face = new(() =>
    {
        using var stream = typeof(EmbeddedFont).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!;
        return SKTypeface.FromStream(stream);
    });

    /// <param name="size">in pixels</param>
    /// <returns>the caller's to dispose</returns>
    internal static SKFont At(float size) => new(Face.Value, size) { Edging = SKFontEdging.Antialias, Subpixel = true };

    /// <summary>How wide a line of text is. Few fonts that a browser takes by itself are wider than this one, so what has room in it has room in them.</summary>
    /// <param name="text">one line</param>
    /// <param name="size">in pixels</param>
    /// <returns>pixels, rounded up</returns>
    internal static int Width(string text, float size)
    {
        using var font = At(size);
        return (int)MathF.Ceiling(font.MeasureText(text));
    }
}
