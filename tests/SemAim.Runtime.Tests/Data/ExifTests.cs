using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>The orientation tag: ignored as in the original, honoured on request, and harmless where it is damaged.</summary>
public sealed unsafe class ExifTests
{
    private static readonly byte[] Tagged = File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "exif6.jpg"));

    // what each value means, as Pillow's exif_transpose does it: mirror, then quarter turns counter-clockwise
    private static readonly (bool Mirror, int Turns)[] Meaning = [(false, 0), (true, 0), (false, 2), (true, 2), (true, 1), (false, 3), (true, 3), (false, 1)];

    [Fact]
    public void Honoured_the_picture_is_turned_as_the_tag_says_and_ignored_it_stays()
    {
        Assert.Equal(6, Exif.Orientation(Tagged));
        var stored = Picture(Tagged, false);
        for (var value = 1; value <= 8; value++)
        {
            var file = With(value);
            var expected = Meaning[value - 1].Mirror ? Mirrored(stored) : stored;
            for (var turn = 0; turn < Meaning[value - 1].Turns; turn++) expected = Turned(expected);

            Assert.Equal(value, Exif.Orientation(file));
            Assert.True(Same(stored, Picture(file, false)), $"{value}, ignored");
            Assert.True(Same(expected, Picture(file, true)), $"{value}, honoured");
        }
    }

    [Fact]
    public void A_crop_of_a_turned_picture_lies_inside_it()
    {
        using var pipeline = new TrainingPipeline(TrainingOptions.Pretraining(1, 32) with { Decode = new DecodeOptions(HonourOrientation: true) });
        using var upright = new TrainingPipeline(TrainingOptions.Pretraining(1, 32));
        byte[] turned = new byte[3 * 32 * 32], plain = new byte[3 * 32 * 32];
        var info = new RowInfo();
        fixed (byte* p = turned, q = plain)
        {
            pipeline.Run(Tagged, new SampleKey(0, 5), p, ref info);
            upright.Run(Tagged, new SampleKey(0, 5), q, ref info);
        }

        Assert.NotEqual(plain, turned);
    }

    [Fact]
    public void Damaged_tags_are_read_inside_the_file_only()
    {
        var rng = new Random(5);
        var tag = Tagged.AsSpan().IndexOf("Exif\0\0"u8);
        for (var i = 0; i < 2000; i++)
        {
            var file = (byte[])Tagged.Clone();
            for (var k = 0; k < 3; k++) file[2 + rng.Next(tag + 40)] = (byte)rng.Next(256);
            Assert.InRange(Exif.Orientation(file.AsSpan(0, rng.Next(4, file.Length))), 1, 8);
        }
    }

    // the value lies in the entry with the tag 0x0112
    private static byte[] With(int value)
    {
        var file = (byte[])Tagged.Clone();
        var tiff = file.AsSpan().IndexOf("Exif\0\0"u8) + 6;
        var little = file[tiff] == (byte)'I';
        var entry = file.AsSpan(tiff).IndexOf(little ? [0x12, 0x01, 3, 0] : (ReadOnlySpan<byte>)[0x01, 0x12, 0, 3]) + tiff;
        (file[entry + 8], file[entry + 9]) = little ? ((byte)value, (byte)0) : ((byte)0, (byte)value);
        return file;
    }

    private static uint[,] Picture(byte[] file, bool honour)
    {
        using var decoder = new ImageDecoder(new DecodeOptions(HonourOrientation: honour));
        var image = decoder.Decode(file);
        var pixels = new uint[image.Height, image.Width];
        for (var y = 0; y < image.Height; y++)
            for (var x = 0; x < image.Width; x++) pixels[y, x] = ((uint*)image.Pixels)[y * image.Width + x] & 0xFFFFFF;
        return pixels;
    }

    private static uint[,] Mirrored(uint[,] p)
    {
        var result = new uint[p.GetLength(0), p.GetLength(1)];
        for (var y = 0; y < p.GetLength(0); y++)
            for (var x = 0; x < p.GetLength(1); x++) result[y, p.GetLength(1) - 1 - x] = p[y, x];
        return result;
    }

    private static uint[,] Turned(uint[,] p)
    {
        var result = new uint[p.GetLength(1), p.GetLength(0)];
        for (var y = 0; y < p.GetLength(0); y++)
            for (var x = 0; x < p.GetLength(1); x++) result[p.GetLength(1) - 1 - x, y] = p[y, x];
        return result;
    }

    private static bool Same(uint[,] a, uint[,] b) => a.GetLength(0) == b.GetLength(0) && a.Cast<uint>().SequenceEqual(b.Cast<uint>());
}
