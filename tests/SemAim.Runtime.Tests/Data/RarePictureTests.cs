using System.Buffers.Binary;
using System.Text;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;

namespace SemAim.Runtime.Tests.Data;

/// <summary>Kinds of pictures that are rare and that libraries read differently: the pixels of Pillow 9.4's convert("RGB"), recorded or by its formula.</summary>
public sealed unsafe class RarePictureTests
{
    [Theory]
    // 3 x 2 of the colours 0a141e 28323c 46505a fa8004; index 2 is transparent; of a canvas of 4 x 3
    [InlineData("R0lGODlhAwACAIEAAAoUHigyPEZQWvqABCH5BAEAAAIALAAAAAADAAIAAAgJAAEEEDBAQICAADs=", 3, "0a141e28323c46505afa800446505a28323c")]
    [InlineData("R0lGODdhBAADAIEAAAoUHigyPEZQWvqABCwAAAAAAwACAAAICQABBBAwQECAgAA7", 4, "0a141e28323c46505a0a141efa800446505a28323c0a141e0a141e0a141e0a141e0a141e")]
    [InlineData("R0lGODlhBAADAIEAAAoUHigyPEZQWvqABCH5BAEAAAIALAAAAAADAAIAAAgJAAEEEDBAQICAADs=", 4, "0a141e28323c46505a46505afa800446505a28323c46505a46505a46505a46505a46505a")]
    public void Transparent_pixels_of_a_GIF_have_their_palettes_colour(string file, int width, string pixels)
        => Assert.Equal((width, pixels), Decode(Convert.FromBase64String(file)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Channels_of_five_and_six_bits_are_spread_as_by_Pillow(bool six)
    {
        var bmp = new byte[66 + 64 * 2 * 2];
        "BM"u8.CopyTo(bmp);
        void Int(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(at), value);
        foreach (var (at, value) in new[] { (2, bmp.Length), (10, 66), (14, 40), (18, 64), (22, 2), (26, 1 | 16 << 16), (30, 3), (34, 256), (54, six ? 0xF800 : 0x7C00), (58, six ? 0x7E0 : 0x3E0), (62, 0x1F) }) Int(at, value);
        var expected = new StringBuilder();
        for (var y = 0; y < 2; y++)
            for (var x = 0; x < 64; x++)
            {
                int red = (x + 7 * y) & 31, green = (x * 3 + y) & (six ? 63 : 31), blue = (31 - x) & 31;
                BinaryPrimitives.WriteUInt16LittleEndian(bmp.AsSpan(66 + 128 * (1 - y) + 2 * x), (ushort)(red << (six ? 11 : 10) | green << 5 | blue));
                expected.Append($"{red * 255 / 31:x2}{green * 255 / (six ? 63 : 31):x2}{blue * 255 / 31:x2}");
            }

        Assert.Equal((64, expected.ToString()), Decode(bmp));
    }

    [Fact]
    public void A_PNM_of_fewer_greys_is_spread_and_its_other_kinds_are_refused_by_name()
    {
        // 33 / 100 · 255 = 84.15, 50 / 100 · 255 = 127.5: halves go to the even number; more than the maximum is white
        Assert.Equal((2, "00548080ffff"), Decode([.. "P6 2 1 100\n"u8, 0, 33, 50, 50, 100, 200]));
        foreach (var (file, reason) in new[] { ("P4\n1 1\n0", "P4"), ("P3\n1 1\n255\n1 2 3\n", "P3"), ("P5\n1 1\n65535\n00", "maximum 65535"), ("P5\n1 1\n0\n0", "maximum 0") })
            Assert.Contains(reason, Assert.Throws<ImageDecodeException>(() => Decode(Encoding.ASCII.GetBytes(file))).Message);
    }

    private static (int Width, string Pixels) Decode(byte[] file)
    {
        using var decoder = new ImageDecoder();
        var image = decoder.Decode(file);
        var text = new StringBuilder();
        for (var i = 0; i < image.Width * image.Height; i++) text.Append(Convert.ToHexStringLower(new ReadOnlySpan<byte>(image.Pixels + 4 * i, 3)));
        return (image.Width, text.ToString());
    }
}
