using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace SemAim.App.Figures;

/// <summary>Writes animated PNG (PNG, third edition, section 11.3.6): 8-bit RGBA, repeated for ever; pixels that stay are transparent in the next frame, which is laid over the one before. A viewer that knows no animation shows the first frame.</summary>
internal sealed class AnimatedPng : IDisposable
{
    private static readonly uint[] Crc = [.. Enumerable.Range(0, 256).Select(n => Enumerable.Range(0, 8).Aggregate((uint)n, (c, _) => (c & 1) != 0 ? 0xedb88320 ^ (c >> 1) : c >> 1))];
    private readonly Stream stream;
    private readonly int width, height, frames;
    private int written;
    private uint sequence;
    private byte[] previous = [];

    /// <param name="stream">stays open</param>
    /// <param name="width">of every frame, pixels</param>
    /// <param name="height">of every frame, pixels</param>
    /// <param name="frames">how many will be added</param>
    internal AnimatedPng(Stream stream, int width, int height, int frames)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 1);
        (this.stream, this.width, this.height, this.frames) = (stream, width, height, frames);
        stream.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        Chunk("IHDR", [.. Big((uint)width), .. Big((uint)height), 8, 6, 0, 0, 0]);
        Chunk("acTL", [.. Big((uint)frames), .. Big(0)]);
    }

    /// <summary>Adds a frame.</summary>
    /// <param name="rgb">height × width × 3</param>
    /// <param name="milliseconds">for which it is shown</param>
    internal void Add(ReadOnlySpan<byte> rgb, int milliseconds)
    {
        if (rgb.Length != width * height * 3) throw new ArgumentException($"a frame has {width * height * 3} bytes, not {rgb.Length}", nameof(rgb));
        if (written == frames) throw new InvalidOperationException($"{frames} frames were announced");
        Chunk("fcTL", [.. Big(sequence++), .. Big((uint)width), .. Big((uint)height), .. Big(0), .. Big(0), (byte)(milliseconds >> 8), (byte)milliseconds, 1000 >> 8, 1000 & 255, 0, (byte)(written == 0 ? 0 : 1)]);
        var data = Compressed(rgb);
        if (written++ == 0) Chunk("IDAT", data);
        else Chunk("fdAT", [.. Big(sequence++), .. data]);
        previous = rgb.ToArray();
    }

    /// <summary>Ends the file.</summary>
    public void Dispose()
    {
        if (written == frames) Chunk("IEND", []);
    }

    // every row as its difference from the one above (filter 2): flat areas become zeros
    private byte[] Compressed(ReadOnlySpan<byte> rgb)
    {
        var (stride, line, above) = (width * 4, new byte[width * 4], new byte[width * 4]);
        using var memory = new MemoryStream();
        using (var zlib = new ZLibStream(memory, CompressionLevel.Optimal, leaveOpen: true))
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    var pixel = rgb.Slice((y * width + x) * 3, 3);
                    var stays = written > 0 && pixel.SequenceEqual(previous.AsSpan((y * width + x) * 3, 3));
                    for (var c = 0; c < 4; c++) line[4 * x + c] = stays ? (byte)0 : c == 3 ? (byte)255 : pixel[c];
                }
                zlib.WriteByte(2);
                for (var x = 0; x < stride; x++) above[x] = (byte)(line[x] - above[x]);
                zlib.Write(above);
                line.CopyTo(above, 0);
            }
        return memory.ToArray();
    }

    private void Chunk(string type, ReadOnlySpan<byte> data)
    {
        stream.Write(Big((uint)data.Length));
        var name = Encoding.ASCII.GetBytes(type);
        stream.Write(name);
        stream.Write(data);
        var crc = 0xffffffff;
        foreach (var b in name) crc = Crc[(crc ^ b) & 255] ^ (crc >> 8);
        foreach (var b in data) crc = Crc[(crc ^ b) & 255] ^ (crc >> 8);
        stream.Write(Big(~crc));
    }

    private static byte[] Big(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
