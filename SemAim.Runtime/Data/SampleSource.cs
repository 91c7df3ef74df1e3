using System.Formats.Tar;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

/// <summary>Random access to encoded images. Thread-safe: many workers read at once.</summary>
internal interface ISampleSource : IDisposable
{
    int Count { get; }

    IReadOnlyList<string> Classes { get; }

    int Label(int index);

    /// <summary>For messages: a path, or shard and member.</summary>
    string Name(int index);

    /// <summary>Reads the encoded file into the buffer, growing it, and returns its length.</summary>
    int Read(int index, ref byte[] buffer);
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
}

/// <summary>torchvision's ImageFolder: one directory per class, or a list file of "relative/path label" lines.</summary>
internal sealed class FileSource : ISampleSource
{
    private static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];
    private readonly string _root;
    private readonly List<(string Path, int Label)> _items;

    public long MaxFileBytes { get; init; } = 256 << 20;

    public IReadOnlyList<string> Classes { get; }

    public int Count => _items.Count;

    private FileSource(string root, List<(string, int)> items, IReadOnlyList<string> classes)
    {
        _root = root;
        _items = items;
        Classes = classes;
    }

    /// <summary>
    /// Classes sorted by name, files in the order of torchvision's sorted walk. Ordinal comparison equals Python's except for
    /// characters beyond U+FFFF.
    /// </summary>
    public static FileSource FromFolder(string root)
    {
        string[] classes = [.. Directory.GetDirectories(root).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];
        if (classes.Length == 0) throw new InvalidDataException($"{root} has no class directories");
        var items = new List<(string, int)>();
        for (int label = 0; label < classes.Length; label++)
        {
            int before = items.Count;
            AddImages(root, Path.Combine(root, classes[label]), label, items);
            if (items.Count == before) throw new InvalidDataException($"class {classes[label]} has no images");
        }
        return new FileSource(root, items, classes);
    }

    /// <summary>All images below a folder, without classes: for pretraining.</summary>
    public static FileSource FromImages(string root)
    {
        var items = new List<(string, int)>();
        AddImages(root, root, -1, items);
        if (items.Count == 0) throw new InvalidDataException($"{root} has no images");
        return new FileSource(root, items, []);
    }

    private static void AddImages(string root, string top, int label, List<(string, int)> items)
    {
        var directories = new List<string>();
        Collect(top, directories, 0);
        foreach (string directory in directories.Order(StringComparer.Ordinal))
        {
            foreach (string file in Directory.GetFiles(directory).Order(StringComparer.Ordinal))
            {
                if (s_extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
                    items.Add((Path.GetRelativePath(root, file), label));
            }
        }
    }

    // By hand: it follows symbolic links to directories, as torchvision does, and names a loop instead of hanging.
    private static void Collect(string directory, List<string> found, int depth)
    {
        if (depth > 64) throw new InvalidDataException($"{directory} is nested too deeply; is there a loop of links?");
        found.Add(directory);
        foreach (string child in Directory.GetDirectories(directory)) Collect(child, found, depth + 1);
    }

    /// <summary>Splits at the last blank, so paths may contain blanks.</summary>
    public static FileSource FromList(string root, string listFile)
    {
        var items = new List<(string, int)>();
        int number = 0, classes = 0;
        foreach (string line in File.ReadLines(listFile))
        {
            number++;
            string text = line.TrimEnd();
            if (text.Length == 0) continue;
            int blank = text.LastIndexOfAny([' ', '\t']);
            if (blank <= 0 || !int.TryParse(text.AsSpan(blank + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int label))
                throw new InvalidDataException($"{listFile}:{number}: expected 'relative/path label'");
            items.Add((text[..blank].TrimEnd(), label));
            classes = Math.Max(classes, label + 1);
        }
        return new FileSource(root, items, [.. Enumerable.Range(0, classes).Select(i => i.ToString(CultureInfo.InvariantCulture))]);
    }

    public int Label(int index) => _items[index].Label;

    public string Name(int index) => _items[index].Path;

    public int Read(int index, ref byte[] buffer)
    {
        using var file = File.OpenHandle(Path.Combine(_root, _items[index].Path));
        return FileReading.Read(file, 0, RandomAccess.GetLength(file), MaxFileBytes, _items[index].Path, ref buffer);
    }

    public void Dispose()
    {
    }
}

/// <summary>
/// WebDataset shards, map-style: the headers are scanned once for (offset, length, label), then members are read at random,
/// so shuffling, resuming and sharding stay exact.
/// </summary>
internal sealed class TarSource : ISampleSource
{
    private readonly record struct Item(int Shard, long Offset, int Length, int Label, string Key);

    private static readonly string[] s_images = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "ppm", "pgm"];
    private readonly string[] _shards;
    private readonly SafeFileHandle[] _files;
    private readonly List<Item> _items = [];

    public long MaxFileBytes { get; init; } = 256 << 20;

    public IReadOnlyList<string> Classes { get; }

    public int Count => _items.Count;

    public TarSource(IEnumerable<string> shards)
    {
        _shards = [.. shards];
        for (int i = 0; i < _shards.Length; i++) Scan(i);
        _files = [.. _shards.Select(s => File.OpenHandle(s, options: FileOptions.RandomAccess))];
        int classes = _items.Count == 0 ? 0 : _items.Max(i => i.Label) + 1;
        Classes = [.. Enumerable.Range(0, classes).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }

    private void Scan(int shard)
    {
        using var stream = new FileStream(_shards[shard], FileMode.Open, FileAccess.Read, FileShare.Read, 512);
        using var reader = new TarReader(stream);
        string? key = null, name = null;
        long offset = 0;
        int length = 0, label = -1;
        while (true)
        {
            var entry = reader.GetNextEntry();
            if (entry != null && entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)) continue;
            string next = entry == null ? "" : Split(entry.Name, out _);
            if (next != key)
            {
                // The members of one sample are neighbours; a sample ends where the key changes.
                if (name != null)
                {
                    if (label < 0) throw new InvalidDataException($"{_shards[shard]}: {name} has no .cls or .json label");
                    _items.Add(new Item(shard, offset, length, label, name));
                }
                (key, name, label) = (next, null, -1);
            }
            if (entry == null) return;
            Split(entry.Name, out string extension);
            if (extension == "cls")
            {
                label = int.Parse(ReadText(entry), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
            }
            else if (extension == "json")
            {
                using var json = System.Text.Json.JsonDocument.Parse(ReadText(entry));
                if (json.RootElement.TryGetProperty("label", out var value)) label = value.GetInt32();
            }
            else if (s_images.Contains(extension))
            {
                (name, offset, length) = (entry.Name, entry.DataOffset, checked((int)entry.Length));
            }
        }
    }

    // Key: everything up to the first dot of the last path component; extension: the rest, in lower case.
    private static string Split(string name, out string extension)
    {
        int dot = name.IndexOf('.', name.LastIndexOf('/') + 1);
        extension = dot < 0 ? "" : name[(dot + 1)..].ToLowerInvariant();
        return dot < 0 ? name : name[..dot];
    }

    private static string ReadText(TarEntry entry)
    {
        using var text = new StreamReader(entry.DataStream ?? Stream.Null, Encoding.UTF8);
        return text.ReadToEnd();
    }

    public int Label(int index) => _items[index].Label;

    public string Name(int index) => $"{Path.GetFileName(_shards[_items[index].Shard])}:{_items[index].Key}";

    public int Read(int index, ref byte[] buffer)
    {
        var item = _items[index];
        return FileReading.Read(_files[item.Shard], item.Offset, item.Length, MaxFileBytes, Name(index), ref buffer);
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }
}
