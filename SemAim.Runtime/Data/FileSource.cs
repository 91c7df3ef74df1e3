using System.Globalization;

namespace SemAim.Runtime.Data;

/// <summary>torchvision's ImageFolder: one directory per class; or a folder without classes; or a list file of "relative/path label" lines.</summary>
internal sealed class FileSource : ISampleSource
{
    // a list's classes are numbers; one slip of the pen must not make a billion of them
    private const int MostClasses = 1_000_000;
    private static readonly HashSet<string> s_extensions = new([".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"], StringComparer.OrdinalIgnoreCase);
    private readonly string _root;
    private readonly List<(string Path, int Label)> _items;

    public DecodeOptions Decode { get; init; } = DecodeOptions.Default;

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
    /// characters beyond U+FFFF. Large folders are remembered in the cache.
    /// </summary>
    /// <exception cref="InvalidDataException">no classes, or one without pictures</exception>
    public static FileSource FromFolder(string root, IndexCache? cache = null, DecodeOptions? decode = null)
    {
        if (cache?.Find("folder", root) is { } known) return From(root, known, decode);
        var index = new FolderIndex();
        index.See(root);
        string[] classes = [.. Directory.GetDirectories(root).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];
        if (classes.Length == 0) throw new InvalidDataException($"{root} has no class directories");
        for (int label = 0; label < classes.Length; label++)
        {
            int before = index.Items.Count;
            AddImages(root, Path.Combine(root, classes[label]), label, index);
            if (index.Items.Count == before) throw new InvalidDataException($"class {classes[label]} has no images");
        }
        index.Classes.AddRange(classes);
        cache?.Keep("folder", root, index);
        return From(root, index, decode);
    }

    /// <summary>All images below a folder, without classes: for pretraining.</summary>
    /// <exception cref="InvalidDataException">no pictures</exception>
    public static FileSource FromImages(string root, IndexCache? cache = null, DecodeOptions? decode = null)
    {
        if (cache?.Find("images", root) is { } known) return From(root, known, decode);
        var index = new FolderIndex();
        AddImages(root, root, -1, index);
        if (index.Items.Count == 0) throw new InvalidDataException($"{root} has no images");
        cache?.Keep("images", root, index);
        return From(root, index, decode);
    }

    /// <summary>One picture.</summary>
    public static FileSource FromImage(string path, DecodeOptions? decode = null) => new(Path.GetDirectoryName(Path.GetFullPath(path))!, [(Path.GetFileName(path), -1)], []) { Decode = decode ?? DecodeOptions.Default };

    private static FileSource From(string root, FolderIndex index, DecodeOptions? decode) => new(root, index.Items, index.Classes) { Decode = decode ?? DecodeOptions.Default };

    private static void AddImages(string root, string top, int label, FolderIndex index)
    {
        var directories = new List<string>();
        Collect(top, directories, 0);
        directories.Sort(StringComparer.Ordinal);
        int prefix = root.Length + (Path.EndsInDirectorySeparator(root) ? 0 : 1);
        foreach (string directory in directories)
        {
            index.See(directory);
            string[] files = Directory.GetFiles(directory);
            Array.Sort(files, StringComparer.Ordinal);
            foreach (string file in files)
                if (s_extensions.Contains(Path.GetExtension(file))) index.Items.Add((file[prefix..], label));
        }
    }

    // By hand: it follows symbolic links to directories, as torchvision does, and names a loop instead of hanging.
    private static void Collect(string directory, List<string> found, int depth)
    {
        if (depth > 64) throw new InvalidDataException($"{directory} is nested too deeply; is there a loop of links?");
        found.Add(directory);
        foreach (string child in Directory.GetDirectories(directory)) Collect(child, found, depth + 1);
    }

    /// <summary>Lines of "relative/path label"; split at the last blank, so paths may contain blanks. Paths stay below the root.</summary>
    /// <exception cref="InvalidDataException">a line that is not of that form, or leads out of the root</exception>
    public static FileSource FromList(string root, string listFile, DecodeOptions? decode = null)
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
                throw new InvalidDataException($"{listFile}:{number}: expected 'relative/path label', found '{Shortened(text)}'");
            if (label >= MostClasses) throw new InvalidDataException($"{listFile}:{number}: label {label}; labels are 0 to {MostClasses - 1}");
            string path = text[..blank].TrimEnd();
            if (SafeName.Fault(path) is { } fault) throw new InvalidDataException($"{listFile}:{number}: '{Shortened(path)}' {fault}; paths are relative to {root}");
            items.Add((path, label));
            classes = Math.Max(classes, label + 1);
        }
        if (items.Count == 0) throw new InvalidDataException($"{listFile} names no images");
        return new FileSource(root, items, [.. Enumerable.Range(0, classes).Select(i => i.ToString(CultureInfo.InvariantCulture))]) { Decode = decode ?? DecodeOptions.Default };
    }

    private static string Shortened(string text) => text.Length <= 80 ? text : text[..80] + "…";

    public int Label(int index) => _items[index].Label;

    public string Name(int index) => _items[index].Path;

    public int Read(int index, ref byte[] buffer)
    {
        using var file = File.OpenHandle(Path.Combine(_root, _items[index].Path));
        return FileReading.Read(file, 0, RandomAccess.GetLength(file), Decode.MaxFileBytes, _items[index].Path, ref buffer);
    }

    public long? Length(int index) => new FileInfo(Path.Combine(_root, _items[index].Path)).Length;

    public int ReadPart(int index, long offset, Span<byte> part)
    {
        using var file = File.OpenHandle(Path.Combine(_root, _items[index].Path));
        return FileReading.Part(file, offset, part);
    }

    public void Dispose()
    {
    }
}

/// <summary>Names from lists and archives that others wrote.</summary>
internal static class SafeName
{
    /// <returns>what is wrong with a name that must stay below a folder, or null</returns>
    internal static string? Fault(string name)
    {
        if (name.Length == 0) return "is empty";
        if (name[0] is '/' or '\\' || name.Length > 1 && name[1] == ':' && char.IsAsciiLetter(name[0])) return "is an absolute path";
        if (name.Contains('\0', StringComparison.Ordinal)) return "contains a zero byte";
        foreach (var part in name.AsSpan().SplitAny('/', '\\'))
            if (name.AsSpan(part) is "..") return "leads out of its folder (..)";
        return null;
    }
}
