using System.Formats.Tar;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;

namespace SemAim.Runtime.Tests.Data;

/// <summary>A seeded corpus of damaged pictures and shards: each is decoded or refused with a message, nothing crashes, hangs or takes much memory, and a good file after it decodes right.</summary>
public sealed unsafe class HostilePictureTests
{
    private const int Mutants = 20;          // of each file

    [Fact]
    public void Hundreds_of_damaged_pictures_are_each_judged()
    {
        var rng = new Random(20240607);
        var files = HostilePictures.Whole();
        var good = File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "img0.jpg"));
        var (decoded, refused) = (0, 0);
        using var fresh = new ImageDecoder();
        var expected = Pixels(fresh.Decode(good));
        using ImageDecoder decoder = new(), skia = new(new DecodeOptions(SkiaOnly: true)), honouring = new(new DecodeOptions(HonourOrientation: true));
        foreach (var file in files)
            for (var i = 0; i < Mutants; i++)
            {
                var mutant = HostilePictures.Mutated(file, rng);
                foreach (var d in new[] { decoder, skia, honouring })
                {
                    try
                    {
                        var image = d.Decode(mutant);
                        Assert.True(image.Width > 0 && image.Height > 0 && (long)image.Width * image.Height <= 89_478_485);
                        decoded++;
                    }
                    catch (ImageDecodeException e)
                    {
                        Assert.NotEmpty(e.Message);
                        refused++;
                    }
                }
                if (i == 0) Assert.True(expected.AsSpan().SequenceEqual(Pixels(decoder.Decode(good))), "a good picture after a damaged one");
            }

        Assert.True(decoded > 300 && decoded + refused >= 3 * 500, $"{decoded} decoded, {refused} refused");
    }

    private static byte[] Pixels(in DecodedImage image) => new ReadOnlySpan<byte>(image.Pixels, image.Width * image.Height * 4).ToArray();

    [Fact]
    public void Sizes_in_a_header_cost_nothing_until_the_file_can_hold_them()
    {
        var jpeg = File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "img0.jpg"));
        var frame = jpeg.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]);
        (jpeg[frame + 5], jpeg[frame + 6], jpeg[frame + 7], jpeg[frame + 8]) = (0x24, 0, 0x24, 0);           // 9216 x 9216: below the limit of pixels
        using var decoder = new ImageDecoder();

        var refusal = Assert.Throws<ImageDecodeException>(() => decoder.Decode(jpeg));

        Assert.Contains("truncated JPEG", refusal.Message);
        using var small = new ImageDecoder(new DecodeOptions(MaxPixels: 1000));
        Assert.Contains("exceeds the limit of 1000 pixels", Assert.Throws<ImageDecodeException>(() => small.Decode(File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "img3.png")))).Message);
    }

    [Fact]
    public void Three_hundred_damaged_shards_are_each_judged()
    {
        var folder = Directory.CreateTempSubdirectory("semaim-tar-").FullName;
        try
        {
            var (rng, path) = (new Random(7), Path.Combine(folder, "train.tar"));
            var wholes = new[] { TarEntryFormat.Ustar, TarEntryFormat.Pax, TarEntryFormat.Gnu }.Select(Shard).ToList();
            var (read, refused) = (0, 0);
            for (var i = 0; i < 300; i++)
            {
                var mutant = HostilePictures.Mutated(wholes[i % 3], rng);
                // every second one gets its first checksum right again, so that the fields behind it are looked at
                if (i % 2 == 0 && mutant.Length >= 512) Resum(mutant);
                File.WriteAllBytes(path, mutant);
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    using var source = SampleSources.Open(folder, "train", out _);
                    byte[] buffer = [];
                    for (var k = 0; k < source.Count; k++)
                        try { source.Read(k, ref buffer); }
                        catch (IOException) { }
                    read++;
                }
                catch (RefusedException e)
                {
                    Assert.DoesNotContain('\n', e.Message);
                    refused++;
                }
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
            }

            Assert.Equal(300, read + refused);
            Assert.True(refused > 100 && read > 20, $"{read} read, {refused} refused");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Shard(TarEntryFormat format)
    {
        using var memory = new MemoryStream();
        using (var writer = new TarWriter(memory, format, leaveOpen: true))
            for (var i = 0; i < 4; i++)
            {
                var name = format == TarEntryFormat.Ustar ? $"{i:D6}" : new string('n', 120) + i;
                foreach (var (extension, content) in new[] { (".jpg", new byte[700]), (".cls", "3"u8.ToArray()) })
                {
                    TarEntry entry = format switch { TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, name + extension), TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name + extension), _ => new GnuTarEntry(TarEntryType.RegularFile, name + extension) };
                    entry.DataStream = new MemoryStream(content);
                    writer.WriteEntry(entry);
                }
            }
        return memory.ToArray();
    }

    private static void Resum(byte[] tar)
    {
        tar.AsSpan(148, 8).Fill((byte)' ');
        var sum = tar.Take(512).Sum(b => b);
        System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(tar.AsSpan(148));
    }
}
