using System.IO.Hashing;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;

namespace SemAim.App.Training;

/// <summary>Pictures that two sources have in common, byte for byte.</summary>
/// <remarks>
/// Three sieves, each over what the one before left: length (nothing is read), 4 KB from the middle, all bytes. So ImageNet's 1.28 million training pictures
/// cost a look at each file's length, and 4 KB of those that are as long as one of the 50,000 held-out ones.
/// </remarks>
internal static class DuplicatePictures
{
    private const int Part = 4096;

    /// <summary>Pictures of <paramref name="held"/> that are also in <paramref name="train"/>. A file that cannot be read is in neither: whoever decodes it names it.</summary>
    internal static int Count(ISampleSource train, ISampleSource held)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(1 << 20, pinned: true);
        var lengths = new HashSet<long>();
        for (var i = 0; i < held.Count; i++) if (Length(held, i, ref buffer) is { } length) lengths.Add(length);
        var trained = Alike(train, lengths, ref buffer);
        var shared = trained.Select(t => t.Length).ToHashSet();
        var judged = Alike(held, shared, ref buffer);
        var parts = trained.Select(t => (t.Length, t.Middle)).ToHashSet();
        judged.RemoveAll(j => !parts.Contains((j.Length, j.Middle)));
        parts = [.. judged.Select(j => (j.Length, j.Middle))];
        var whole = new HashSet<UInt128>();
        foreach (var t in trained) if (parts.Contains((t.Length, t.Middle)) && Hash(train, t.Index, ref buffer) is { } hash) whole.Add(hash);
        var count = 0;
        foreach (var j in judged) if (Hash(held, j.Index, ref buffer) is { } hash && whole.Contains(hash)) count++;
        return count;
    }

    private static List<(int Index, long Length, ulong Middle)> Alike(ISampleSource source, HashSet<long> lengths, ref byte[] buffer)
    {
        var alike = new List<(int, long, ulong)>();
        Span<byte> part = stackalloc byte[Part];
        for (var i = 0; i < source.Count; i++)
        {
            if (Length(source, i, ref buffer) is not { } length || !lengths.Contains(length)) continue;
            try { alike.Add((i, length, XxHash64.HashToUInt64(part[..source.ReadPart(i, Math.Max(0, length / 2 - Part / 2), part)]))); }
            catch (Exception e) when (IsUnreadable(e)) { }
        }
        return alike;
    }

    private static long? Length(ISampleSource source, int index, ref byte[] buffer)
    {
        try { return source.Length(index) ?? source.Read(index, ref buffer); }
        catch (Exception e) when (IsUnreadable(e)) { return null; }
    }

    private static UInt128? Hash(ISampleSource source, int index, ref byte[] buffer)
    {
        try
        {
            var length = source.Read(index, ref buffer);                  // which may make another buffer
            return XxHash128.HashToUInt128(buffer.AsSpan(0, length));
        }
        catch (Exception e) when (IsUnreadable(e)) { return null; }
    }

    private static bool IsUnreadable(Exception e) => e is IOException or UnauthorizedAccessException or ImageDecodeException;
}
