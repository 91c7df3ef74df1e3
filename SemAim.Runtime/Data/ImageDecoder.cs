using System.Runtime.InteropServices;
using SemAim.Runtime.Native;
using SkiaSharp;

namespace SemAim.Runtime.Data;

internal enum ImageFormat { Unknown, Jpeg, Png, Gif, Bmp, WebP, Pnm, Tiff }

/// <summary>Gets the image size before decoding and says which part is needed: here the random crop is drawn.</summary>
internal interface ICropPlanner
{
    Box Plan(int width, int height);
}

/// <summary>RGBX pixels of a part of an image; valid until the decoder is used again.</summary>
internal readonly unsafe struct DecodedImage(byte* pixels, Box area, int width, int height)
{
    public readonly byte* Pixels = pixels;

    /// <summary>Which part of the image the rows hold.</summary>
    public readonly Box Area = area;

    public readonly int Width = width, Height = height;

    public int Stride => Area.Width * 4;
}

/// <summary>How pictures are read.</summary>
/// <param name="MaxPixels">2^30 / 4 / 3: from here on Pillow warns of a decompression bomb (it refuses twice as many). A picture of this size takes 341 MiB here</param>
/// <param name="AllowRegions">decode only what a crop needs where the library can; the result is the same without</param>
/// <param name="HonourOrientation">turn the picture as its EXIF tag says. Pillow's convert and the original ignore the tag</param>
/// <param name="SkiaOnly">do without libjpeg-turbo where it is installed: the same pixels for undamaged files, at half the speed</param>
internal sealed record DecodeOptions(long MaxPixels = 89_478_485, bool AllowRegions = true, bool HonourOrientation = false, bool SkiaOnly = false)
{
    internal static DecodeOptions Default { get; } = new();
}

/// <summary>
/// Decodes like Pillow's convert("RGB"): by content, not by name; alpha, colour profile, gamma and EXIF orientation ignored.
/// One instance per worker thread.
/// </summary>
internal sealed unsafe class ImageDecoder(DecodeOptions? options = null) : IDisposable
{
    private readonly DecodeOptions _options = options ?? DecodeOptions.Default;
    private readonly TurboJpeg? _turbo = TurboJpeg.IsAvailable && options?.SkiaOnly != true ? new TurboJpeg() : null;
    private byte* _buffer, _turned;
    private nuint _size, _turnedSize;

    public static ImageFormat Sniff(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])) return ImageFormat.Jpeg;
        if (file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10])) return ImageFormat.Png;
        if (file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8)) return ImageFormat.Gif;
        if (file.StartsWith("BM"u8)) return ImageFormat.Bmp;
        if (file.Length >= 12 && file.StartsWith("RIFF"u8) && file[8..].StartsWith("WEBP"u8)) return ImageFormat.WebP;
        if (file.StartsWith("P5"u8) || file.StartsWith("P6"u8)) return ImageFormat.Pnm;
        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8)) return ImageFormat.Tiff;
        return ImageFormat.Unknown;
    }

    public DecodedImage Decode(ReadOnlySpan<byte> file, ICropPlanner? planner = null)
    {
        int orientation = _options.HonourOrientation ? Exif.Orientation(file) : 1;
        if (orientation == 1) return DecodeAsStored(file, planner);
        var turned = Turn(DecodeAsStored(file, null), orientation);
        planner?.Plan(turned.Width, turned.Height);
        return turned;
    }

    // Orientation 2 mirrors, 3 is upside down, 4 both; 5 to 8 are these with rows and columns exchanged.
    private DecodedImage Turn(in DecodedImage image, int orientation)
    {
        bool exchange = orientation >= 5, right = orientation is 2 or 3 or 7 or 8, down = orientation is 3 or 4 or 6 or 7;
        int width = exchange ? image.Height : image.Width, height = exchange ? image.Width : image.Height;
        Reserve(ref _turned, ref _turnedSize, width, height);
        uint* from = (uint*)image.Pixels, to = (uint*)_turned;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int sx = exchange ? y : x, sy = exchange ? x : y;
                if (right) sx = image.Width - 1 - sx;
                if (down) sy = image.Height - 1 - sy;
                to[(long)y * width + x] = from[(long)sy * image.Width + sx];
            }
        }
        return new(_turned, new Box(0, 0, width, height), width, height);
    }

    private DecodedImage DecodeAsStored(ReadOnlySpan<byte> file, ICropPlanner? planner)
    {
        switch (Sniff(file))
        {
            case ImageFormat.Jpeg when _turbo != null && _turbo.TryReadHeader(file, out var header):
                CheckSize(header.Width, header.Height);
                // Huffman coding spends at least a bit on each block of 64 samples: fewer bytes are a truncated file, and need no memory to find out.
                if (!TurboJpeg.IsArithmetic(file) && (long)header.Width * header.Height / 512 > file.Length) throw new ImageDecodeException($"truncated JPEG: {file.Length} bytes for {header.Width}x{header.Height} pixels");
                return DecodeJpeg(file, header, planner);
            case ImageFormat.Pnm:
                return DecodePnm(file, planner);
            case ImageFormat.Unknown:
                throw new ImageDecodeException("not an image file");
            case ImageFormat.Tiff:
                throw new ImageDecodeException("TIFF is not supported; convert the file");
            default:
                return DecodeSkia(file, planner);
        }
    }

    private DecodedImage DecodeJpeg(ReadOnlySpan<byte> file, JpegHeader header, ICropPlanner? planner)
    {
        int width = header.Width, height = header.Height;
        var box = planner?.Plan(width, height) ?? new Box(0, 0, width, height);
        Reserve(ref _buffer, ref _size, width, height);
        if (_options.AllowRegions && (long)box.Width * box.Height < (long)width * height && TurboJpeg.HasEndMarker(file)
            && _turbo!.TryDecodeRegion(file, header, box, _buffer, out var area))
            return new DecodedImage(_buffer, area, width, height);
        _turbo!.Decode(file, header, _buffer);
        return Whole(width, height);
    }

    private DecodedImage DecodeSkia(ReadOnlySpan<byte> file, ICropPlanner? planner)
    {
        // Skia decodes some damaged JPEGs without an end.
        if (Sniff(file) == ImageFormat.Jpeg && !TurboJpeg.HasEndMarker(file)) throw new ImageDecodeException("truncated JPEG");
        fixed (byte* p = file)
        {
            using var data = SKData.Create((nint)p, file.Length);
            using var codec = SKCodec.Create(data) ?? throw new ImageDecodeException("unreadable image header");
            int width = codec.Info.Width, height = codec.Info.Height;
            CheckSize(width, height);
            planner?.Plan(width, height);
            Reserve(ref _buffer, ref _size, width, height);
            // Unpremul, so that the colour under a transparent pixel survives: Pillow drops alpha without multiplying.
            var alpha = codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul;
            var result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, alpha), (nint)_buffer, width * 4, SKCodecOptions.Default);
            if (result != SKCodecResult.Success) throw new ImageDecodeException($"{codec.EncodedFormat}: {result}");
            return Whole(width, height);
        }
    }

    // Binary PGM and PPM with 8 bits; Skia has no codec for them.
    private DecodedImage DecodePnm(ReadOnlySpan<byte> file, ICropPlanner? planner)
    {
        int at = 2;
        int width = NextNumber(file, ref at), height = NextNumber(file, ref at), max = NextNumber(file, ref at);
        at++; // one white-space character after the header
        if (max != 255) throw new ImageDecodeException($"PNM with maximum {max} is not supported");
        CheckSize(width, height);
        int channels = file[1] == (byte)'6' ? 3 : 1;
        if (file.Length - at < (long)width * height * channels) throw new ImageDecodeException("truncated PNM");
        planner?.Plan(width, height);
        Reserve(ref _buffer, ref _size, width, height);
        byte* d = _buffer;
        for (long i = 0, n = (long)width * height; i < n; i++, d += 4, at += channels)
        {
            d[0] = file[at];
            d[1] = file[at + (channels == 3 ? 1 : 0)];
            d[2] = file[at + (channels == 3 ? 2 : 0)];
            d[3] = 255;
        }
        return Whole(width, height);
    }

    private static int NextNumber(ReadOnlySpan<byte> file, ref int at)
    {
        while (at < file.Length && (file[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)'#'))
        {
            if (file[at] == (byte)'#') while (at < file.Length && file[at] != (byte)'\n') at++;
            else at++;
        }
        long value = 0;
        int start = at;
        while (at < file.Length && file[at] is >= (byte)'0' and <= (byte)'9' && value < int.MaxValue / 10) value = value * 10 + file[at++] - '0';
        if (at == start) throw new ImageDecodeException("bad PNM header");
        return (int)value;
    }

    private DecodedImage Whole(int width, int height) => new(_buffer, new Box(0, 0, width, height), width, height);

    private void CheckSize(int width, int height)
    {
        if (width <= 0 || height <= 0) throw new ImageDecodeException($"empty image {width}x{height}");
        if ((long)width * height > _options.MaxPixels) throw new ImageDecodeException($"image of {width}x{height} exceeds the limit of {_options.MaxPixels} pixels");
    }

    private static void Reserve(ref byte* buffer, ref nuint size, int width, int height)
    {
        nuint need = (nuint)width * (nuint)height * 4 + 64; // the resampler reads up to 4 bytes past the last pixel
        bool wasteful = size > 64 << 20 && need < size / 4; // do not keep the memory of one huge image
        if (need <= size && !wasteful) return;
        NativeMemory.AlignedFree(buffer);
        size = 0;
        buffer = null;
        nuint room = need > 16 << 20 ? need : need + need / 4;   // the next picture is often a little larger
        buffer = (byte*)NativeMemory.AlignedAlloc(room, 64);
        size = room;
    }

    public void Dispose()
    {
        _turbo?.Dispose();
        NativeMemory.AlignedFree(_buffer);
        NativeMemory.AlignedFree(_turned);
        _buffer = _turned = null;
        _size = _turnedSize = 0;
    }
}
