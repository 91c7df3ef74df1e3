using System.Text;
using Microsoft.Win32.SafeHandles;

namespace SemAim.Runtime.Data;

/// <summary>What kind of thing a tar entry is.</summary>
internal enum TarKind { File, Directory, Link, Device, Other }

/// <summary>
/// Walks the headers of a tar file (v7, ustar, PAX, GNU) without reading its contents: one small read an entry. Every size is checked against the file before it is believed,
/// and nothing larger than a mebibyte is held, which the base library's reader does not promise for extended headers.
/// </summary>
internal sealed class TarEntries(string path, SafeFileHandle file)
{
    private const int Block = 512, LongestHeader = 1 << 20;
    private readonly long length = RandomAccess.GetLength(file);
    private readonly byte[] window = new byte[4096];       // a label and the header after it come in one read
    private long windowStart, position;
    private int windowLength;

    internal string Name { get; private set; } = "";

    internal TarKind Kind { get; private set; }

    /// <summary>First byte of the content.</summary>
    internal long Offset { get; private set; }

    internal long Size { get; private set; }

    /// <summary>Goes to the next entry.</summary>
    /// <returns>false at the end</returns>
    /// <exception cref="InvalidDataException">the file is damaged</exception>
    internal bool Next()
    {
        string? longName = null;
        long? longSize = null;
        while (true)
        {
            if (position >= length) return false;
            if (length - position < Block) throw Damaged("ends within a header");
            var header = Bytes(position, Block);
            if (header.IndexOfAnyExcept((byte)0) < 0) return false;
            if (!HasChecksum(header)) throw Damaged($"has no tar header at byte {position}");
            var size = Number(header.Slice(124, 12)) ?? throw Damaged($"has a header without a size at byte {position}");
            var type = header[156];
            var name = Text(header[..100]);
            if (header[257..].StartsWith("ustar\0"u8) && Text(header.Slice(345, 155)) is { Length: > 0 } prefix) name = $"{prefix}/{name}";
            if (type is not ((byte)'x' or (byte)'g' or (byte)'L' or (byte)'K')) size = longSize ?? size;
            var start = position + Block;
            if (size < 0 || size > length - start) throw Damaged($"is cut off: '{Shortened(longName ?? name)}' would be {size} bytes, {length - start} are left");
            position = Math.Min(length, start + (size + Block - 1) / Block * Block);
            switch (type)
            {
                case (byte)'x':
                    Extended(Header(start, size), ref longName, ref longSize);
                    continue;
                case (byte)'L':
                    longName = Text(Header(start, size));
                    continue;
                case (byte)'g' or (byte)'K' or (byte)'V':      // settings for all entries, a link's long target, a volume's label
                    continue;
            }
            (Name, Offset, Size) = (OneLine(longName ?? name), start, size);
            Kind = type switch
            {
                (byte)'0' or 0 or (byte)'7' => Name.EndsWith('/') ? TarKind.Directory : TarKind.File,
                (byte)'5' or (byte)'D' => TarKind.Directory,
                (byte)'1' or (byte)'2' => TarKind.Link,
                (byte)'3' or (byte)'4' or (byte)'6' => TarKind.Device,
                _ => TarKind.Other,
            };
            return true;
        }
    }

    /// <summary>The entry's content, which must be short.</summary>
    internal string Content(int longest)
    {
        if (Size > longest) throw Damaged($"has '{Shortened(Name)}' of {Size} bytes; at most {longest} are read");
        return Encoding.UTF8.GetString(Bytes(Offset, (int)Size));
    }

    private ReadOnlySpan<byte> Header(long start, long size)
        => size <= LongestHeader ? Bytes(start, (int)size) : throw Damaged($"has an extended header of {size} bytes");

    // Callers have checked that the bytes are inside the file.
    private ReadOnlySpan<byte> Bytes(long start, int count)
    {
        if (count > window.Length)
        {
            var large = new byte[count];
            if (Fill(large, start) < count) throw Damaged("became shorter while it was read");
            return large;
        }
        if (start < windowStart || start + count > windowStart + windowLength) (windowStart, windowLength) = (start, Fill(window, start));
        return windowLength - (start - windowStart) >= count ? window.AsSpan((int)(start - windowStart), count) : throw Damaged("became shorter while it was read");
    }

    private int Fill(byte[] buffer, long start)
    {
        var done = 0;
        while (done < buffer.Length && RandomAccess.Read(file, buffer.AsSpan(done), start + done) is > 0 and var n) done += n;
        return done;
    }

    // the sum of all bytes with the sum's own field as blanks; old programs summed signed bytes
    private static bool HasChecksum(ReadOnlySpan<byte> header)
    {
        int unsigned = 0, signed = 0;
        for (var i = 0; i < Block; i++)
        {
            var value = i is >= 148 and < 156 ? (byte)' ' : header[i];
            unsigned += value;
            signed += (sbyte)value;
        }
        return Number(header.Slice(148, 8)) is { } sum && (sum == unsigned || sum == signed);
    }

    // octal digits, or where the first bit is set a big-endian number (GNU)
    private static long? Number(ReadOnlySpan<byte> field)
    {
        long value = 0;
        if ((field[0] & 0x80) != 0)
        {
            if (field[0] != 0x80) return null;
            foreach (var b in field[1..])
            {
                if (value >> 55 != 0) return null;
                value = value << 8 | b;
            }
            return value;
        }
        var digits = field.Trim(" \0"u8);
        if (digits.Length > 20) return null;
        foreach (var b in digits)
        {
            if (b is < (byte)'0' or > (byte)'7') return null;
            value = value << 3 | (uint)(b - '0');
        }
        return value;
    }

    // records of "LENGTH KEY=VALUE\n"; LENGTH counts the whole record
    private void Extended(ReadOnlySpan<byte> records, ref string? name, ref long? size)
    {
        while (records.Length > 0 && records[0] != 0)
        {
            var blank = records.IndexOf((byte)' ');
            if (blank <= 0 || !int.TryParse(records[..blank], out var total) || total <= blank + 1 || total > records.Length) throw Damaged("has a malformed extended header");
            var record = records[(blank + 1)..total].TrimEnd((byte)'\n');
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0) throw Damaged("has a malformed extended header");
            if (record[..equals].SequenceEqual("path"u8)) name = Encoding.UTF8.GetString(record[(equals + 1)..]);
            else if (record[..equals].SequenceEqual("size"u8)) size = long.TryParse(record[(equals + 1)..], out var value) ? value : throw Damaged("has a malformed size");
            records = records[total..];
        }
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    // names end up in messages
    private static string OneLine(string name) => name.AsSpan().IndexOfAnyInRange('\u0001', '\u001f') < 0 ? name : string.Concat(name.Select(c => c is > '\0' and < ' ' ? '?' : c));

    private static string Shortened(string name) => name.Length <= 80 ? name : name[..80] + "…";

    private InvalidDataException Damaged(string what) => new($"{path} {what}");
}
