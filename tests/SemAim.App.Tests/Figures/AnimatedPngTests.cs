using System.Buffers.Binary;
using System.Text;
using SemAim.App.Figures;
using SkiaSharp;

namespace SemAim.App.Tests.Figures;

public sealed class AnimatedPngTests
{
    [Fact]
    public void Every_frame_decodes_to_what_was_written()
    {
        var random = new Random(5);
        byte[][] frames = [.. Enumerable.Range(0, 4).Select(_ => { var rgb = new byte[7 * 5 * 3]; random.NextBytes(rgb); return rgb; })];
        frames[1].AsSpan(0, 30).CopyTo(frames[2]);                 // pixels that stay
        using var memory = new MemoryStream();
        using (var animation = new AnimatedPng(memory, 7, 5, frames.Length))
            foreach (var frame in frames) animation.Add(frame, 120);
        var decoded = Frames(memory.ToArray());
        Assert.Equal(frames.Length, decoded.Count);
        for (var i = 0; i < frames.Length; i++) Assert.Equal(frames[i], decoded[i]);
        using var still = SKBitmap.Decode(memory.ToArray());
        Assert.Equal(new SKColor(frames[0][0], frames[0][1], frames[0][2]), still.GetPixel(0, 0));
    }

    [Fact]
    public void A_frame_of_another_size_or_one_too_many_is_refused()
    {
        using var memory = new MemoryStream();
        using var animation = new AnimatedPng(memory, 2, 2, 1);
        Assert.Throws<ArgumentException>(() => animation.Add(new byte[11], 10));
        animation.Add(new byte[12], 10);
        Assert.Throws<InvalidOperationException>(() => animation.Add(new byte[12], 10));
    }

    /// <summary>The frames of an animated PNG, RGB: each is put into a plain PNG of its own, which Skia decodes and whose checksums it verifies.</summary>
    internal static List<byte[]> Frames(byte[] file)
    {
        var (frames, header, announced, order) = (new List<byte[]>(), Array.Empty<byte>(), -1, 0u);
        Assert.Equal([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], file[..8]);
        for (var at = 8; at < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));
            var (type, data) = (Encoding.ASCII.GetString(file, at + 4, 4), file[(at + 8)..(at + 8 + length)]);
            Assert.Equal(Checksum(file.AsSpan(at + 4, length + 4)), BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at + 8 + length)));
            if (type == "IHDR") header = file[at..(at + 12 + length)];
            if (type == "acTL") announced = (int)BinaryPrimitives.ReadUInt32BigEndian(data);
            if (type is "fcTL" or "fdAT") Assert.Equal(order++, BinaryPrimitives.ReadUInt32BigEndian(data));
            if (type is "IDAT" or "fdAT") frames.Add(Over(frames.Count == 0 ? [] : frames[^1], Decode(header, type == "IDAT" ? data : data[4..])));
            at += 12 + length;
        }
        Assert.Equal(announced, frames.Count);
        return frames;
    }

    private static SKColor[] Decode(byte[] header, byte[] data)
    {
        byte[] name = [.. "IDAT"u8, .. data];
        var (size, sum) = (new byte[4], new byte[4]);
        BinaryPrimitives.WriteUInt32BigEndian(size, (uint)data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(sum, Checksum(name));
        using var bitmap = SKBitmap.Decode([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, .. header, .. size, .. name, .. sum, 0, 0, 0, 0, .. "IEND"u8, 0xae, 0x42, 0x60, 0x82]);
        return bitmap.Pixels;
    }

    private static byte[] Over(byte[] below, SKColor[] frame)
        => [.. frame.SelectMany((p, i) => p.Alpha == 0 ? below[(3 * i)..(3 * i + 3)] : [p.Red, p.Green, p.Blue])];

    // bit by bit, as the PNG specification defines it
    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++) crc = (crc & 1) != 0 ? 0xedb88320 ^ (crc >> 1) : crc >> 1;
        }
        return ~crc;
    }
}
