using Microsoft.Win32.SafeHandles;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

/// <summary>Random access to encoded images. Thread-safe: many workers read at once.</summary>
internal interface ISampleSource : IDisposable
{
    int Count { get; }

    /// <summary>How its pictures are to be read.</summary>
    DecodeOptions Decode => DecodeOptions.Default;

    /// <summary>Names of the classes; empty where pictures have none.</summary>
    IReadOnlyList<string> Classes { get; }

    /// <summary>−1 where there are no classes.</summary>
    int Label(int index);

    /// <summary>For messages: a path, or shard and member.</summary>
    string Name(int index);

    /// <summary>Reads the encoded file into the buffer, growing it, and returns its length.</summary>
    int Read(int index, ref byte[] buffer);

    /// <summary>Length of the encoded file, bytes, without reading it; null where only reading tells.</summary>
    long? Length(int index) => null;

    /// <summary>Reads a part of the encoded file and returns how many bytes there were.</summary>
    int ReadPart(int index, long offset, Span<byte> part)
    {
        byte[] whole = [];
        int length = Read(index, ref whole), from = (int)Math.Min(offset, length), count = Math.Min(part.Length, length - from);
        whole.AsSpan(from, count).CopyTo(part);
        return count;
    }
}

internal static class FileReading
{
    public static int Read(SafeFileHandle file, long offset, long length, long maxLength, string name, ref byte[] buffer)
    {
        if (length > maxLength) throw new ImageDecodeException($"{length} bytes exceed the limit of {maxLength}");
        if (buffer.Length < length) buffer = GC.AllocateUninitializedArray<byte>((int)Math.Min(maxLength, length + length / 2), pinned: true);
        int done = 0;
        while (done < length)
        {
            int n = RandomAccess.Read(file, buffer.AsSpan(done, (int)length - done), offset + done);
            if (n == 0) throw new EndOfStreamException($"{name} ended after {done} of {length} bytes");
            done += n;
        }
        return done;
    }

    /// <summary>Fills the part as far as there are bytes.</summary>
    public static int Part(SafeFileHandle file, long offset, Span<byte> part)
    {
        int done = 0;
        while (done < part.Length && RandomAccess.Read(file, part[done..], offset + done) is > 0 and var n) done += n;
        return done;
    }
}
