using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace SemAim.Runtime.Data;

/// <summary>Writes pictures as WebDataset shards: <c>NNNNNNNNN.jpg</c> by content, <c>NNNNNNNNN.cls</c> with the label, and <c>classes.json</c> beside them.</summary>
internal static class TarPack
{
    /// <summary>Packs a source in its order; the files' bytes stay as they are.</summary>
    /// <param name="folder">made if need be; shards of the split that lie there are replaced when all are written</param>
    /// <param name="split">train or val: the shards' first name</param>
    /// <param name="shardBytes">a shard is closed before it would grow beyond this</param>
    /// <param name="packed">told the number of pictures so far</param>
    /// <returns>how many shards</returns>
    internal static int Write(ISampleSource source, string folder, string split, long shardBytes = 1L << 30, Action<int>? packed = null)
        => Write(Samples(source), source.Classes, folder, split, shardBytes, packed);

    /// <summary>Packs encoded pictures with their labels (−1: none).</summary>
    internal static int Write(IEnumerable<(ReadOnlyMemory<byte> Picture, int Label)> samples, IReadOnlyList<string> classes, string folder, string split, long shardBytes = 1L << 30, Action<int>? packed = null)
    {
        Directory.CreateDirectory(folder);
        // shards that lie there stay until all new ones are written
        List<string> unfinished = [];
        int count = 0;
        TarWriter? writer = null;
        long written = 0;
        try
        {
            foreach (var (picture, label) in samples)
            {
                if (writer is null || written + picture.Length > shardBytes)
                {
                    writer?.Dispose();
                    unfinished.Add(Path.Combine(folder, $".{split}-{unfinished.Count:D6}.tar.unfinished"));
                    writer = new TarWriter(File.Create(unfinished[^1]), TarEntryFormat.Ustar);
                    written = 0;
                }
                Add(writer, $"{count:D9}.{Extension(picture.Span)}", picture);
                if (label >= 0) Add(writer, $"{count:D9}.cls", Encoding.ASCII.GetBytes(label.ToString(CultureInfo.InvariantCulture)));
                written += picture.Length + 2048;
                count++;
                packed?.Invoke(count);
            }
            writer?.Dispose();
            writer = null;
            if (count == 0) return 0;
            foreach (var old in Directory.GetFiles(folder, split + "-*.tar")) File.Delete(old);
            for (var i = 0; i < unfinished.Count; i++) File.Move(unfinished[i], Path.Combine(folder, $"{split}-{i:D6}.tar"));
        }
        finally
        {
            writer?.Dispose();
            foreach (var path in unfinished) File.Delete(path);
        }
        if (classes.Count > 0) File.WriteAllText(Path.Combine(folder, "classes.json"), JsonSerializer.Serialize(classes));
        return unfinished.Count;
    }

    private static IEnumerable<(ReadOnlyMemory<byte>, int)> Samples(ISampleSource source)
    {
        byte[] buffer = [];
        for (var i = 0; i < source.Count; i++)
        {
            var length = source.Read(i, ref buffer);
            yield return (buffer.AsMemory(0, length), source.Label(i));
        }
    }

    private static string Extension(ReadOnlySpan<byte> picture) => ImageDecoder.Sniff(picture) switch
    {
        ImageFormat.Jpeg => "jpg",
        ImageFormat.Png => "png",
        ImageFormat.WebP => "webp",
        ImageFormat.Gif => "gif",
        ImageFormat.Bmp => "bmp",
        ImageFormat.Pnm => "ppm",
        _ => "jpg",         // unreadable; it stays in the set, so that indices do, and is replaced in training like before
    };

    private static void Add(TarWriter writer, string name, ReadOnlyMemory<byte> content)
    {
        using var stream = new MemoryStream(content.ToArray(), writable: false);
        writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = stream, ModificationTime = DateTimeOffset.UnixEpoch });
    }
}
