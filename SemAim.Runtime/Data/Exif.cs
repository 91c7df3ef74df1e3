using System.Buffers.Binary;

namespace SemAim.Runtime.Data;

/// <summary>The orientation tag (0x0112) of a JPEG, PNG or WebP file. Reads nothing outside the file, whatever its offsets say.</summary>
internal static class Exif
{
    /// <returns>1 (upright) to 8, as TIFF 6.0 numbers them; 1 where there is none or it makes no sense</returns>
    internal static int Orientation(ReadOnlySpan<byte> file) => ImageDecoder.Sniff(file) switch
    {
        ImageFormat.Jpeg => OfTiff(InJpeg(file)),
        ImageFormat.Png => OfTiff(InPng(file)),
        ImageFormat.WebP => OfTiff(InWebP(file)),
        _ => 1,
    };

    private static ReadOnlySpan<byte> InJpeg(ReadOnlySpan<byte> file)
    {
        for (var at = 2; at + 4 <= file.Length && file[at] == 0xFF && file[at + 1] != 0xDA;)
        {
            if (file[at + 1] == 0xFF) { at++; continue; }
            var length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            var content = file[Math.Min(at + 4, file.Length)..Math.Min(at + 2 + Math.Max(2, (int)length), file.Length)];
            if (file[at + 1] == 0xE1 && content.StartsWith("Exif\0\0"u8)) return content[6..];
            at += 2 + length;
        }
        return [];
    }

    private static ReadOnlySpan<byte> InPng(ReadOnlySpan<byte> file)
    {
        for (long at = 8; at + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[(int)at..]);
            var end = at + 8 + length;
            if (end > file.Length) break;
            if (file[((int)at + 4)..].StartsWith("eXIf"u8)) return file[((int)at + 8)..(int)end];
            at = end + 4;
        }
        return [];
    }

    private static ReadOnlySpan<byte> InWebP(ReadOnlySpan<byte> file)
    {
        for (long at = 12; at + 8 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(file[((int)at + 4)..]);
            var end = at + 8 + length;
            if (end > file.Length) break;
            if (file[(int)at..].StartsWith("EXIF"u8))
            {
                var content = file[((int)at + 8)..(int)end];
                return content.StartsWith("Exif\0\0"u8) ? content[6..] : content;
            }
            at = end + (length & 1);
        }
        return [];
    }

    private static int OfTiff(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8) return 1;
        var little = tiff.StartsWith("II"u8);
        if (!little && !tiff.StartsWith("MM"u8)) return 1;
        var at = (long)(little ? BinaryPrimitives.ReadUInt32LittleEndian(tiff[4..]) : BinaryPrimitives.ReadUInt32BigEndian(tiff[4..]));
        if (at + 2 > tiff.Length) return 1;
        int Short(ReadOnlySpan<byte> span, long offset) => little ? BinaryPrimitives.ReadUInt16LittleEndian(span[(int)offset..]) : BinaryPrimitives.ReadUInt16BigEndian(span[(int)offset..]);
        var count = Short(tiff, at);
        for (var i = 0; i < count && at + 2 + 12L * (i + 1) <= tiff.Length; i++)
        {
            var entry = at + 2 + 12L * i;
            if (Short(tiff, entry) != 0x0112) continue;
            var value = Short(tiff, entry + 8);
            return value is >= 1 and <= 8 ? value : 1;
        }
        return 1;
    }
}
