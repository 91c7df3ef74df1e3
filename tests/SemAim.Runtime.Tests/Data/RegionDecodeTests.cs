using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;

namespace SemAim.Runtime.Tests.Data;

/// <summary>
/// Which region is asked of a libjpeg-turbo 3.x, and what is done with its answers: against entry points that answer as 3.x is documented to, from the pixels of whatever version is installed.
/// </summary>
public sealed unsafe class RegionDecodeTests
{
    private static readonly byte[] File = System.IO.File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "img0.jpg"));

    // one thread at a time: xunit runs the tests of a class one after the other
    private static TurboJpeg? s_whole;
    private static JpegHeader s_header;
    private static TurboJpeg.Region s_region;
    private static int s_refuse;
    private static bool s_isHeaderRead;
    private static readonly byte* Error = (byte*)Marshal.StringToHGlobalAnsi("Corrupt JPEG data: bad Huffman code");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Init(int type) => type == 1 ? TurboJpeg.Library.InitDecompress() : 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Header(nint handle, byte* jpeg, nuint size)
    {
        (s_region, s_isHeaderRead) = (default, true);
        return s_whole!.TryReadHeader(new ReadOnlySpan<byte>(jpeg, (int)size), out s_header) ? 0 : -1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Get(nint handle, int parameter) => parameter switch { 4 => s_header.Subsampling, 5 => s_header.Width, 6 => s_header.Height, _ => 1 };

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Set(nint handle, int parameter, int value) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Crop(nint handle, TurboJpeg.Region region)
    {
        // as documented: x in whole MCUs, inside the picture, the header read before
        int mcu = s_header.Subsampling is 1 or 2 ? 16 : 8;
        if (!s_isHeaderRead || region.X % mcu != 0 || region.X < 0 || region.Y < 0 || region.X + region.Width > s_header.Width || region.Y + region.Height > s_header.Height) return -1;
        s_region = region;
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Decompress(nint handle, byte* jpeg, nuint size, byte* target, int pitch, int format)
    {
        if (s_refuse > 0)
        {
            s_refuse--;
            return -1;
        }
        var all = new byte[s_header.Width * s_header.Height * 4];
        fixed (byte* p = all) s_whole!.Decode(new ReadOnlySpan<byte>(jpeg, (int)size), s_header, p);
        var (x, y, w, h) = s_region.Width == 0 ? (0, 0, s_header.Width, s_header.Height) : (s_region.X, s_region.Y, s_region.Width, s_region.Height);
        for (var row = 0; row < h; row++) all.AsSpan(((y + row) * s_header.Width + x) * 4, w * 4).CopyTo(new Span<byte>(target + (long)row * pitch, w * 4));
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint ErrorText(nint handle) => (nint)Error;

    [Fact]
    public void The_region_holds_the_crop_and_an_MCU_on_either_side()
    {
        if (!TurboJpeg.IsAvailable) return;                              // the entry points are answered from its pixels
        using var whole = s_whole = new TurboJpeg();
        using var jpeg = new TurboJpeg(new TurboJpeg.Api(TurboJpeg.Library, &Init, &Header, &Get, &Set, &Crop, &Decompress, &ErrorText));
        Assert.True(jpeg.TryReadHeader(File, out var header));
        var (expected, target) = (new byte[header.Width * header.Height * 4], new byte[header.Width * header.Height * 4]);
        var rng = new Random(6);
        fixed (byte* e = expected, t = target)
        {
            whole.Decode(File, header, e);
            jpeg.Decode(File, header, t);
            Assert.Equal(expected, target);
            for (var i = 0; i < 60; i++)
            {
                int w = 1 + rng.Next(header.Width), h = 1 + rng.Next(header.Height);
                var box = new Box(rng.Next(header.Width - w + 1), rng.Next(header.Height - h + 1), w, h);

                Assert.True(jpeg.TryDecodeRegion(File, header, box, t, out var decoded));

                Assert.Equal((box.Y, box.Height), (decoded.Y, decoded.Height));
                Assert.True(decoded.X == 0 || decoded.X <= box.X - 16, $"{decoded} for {box}");
                Assert.True(decoded.X + decoded.Width == header.Width || decoded.X + decoded.Width >= box.X + box.Width + 16, $"{decoded} for {box}");
                for (var y = 0; y < decoded.Height; y++)
                    Assert.True(new ReadOnlySpan<byte>(t + (long)y * decoded.Width * 4, decoded.Width * 4).SequenceEqual(expected.AsSpan(((decoded.Y + y) * header.Width + decoded.X) * 4, decoded.Width * 4)));
            }
            // whatever is reported, a whole decode decides
            s_refuse = 1;
            Assert.False(jpeg.TryDecodeRegion(File, header, new Box(50, 40, 100, 100), t, out _));
            jpeg.Decode(File, header, t);
            Assert.Equal(expected, target);
            Assert.False(jpeg.TryDecodeRegion(File, header with { Subsampling = 5 }, new Box(50, 40, 100, 100), t, out _));
            Assert.False(jpeg.TryDecodeRows(File, header, 100, t, out _));
        }
        s_whole = null;
    }
}
