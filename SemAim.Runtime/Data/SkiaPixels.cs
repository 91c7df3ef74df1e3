using System.Buffers.Binary;

namespace SemAim.Runtime.Data;

/// <summary>Where SkiaSharp gives a GIF's or BMP's pixels otherwise than Pillow 9.4: what is behind transparent pixels, and channels of five and six bits.</summary>
internal static unsafe class SkiaPixels
{
    /// <summary>Gives a GIF's transparent pixels, and those outside its first frame, the colour that Pillow's convert("RGB") gives them: the palette's own.</summary>
    /// <param name="pixels">RGBX rows without padding</param>
    internal static void FillTransparent(ReadOnlySpan<byte> gif, byte* pixels, long count)
    {
        if (!TryColour(gif, out uint colour)) return;
        uint* to = (uint*)pixels;
        for (long i = 0; i < count; i++) if (to[i] >> 24 == 0) to[i] = colour;
    }

    // of the transparent index of the first frame; without one Pillow's canvas is index 0
    private static bool TryColour(ReadOnlySpan<byte> gif, out uint colour)
    {
        colour = 0;
        if (gif.Length < 13) return false;
        int at = 13, index = 0;
        var palette = Palette(gif, gif[10], ref at);
        while (at + 10 <= gif.Length)
        {
            if (gif[at] == 0x2C)
            {
                byte flags = gif[at + 9];
                at += 10;
                if ((flags & 0x80) != 0) palette = Palette(gif, flags, ref at);
                colour = 0xFF000000 | (palette.Length == 0 ? (uint)index * 0x010101 : palette.Length < 3 * index + 3 ? 0 : palette[3 * index] | (uint)palette[3 * index + 1] << 8 | (uint)palette[3 * index + 2] << 16);
                return true;
            }
            if (gif[at] != 0x21) return false;
            if (gif[at + 1] == 0xF9 && gif[at + 2] >= 4 && (gif[at + 3] & 1) != 0) index = gif[at + 6];
            for (at += 2; at < gif.Length && gif[at] != 0;) at += 1 + gif[at];
            at++;
        }
        return false;
    }

    private static ReadOnlySpan<byte> Palette(ReadOnlySpan<byte> gif, byte flags, ref int at)
    {
        int length = (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
        var palette = gif.Slice(Math.Min(at, gif.Length), Math.Min(length, Math.Max(0, gif.Length - at)));
        at += length;
        return palette;
    }

    /// <summary>Channels of five and six bits of a BMP with 16 bits a pixel: Pillow's v · 255 / 31 for Skia's v · 8 + v / 4.</summary>
    /// <param name="pixels">RGBX rows without padding</param>
    internal static void Widen(ReadOnlySpan<byte> bmp, byte* pixels, long count)
    {
        if (bmp.Length < 66 || BinaryPrimitives.ReadInt32LittleEndian(bmp[14..]) < 40 || BinaryPrimitives.ReadUInt16LittleEndian(bmp[28..]) != 16) return;
        int kind = BinaryPrimitives.ReadInt32LittleEndian(bmp[30..]);
        (int red, int green, int blue) = kind == 0 ? (0x7C00, 0x3E0, 0x1F)
            : (BinaryPrimitives.ReadInt32LittleEndian(bmp[54..]), BinaryPrimitives.ReadInt32LittleEndian(bmp[58..]), BinaryPrimitives.ReadInt32LittleEndian(bmp[62..]));
        bool six = (red, green, blue) == (0xF800, 0x7E0, 0x1F);
        if (kind is not (0 or 3) || !(six || (red, green, blue) == (0x7C00, 0x3E0, 0x1F))) return;
        for (byte* end = pixels + 4 * count; pixels < end; pixels += 4)
        {
            pixels[0] = (byte)((pixels[0] >> 3) * 255 / 31);
            pixels[1] = (byte)(six ? (pixels[1] >> 2) * 255 / 63 : (pixels[1] >> 3) * 255 / 31);
            pixels[2] = (byte)((pixels[2] >> 3) * 255 / 31);
        }
    }
}
