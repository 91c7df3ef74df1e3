using SemAim.Runtime.Data;
using SemAim.Runtime.Native;
using SkiaSharp;

namespace SemAim.Runtime.Tests.Data;

/// <summary>Decoding only what a crop needs gives the pixels, and the refusals, of a whole decode.</summary>
public sealed unsafe class PartialDecodeTests
{
    private static readonly string Golden = Path.Combine(GoldenFolder.Repository, "tests", "golden");

    private static List<byte[]> Jpegs => [.. new[] { "transforms", "images" }.SelectMany(f => Directory.GetFiles(Path.Combine(Golden, f), "*", SearchOption.AllDirectories))
        .Order(StringComparer.Ordinal).Select(File.ReadAllBytes).Where(b => ImageDecoder.Sniff(b) == ImageFormat.Jpeg)];

    private sealed class Fixed(Random rng) : ICropPlanner
    {
        internal Box Box;

        public Box Plan(int width, int height)
        {
            int w = 1 + rng.Next(width), h = 1 + rng.Next(height);
            return Box = new Box(rng.Next(width - w + 1), rng.Next(height - h + 1), w, h);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_crop_decoded_alone_has_the_pixels_of_the_whole_picture(bool libraryOnly)
    {
        var rng = new Random(3);
        var crop = new Fixed(rng);
        var (partial, crops) = (0, 0);
        using ImageDecoder whole = new(new DecodeOptions(AllowRegions: false, LibraryOnly: true)), decoder = new(new DecodeOptions(LibraryOnly: libraryOnly));
        // Skia, which judges where libjpeg-turbo is missing, fills damaged parts in its own way: only whole files are the same to the bit there
        foreach (var file in TurboJpeg.IsAvailable ? Jpegs.Concat(Encoded()) : Encoded())
        {
            DecodedImage expected;
            try { expected = whole.Decode(file); }
            catch (ImageDecodeException) { continue; }
            for (var i = 0; i < 30; i++, crops++)
            {
                var image = decoder.Decode(file, crop);
                if (image.Area.Height < image.Height) partial++;
                Assert.True(Same(expected, image, crop.Box), $"{crop.Box} of {image.Width} x {image.Height}, decoded {image.Area}");
            }
        }

        Assert.True(crops > 300, $"{crops} crops");
        if (TurboJpeg.IsAvailable) Assert.True(partial > crops / 5, $"only {partial} of {crops} were decoded in part");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Damaged_pictures_have_the_pixels_of_a_whole_decode_and_hardly_any_refusal_is_missed(bool libraryOnly)
    {
        if (!TurboJpeg.IsAvailable && !libraryOnly) return;                     // as above, and what is damaged goes to Skia
        var rng = new Random(4);
        var crop = new Fixed(rng);
        var (both, missed, refused) = (0, 0, 0);
        using ImageDecoder whole = new(new DecodeOptions(AllowRegions: false, LibraryOnly: true)), decoder = new(new DecodeOptions(LibraryOnly: libraryOnly));
        var files = Jpegs.Where(f => f.Length < 60_000).ToList();
        for (var i = 0; i < 2000; i++)
        {
            var mutant = (byte[])files[i % files.Count].Clone();
            for (var n = 1 + rng.Next(3); n > 0; n--) mutant[rng.Next(i % 3 == 0 ? Math.Min(700, mutant.Length) : mutant.Length)] = (byte)rng.Next(256);
            var (expected, image) = (Try(whole, mutant, null), Try(decoder, mutant, crop));
            if (expected is { } e && image is { } p)
            {
                Assert.True(Same(e, p, crop.Box), $"mutant {i}, {crop.Box}");
                both++;
            }
            else if (expected is null && image is null) refused++;
            else
            {
                Assert.True(expected is null, $"mutant {i}: a part is refused where the whole is not");
                missed++;                                                       // the damage lies below the crop, and no marker shows it
            }
        }

        Assert.True(both > 1000 && refused > 20 && missed <= 0, $"{both} equal, {refused} refused, {missed} of them only as a whole");
    }

    [Fact]
    public void Whole_pictures_are_those_of_the_library_damaged_or_not()
    {
        if (!TurboJpeg.IsAvailable) return;
        var rng = new Random(8);
        using ImageDecoder library = new(new DecodeOptions(LibraryOnly: true)), own = new();
        var files = Jpegs.Concat(Encoded()).Where(f => f.Length < 60_000).ToList();
        var (equal, refused) = (0, 0);
        for (var i = 0; i < 2000; i++)
        {
            var mutant = (byte[])files[i % files.Count].Clone();
            if (i >= files.Count)
                for (var n = 1 + rng.Next(3); n > 0; n--) mutant[rng.Next(i % 3 == 0 ? Math.Min(700, mutant.Length) : mutant.Length)] = (byte)rng.Next(256);
            if (i % 7 == 6) mutant = mutant[..rng.Next(mutant.Length / 2, mutant.Length)];
            var (expected, image) = (Try(library, mutant, null), Try(own, mutant, null));
            Assert.True(expected is null == image is null, $"mutant {i}: the library {(expected is null ? "refuses" : "decodes")} it{(expected is null ? ": " + Assert.Throws<ImageDecodeException>(() => library.Decode(mutant)).Message : "")}");
            if (expected is not { } e || image is not { } p) { refused++; continue; }
            Assert.True((e.Width, e.Height) == (p.Width, p.Height) && Same(e, p, new Box(0, 0, e.Width, e.Height)), $"mutant {i}");
            equal++;
        }
        Assert.True(equal > 800 && refused > 100, $"{equal} equal, {refused} refused");
    }

    // odd sizes, both ways of sampling, from coarse to fine
    private static IEnumerable<byte[]> Encoded()
    {
        var rng = new Random(9);
        foreach (var (width, height) in new[] { (5, 3), (16, 16), (17, 33), (31, 64), (100, 75), (203, 151) })
            foreach (var quality in new[] { 5, 60, 90, 100 })
                foreach (var down in new[] { SKJpegEncoderDownsample.Downsample420, SKJpegEncoderDownsample.Downsample422, SKJpegEncoderDownsample.Downsample444 })
                {
                    using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
                    var pixels = bitmap.GetPixelSpan();
                    for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)Math.Clamp(128 + 90 * Math.Sin(i / 4 % width * 0.13 + i % 4 + i / 4 / width * 0.07) + rng.Next(quality) - quality / 2, 0, 255);
                    using var pixmap = bitmap.PeekPixels()!;
                    using var jpeg = pixmap.Encode(new SKJpegEncoderOptions(quality, down, SKJpegEncoderAlphaOption.Ignore));
                    yield return jpeg!.ToArray();
                }
    }

    private static DecodedImage? Try(ImageDecoder decoder, byte[] file, ICropPlanner? planner)
    {
        try { return decoder.Decode(file, planner); }
        catch (ImageDecodeException) { return null; }
    }

    private static bool Same(in DecodedImage whole, in DecodedImage part, Box box)
    {
        for (var y = box.Y; y < box.Y + box.Height; y++)
            for (var x = box.X; x < box.X + box.Width; x++)
                if (((uint*)whole.Pixels)[(long)y * whole.Width + x] != ((uint*)part.Pixels)[(long)(y - part.Area.Y) * part.Area.Width + x - part.Area.X]) return false;
        return true;
    }
}
