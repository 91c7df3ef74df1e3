using System.Security.Cryptography;
using System.Text;

namespace SemAim.Runtime.Data;

/// <summary>What a walk through a folder found, and the directories it saw.</summary>
internal sealed class FolderIndex
{
    internal List<(string Path, int Label)> Items { get; init; } = [];

    internal List<string> Classes { get; init; } = [];

    /// <summary>Directory and its time: adding, removing or renaming an entry changes it.</summary>
    internal List<(string Directory, long Ticks)> Seen { get; init; } = [];

    internal void See(string directory) => Seen.Add((directory, Directory.GetLastWriteTimeUtc(directory).Ticks));
}

/// <summary>
/// Remembers what large folders and shards hold, so that a million files open without listing them again. Kept in the user's cache folder, never beside the data.
/// A folder's entry holds while every directory below it has its time; a shard's while its size and time are the same.
/// </summary>
/// <remarks>A cache can only be missing, never wrong in silence: entries carry a checksum, and anything that changed in the last seconds before a walk is not kept,
/// because a later change might not show in the times.</remarks>
internal sealed class IndexCache(string folder, int fewest = 2000)
{
    private const string Magic = "semaim index 1";
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(3);

    /// <summary>SEMAIM_CACHE, else the user's cache folder; null where there is none or SEMAIM_CACHE is empty.</summary>
    internal static IndexCache? Default
    {
        get
        {
            var given = Environment.GetEnvironmentVariable("SEMAIM_CACHE");
            if (given is not null) return given.Length == 0 ? null : new IndexCache(given);
            var home = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
                : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } user ? Path.Combine(user, ".cache") : "";
            return home.Length == 0 ? null : new IndexCache(Path.Combine(home, "semaim"));
        }
    }

    /// <summary>Where it is kept.</summary>
    internal string Folder => folder;

    internal FolderIndex? Find(string kind, string root) => Read(Entry(kind, root), reader =>
    {
        var seen = new List<(string, long)>();
        for (var n = reader.ReadInt32(); n > 0; n--)
        {
            var (directory, ticks) = (reader.ReadString(), reader.ReadInt64());
            if (!Directory.Exists(directory) || Directory.GetLastWriteTimeUtc(directory).Ticks != ticks) return null;
            seen.Add((directory, ticks));
        }
        var classes = new List<string>();
        for (var n = reader.ReadInt32(); n > 0; n--) classes.Add(reader.ReadString());
        var count = reader.ReadInt32();
        var items = new List<(string, int)>(Math.Min(count, 1 << 20));
        for (; count > 0; count--) items.Add((reader.ReadString(), reader.ReadInt32()));
        return new FolderIndex { Items = items, Classes = classes, Seen = seen };
    });

    internal void Keep(string kind, string root, FolderIndex index)
    {
        if (index.Items.Count < fewest || index.Seen.Any(s => !IsSettled(s.Ticks))) return;
        Write(Entry(kind, root), writer =>
        {
            writer.Write(index.Seen.Count);
            foreach (var (directory, ticks) in index.Seen) { writer.Write(directory); writer.Write(ticks); }
            writer.Write(index.Classes.Count);
            foreach (var name in index.Classes) writer.Write(name);
            writer.Write(index.Items.Count);
            foreach (var (path, label) in index.Items) { writer.Write(path); writer.Write(label); }
        });
    }

    internal List<TarItem>? FindShard(string shard) => Read(Entry("shard", shard), reader =>
    {
        var file = new FileInfo(shard);
        if (reader.ReadInt64() != file.Length || reader.ReadInt64() != file.LastWriteTimeUtc.Ticks) return null;
        var count = reader.ReadInt32();
        var items = new List<TarItem>(Math.Min(count, 1 << 20));
        for (; count > 0; count--) items.Add(new TarItem(0, reader.ReadInt64(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadString()));
        return items;
    });

    internal void KeepShard(string shard, List<TarItem> items)
    {
        var file = new FileInfo(shard);
        if (items.Count < fewest || !IsSettled(file.LastWriteTimeUtc.Ticks)) return;
        Write(Entry("shard", shard), writer =>
        {
            writer.Write(file.Length);
            writer.Write(file.LastWriteTimeUtc.Ticks);
            writer.Write(items.Count);
            foreach (var item in items) { writer.Write(item.Offset); writer.Write(item.Length); writer.Write(item.Label); writer.Write(item.Name); }
        });
    }

    private static bool IsSettled(long ticks) => DateTime.UtcNow.Ticks - ticks > Settled.Ticks;

    private string Entry(string kind, string path)
        => Path.Combine(folder, $"index-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{kind}\n{Path.GetFullPath(path)}")))[..24]}.bin");

    // A cache that cannot be read or written is none: the walk still gives the answer.
    private static T? Read<T>(string entry, Func<BinaryReader, T?> read) where T : class
    {
        try
        {
            if (!File.Exists(entry)) return null;
            var content = File.ReadAllBytes(entry);
            if (content.Length < 32 || !SHA256.HashData(content.AsSpan(0, content.Length - 32)).AsSpan().SequenceEqual(content.AsSpan(content.Length - 32))) return null;
            using var reader = new BinaryReader(new MemoryStream(content, 0, content.Length - 32));
            return reader.ReadString() == Magic ? read(reader) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OutOfMemoryException)
        {
            return null;
        }
    }

    private void Write(string entry, Action<BinaryWriter> write)
    {
        var part = $"{entry}.{Environment.ProcessId}.part";
        try
        {
            Directory.CreateDirectory(folder);
            using var content = new MemoryStream();
            using (var writer = new BinaryWriter(content, Encoding.UTF8, leaveOpen: true))
            {
                writer.Write(Magic);
                write(writer);
            }
            var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
            using (var file = File.Create(part))
            {
                file.Write(bytes);
                file.Write(SHA256.HashData(bytes));
            }
            File.Move(part, entry, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // read-only home, full disk: go on without
        }
    }
}
