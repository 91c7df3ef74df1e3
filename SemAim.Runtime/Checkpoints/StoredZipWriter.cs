using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace SemAim.Runtime.Checkpoints;

/// <summary>
/// A zip file whose entries are stored, each beginning at a multiple of 64 bytes, as torch.save lays them out (so that a reader may map them);
/// .NET's own writer cannot place entries. Sizes and offsets beyond 4 GB use zip64.
/// </summary>
internal sealed class StoredZipWriter(FileStream stream) : IDisposable
{
    private const int Alignment = 64;
    private readonly List<(byte[] Name, uint Crc, long Length, long Offset)> entries = [];

    /// <summary>Adds an entry of a known length.</summary>
    internal void Add(string name, long length, Action<Stream> write)
    {
        var (text, offset, wide) = (Encoding.UTF8.GetBytes(name), stream.Position, length >= uint.MaxValue);
        var head = 30 + text.Length + (wide ? 20 : 0) + 4;                                  // 4: the header of the padding
        var padding = (int)((Alignment - (offset + head) % Alignment) % Alignment);
        var header = new byte[head + padding];
        var at = Local(header, text, 0, length, wide, padding + 4 + (wide ? 20 : 0));
        text.CopyTo(header, at);
        at += text.Length;
        if (wide) at = Sizes(header, at, length, null);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(at), 0x4246);                // "FB", as torch calls it
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(at + 2), (ushort)padding);
        header.AsSpan(at + 4).Fill((byte)'Z');
        stream.Write(header);
        var start = stream.Position;
        var hashed = new Hashed(stream);
        write(hashed);
        if (stream.Position - start != length) throw new InvalidOperationException($"{name}: {stream.Position - start} bytes were written where {length} were announced");
        var end = stream.Position;
        stream.Position = offset + 14;
        Span<byte> crc = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(crc, hashed.Crc);
        stream.Write(crc);
        stream.Position = end;
        entries.Add((text, hashed.Crc, length, offset));
    }

    private static int Local(byte[] header, byte[] name, uint crc, long length, bool wide, int extra)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x04034b50);
        Common(header.AsSpan(4), crc, length, wide, name.Length, extra);
        return 30;
    }

    // version, flags, method, time, date, crc, two sizes, two lengths: the same in both kinds of header; 1980-01-01, so that equal content gives equal bytes
    private static void Common(Span<byte> at, uint crc, long length, bool wide, int name, int extra)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)(wide ? 45 : 20));
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], 0x800);                           // names are UTF-8
        BinaryPrimitives.WriteUInt16LittleEndian(at[8..], 0x21);
        BinaryPrimitives.WriteUInt32LittleEndian(at[10..], crc);
        BinaryPrimitives.WriteUInt32LittleEndian(at[14..], wide ? uint.MaxValue : (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(at[18..], wide ? uint.MaxValue : (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(at[22..], (ushort)name);
        BinaryPrimitives.WriteUInt16LittleEndian(at[24..], (ushort)extra);
    }

    private static int Sizes(byte[] header, int at, long length, long? offset)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(at), 1);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(at + 2), (ushort)(offset is null ? 16 : 24));
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(at + 4), length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(at + 12), length);
        if (offset is not { } place) return at + 20;
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(at + 20), place);
        return at + 28;
    }

    /// <summary>Writes the directory; the stream stays the caller's.</summary>
    public void Dispose()
    {
        var start = stream.Position;
        foreach (var (name, crc, length, offset) in entries)
        {
            var wide = length >= uint.MaxValue || offset >= uint.MaxValue;
            var header = new byte[46 + name.Length + (wide ? 28 : 0)];
            BinaryPrimitives.WriteUInt32LittleEndian(header, 0x02014b50);
            BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), (ushort)(wide ? 45 : 20));
            Common(header.AsSpan(6), crc, length, wide, name.Length, wide ? 28 : 0);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(42), wide ? uint.MaxValue : (uint)offset);
            name.CopyTo(header, 46);
            if (wide) Sizes(header, 46 + name.Length, length, offset);
            stream.Write(header);
        }
        var (size, count) = (stream.Position - start, entries.Count);
        if (start + size >= uint.MaxValue || count >= ushort.MaxValue)
        {
            var end64 = new byte[56 + 20];
            BinaryPrimitives.WriteUInt32LittleEndian(end64, 0x06064b50);
            BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(4), 44);
            BinaryPrimitives.WriteUInt16LittleEndian(end64.AsSpan(12), 45);
            BinaryPrimitives.WriteUInt16LittleEndian(end64.AsSpan(14), 45);
            BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(24), count);
            BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(32), count);
            BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(40), size);
            BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(48), start);
            BinaryPrimitives.WriteUInt32LittleEndian(end64.AsSpan(56), 0x07064b50);
            BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(64), start + size);
            BinaryPrimitives.WriteUInt32LittleEndian(end64.AsSpan(72), 1);
            stream.Write(end64);
        }
        var end = new byte[22];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054b50);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), (ushort)Math.Min(count, ushort.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), (ushort)Math.Min(count, ushort.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(12), (uint)Math.Min(size, uint.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(16), (uint)Math.Min(start, uint.MaxValue));
        stream.Write(end);
    }

    private sealed class Hashed(Stream inner) : Stream
    {
        private readonly Crc32 crc = new();

        internal uint Crc => crc.GetCurrentHashAsUInt32();

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            crc.Append(buffer);
            inner.Write(buffer);
        }
    }
}
