using System.Runtime.InteropServices;
using SemAim.Runtime.Data.Jpeg;
using SemAim.Runtime.Native;
using SkiaSharp;

namespace SemAim.Runtime.Data;

internal enum ImageFormat { Unknown, Jpeg, Png, Gif, Bmp, WebP, Pnm, Tiff }

/// <summary>Gets the image size before decoding and says which part is needed: here the random crop is drawn. Called once for a picture.</summary>
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
/// <param name="AllowRegions">decode only what a crop needs: its region where the library can, else no row below it; the pixels are the same without</param>
/// <param name="HonourOrientation">turn the picture as its EXIF tag says. Pillow's convert and the original ignore the tag</param>
/// <param name="SkiaOnly">do without libjpeg-turbo where it is installed: the same pixels for undamaged files, at half the speed</param>
/// <param name="LibraryOnly">do without the own decoder of ordinary JPEGs: the same pixels, slower</param>
internal sealed record DecodeOptions(long MaxPixels = DecodeOptions.DefaultMaxPixels, bool AllowRegions = true, bool HonourOrientation = false, bool SkiaOnly = false, bool LibraryOnly = false)
{
    internal const long DefaultMaxPixels = 89_478_485, DefaultMaxFileBytes = 256 << 20;

    internal static DecodeOptions Default { get; } = new();

    /// <summary>A larger file is refused before anything is read.</summary>
    internal long MaxFileBytes { get; init; } = DefaultMaxFileBytes;

    /// <summary>What differs from the original's reading, for comparisons of runs; empty where nothing does.</summary>
    internal string Difference
        => (HonourOrientation ? ", orientation honoured" : "") + (MaxPixels != DefaultMaxPixels ? $", at most {MaxPixels} pixels" : "") + (MaxFileBytes != DefaultMaxFileBytes ? $", files of at most {MaxFileBytes} bytes" : "");
}

/// <summary>
/// Decodes like Pillow's convert("RGB"): by content, not by name; alpha, colour profile, gamma and EXIF orientation ignored.
/// One instance per worker thread.
/// </summary>
internal sealed unsafe class ImageDecoder(DecodeOptions? options = null) : IDisposable
{
    private readonly DecodeOptions _options = options ?? DecodeOptions.Default;
    private readonly TurboJpeg? _turbo = TurboJpeg.IsAvailable && options?.SkiaOnly != true ? new TurboJpeg() : null;
    private readonly BaselineJpeg? _baseline = BaselineJpeg.IsSupported && options is not ({ SkiaOnly: true } or { LibraryOnly: true }) ? new BaselineJpeg() : null;
    private byte* _buffer, _turned;
    private nuint _size, _turnedSize;

    /// <summary>What decodes here, in words.</summary>
    internal static string Description
        => (BaselineJpeg.IsSupported ? "ordinary JPEGs by itself, others by " : "") + (TurboJpeg.IsAvailable ? "libjpeg-turbo" : "SkiaSharp");

    public static ImageFormat Sniff(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])) return ImageFormat.Jpeg;
        if (file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10])) return ImageFormat.Png;
        if (file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8)) return ImageFormat.Gif;
        if (file.StartsWith("BM"u8)) return ImageFormat.Bmp;
        if (file.Length >= 12 && file.StartsWith("RIFF"u8) && file[8..].StartsWith("WEBP"u8)) return ImageFormat.WebP;
        if (file.Length > 2 && file[0] == (byte)'P' && file[1] is >= (byte)'1' and <= (byte)'6' && file[2] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)'#') return ImageFormat.Pnm;
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
            case ImageFormat.Jpeg when _baseline != null && _baseline.TryReadHeader(file, out int width, out int height):
                CheckSize(width, height);
                CheckLength(file, width, height);
                var box = planner?.Plan(width, height) ?? new Box(0, 0, width, height);
                if (!_options.AllowRegions) box = new Box(0, 0, width, height);
                Reserve(ref _buffer, ref _size, width, height);
                if ((box.Y + box.Height == height || ScanMarkers.AreInOrder(file)) && _baseline.TryDecode(file, box, _buffer, out var part)) return new DecodedImage(_buffer, part, width, height);
                // out of the ordinary after all: a library judges it
                return _turbo != null && _turbo.TryReadHeader(file, out var same) ? DecodeJpeg(file, same, box) : DecodeSkia(file, null);
            case ImageFormat.Jpeg when _turbo != null && _turbo.TryReadHeader(file, out var header):
                CheckSize(header.Width, header.Height);
                if (!TurboJpeg.IsArithmetic(file)) CheckLength(file, header.Width, header.Height);
                return DecodeJpeg(file, header, planner?.Plan(header.Width, header.Height) ?? new Box(0, 0, header.Width, header.Height));
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

    // Huffman coding spends at least a bit on each block of 64 samples: fewer bytes are a truncated file, and need no memory to find out.
    private static void CheckLength(ReadOnlySpan<byte> file, int width, int height)
    {
        if ((long)width * height / 512 > file.Length) throw new ImageDecodeException($"truncated JPEG: {file.Length} bytes for {width}x{height} pixels");
    }

    private DecodedImage DecodeJpeg(ReadOnlySpan<byte> file, JpegHeader header, Box box)
    {
        int width = header.Width, height = header.Height;
        Reserve(ref _buffer, ref _size, width, height);
        if (_options.AllowRegions && (long)box.Width * box.Height < (long)width * height && ScanMarkers.AreInOrder(file))
        {
            if (_turbo!.TryDecodeRegion(file, header, box, _buffer, out var area)) return new DecodedImage(_buffer, area, width, height);
            if (_turbo.TryDecodeRows(file, header, box.Y + box.Height - 1, _buffer, out int rows)) return new DecodedImage(_buffer, new Box(0, 0, width, rows), width, height);
        }
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
            if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg && !TurboJpeg.IsArithmetic(file)) CheckLength(file, width, height);
            planner?.Plan(width, height);
            Reserve(ref _buffer, ref _size, width, height);
            // Unpremul, so that the colour under a transparent pixel survives: Pillow drops alpha without multiplying.
            var alpha = codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul;
            var result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, alpha), (nint)_buffer, width * 4, SKCodecOptions.Default);
            if (result != SKCodecResult.Success) throw new ImageDecodeException($"{codec.EncodedFormat}: {result}");
            if (codec.EncodedFormat == SKEncodedImageFormat.Gif && alpha != SKAlphaType.Opaque) SkiaPixels.FillTransparent(file, _buffer, (long)width * height);
            if (codec.EncodedFormat == SKEncodedImageFormat.Bmp) SkiaPixels.Widen(file, _buffer, (long)width * height);
            return Whole(width, height);
        }
    }

    // Binary PGM and PPM with up to 8 bits; Skia has no codec for them.
    private DecodedImage DecodePnm(ReadOnlySpan<byte> file, ICropPlanner? planner)
    {
        if (file[1] < (byte)'5') throw new ImageDecodeException($"PNM of the kind P{(char)file[1]} is not supported; P5 and P6 are");
        int at = 2;
        int width = NextNumber(file, ref at), height = NextNumber(file, ref at), max = NextNumber(file, ref at);
        at++; // one white-space character after the header
        if (max is < 1 or > 255) throw new ImageDecodeException($"PNM with maximum {max} is not supported");
        CheckSize(width, height);
        int channels = file[1] == (byte)'6' ? 3 : 1;
        if (file.Length - at < (long)width * height * channels) throw new ImageDecodeException("truncated PNM");
        planner?.Plan(width, height);
        Reserve(ref _buffer, ref _size, width, height);
        Span<byte> values = stackalloc byte[256];
        for (int i = 0; i < 256; i++) values[i] = (byte)Math.Min(255, Math.Round(i / (double)max * 255));
        byte* d = _buffer;
        for (long i = 0, n = (long)width * height; i < n; i++, d += 4, at += channels)
        {
            d[0] = values[file[at]];
            d[1] = values[file[at + (channels == 3 ? 1 : 0)]];
            d[2] = values[file[at + (channels == 3 ? 2 : 0)]];
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
        nuint need = (nuint)width * (nuint)height * 4 + 64; // the resampler reads up to 16 bytes past the last pixel
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
        _baseline?.Dispose();
        NativeMemory.AlignedFree(_buffer);
        NativeMemory.AlignedFree(_turned);
        _buffer = _turned = null;
        _size = _turnedSize = 0;
    }
}
