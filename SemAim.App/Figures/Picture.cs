using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>A square picture as the network sees it.</summary>
/// <param name="Rgb">size × size × 3, 0 to 255</param>
/// <param name="Size">side, pixels</param>
internal sealed record Picture(byte[] Rgb, int Size)
{
    /// <summary>The same picture with the marked patches of another one in place of its own.</summary>
    /// <param name="other">of the same size</param>
    /// <param name="mask">one value a patch, row by row; true takes the patch from <paramref name="other"/></param>
    internal Picture With(Picture other, ReadOnlySpan<bool> mask)
    {
        var (rgb, side) = ((byte[])Rgb.Clone(), (int)Math.Round(Math.Sqrt(mask.Length)));
        for (var i = 0; i < Size; i++)
            for (var j = 0; j < Size; j++)
                if (mask[i * side / Size * side + j * side / Size])
                    other.Rgb.AsSpan((i * Size + j) * 3, 3).CopyTo(rgb.AsSpan((i * Size + j) * 3));
        return new(rgb, Size);
    }

    /// <summary>A picture of one colour.</summary>
    internal static Picture Plain(int size, byte grey)
    {
        var rgb = new byte[size * size * 3];
        Array.Fill(rgb, grey);
        return new(rgb, size);
    }

    internal SKBitmap Bitmap()
    {
        var bitmap = new SKBitmap(Size, Size, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < Size * Size; i++) (pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2], pixels[4 * i + 3]) = (Rgb[3 * i], Rgb[3 * i + 1], Rgb[3 * i + 2], 255);
        return bitmap;
    }
}
