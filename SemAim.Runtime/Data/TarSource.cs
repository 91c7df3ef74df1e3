using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace SemAim.Runtime.Data;

/// <summary>
/// WebDataset shards, map-style: the headers are scanned once for (offset, length, label), then members are read at random,
/// so shuffling, resuming and sharding stay exact. Nothing is unpacked.
/// </summary>
/// <remarks>Shards come from outside: entries that are links or devices, or whose names are absolute or lead upwards, refuse the shard; every member lies inside its file.</remarks>
internal sealed class TarSource : ISampleSource
{
    private const int LongestText = 1 << 20;     // a .cls or .json member
    private static readonly HashSet<string> s_images = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "ppm", "pgm"];
    private readonly string[] _shards;
    private readonly SafeFileHandle[] _files;
    private readonly List<TarItem> _items = [];

    public DecodeOptions Decode { get; init; } = DecodeOptions.Default;

    public IReadOnlyList<string> Classes { get; }

    public int Count => _items.Count;

    /// <param name="shards">in the order in which their samples are numbered</param>
    /// <param name="cache">remembers what is in large shards</param>
    /// <exception cref="InvalidDataException">a shard is no tar file, hostile, or has a picture without the label that others have</exception>
    public TarSource(IEnumerable<string> shards, IndexCache? cache = null)
    {
        _shards = [.. shards];
        for (int i = 0; i < _shards.Length; i++)
        {
            var found = cache?.FindShard(_shards[i]);
            if (found is null)
            {
                found = Scan(_shards[i]);
                cache?.KeepShard(_shards[i], found);
            }
            foreach (var item in found) _items.Add(item with { Shard = i });
        }
        if (_items.Count == 0) throw new InvalidDataException($"{string.Join(", ", _shards.Take(3))}: no images");
        int labelled = _items.Count(i => i.Label >= 0);
        if (labelled != 0 && labelled != _items.Count) throw new InvalidDataException($"{Name(_items.FindIndex(i => i.Label < 0))} has no .cls or .json label, {labelled} others have one");
        Classes = Names(_items.Max(i => i.Label) + 1);
        _files = [.. _shards.Select(s => File.OpenHandle(s, options: FileOptions.RandomAccess))];
    }

    // data-pack leaves the names of the classes beside the shards
    private string[] Names(int count)
    {
        string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_shards[0]))!, "classes.json");
        if (count > 0 && File.Exists(path) && new FileInfo(path).Length < 64 << 20)
        {
            try
            {
                string[]? names = JsonSerializer.Deserialize<string[]>(File.ReadAllText(path));
                if (names is not null && names.Length >= count) return names;
                throw new InvalidDataException($"{path} names {names?.Length ?? 0} classes, the shards have {count}");
            }
            catch (JsonException e) { throw new InvalidDataException($"{path}: not a list of class names (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})", e); }
        }
        return [.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }

    private static List<TarItem> Scan(string shard)
    {
        var items = new List<TarItem>();
        using var file = File.OpenHandle(shard);
        var entries = new TarEntries(shard, file);
        string? key = null, name = null;
        long offset = 0;
        int length = 0, label = -1;
        while (entries.Next())
        {
            if (SafeName.Fault(entries.Name) is { } fault) throw new InvalidDataException($"{shard}: entry '{entries.Name}' {fault}");
            if (entries.Kind == TarKind.Directory) continue;
            if (entries.Kind != TarKind.File) throw new InvalidDataException($"{shard}: entry '{entries.Name}' is a {(entries.Kind == TarKind.Other ? "special entry" : entries.Kind.ToString().ToLowerInvariant())}; shards hold plain files only");
            string next = Split(entries.Name, out string extension);
            if (next != key)
            {
                // The members of one sample are neighbours; a sample ends where the key changes.
                if (name is not null) items.Add(new TarItem(0, offset, length, label, name));
                (key, name, label) = (next, null, -1);
            }
            if (extension == "cls") label = Label(shard, entries.Name, entries.Content(LongestText));
            else if (extension == "json") label = JsonLabel(shard, entries.Name, entries.Content(LongestText), label);
            else if (s_images.Contains(extension))
            {
                if (entries.Size > int.MaxValue) throw new InvalidDataException($"{shard}: entry '{entries.Name}' has {entries.Size} bytes");
                (name, offset, length) = (entries.Name, entries.Offset, (int)entries.Size);
            }
        }
        if (name is not null) items.Add(new TarItem(0, offset, length, label, name));
        return items;
    }

    private static int Label(string shard, string entry, string text)
        => int.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int label) && label < 1_000_000
            ? label : throw new InvalidDataException($"{shard}: {entry}: the label is not a whole number from 0 to 999999");

    private static int JsonLabel(string shard, string entry, string text, int otherwise)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("label", out var value)) return otherwise;
            return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int label) && label is >= 0 and < 1_000_000
                ? label : throw new InvalidDataException($"{shard}: {entry}: the label is not a whole number from 0 to 999999");
        }
        catch (JsonException e) { throw new InvalidDataException($"{shard}: {entry}: malformed JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})", e); }
    }

    // Key: everything up to the first dot of the last path component; extension: the rest, in lower case.
    private static string Split(string name, out string extension)
    {
        int dot = name.IndexOf('.', name.LastIndexOf('/') + 1);
        extension = dot < 0 ? "" : name[(dot + 1)..].ToLowerInvariant();
        int last = extension.LastIndexOf('.');          // "image.front.jpg" is a jpg
        if (last >= 0 && s_images.Contains(extension[(last + 1)..])) extension = extension[(last + 1)..];
        return dot < 0 ? name : name[..dot];
    }

    public int Label(int index) => _items[index].Label;

    public string Name(int index) => $"{Path.GetFileName(_shards[_items[index].Shard])}:{_items[index].Name}";

    public int Read(int index, ref byte[] buffer)
    {
        var item = _items[index];
        return FileReading.Read(_files[item.Shard], item.Offset, item.Length, Decode.MaxFileBytes, item.Name, ref buffer);
    }

    public long? Length(int index) => _items[index].Length;

    public int ReadPart(int index, long offset, Span<byte> part)
    {
        var item = _items[index];
        return FileReading.Part(_files[item.Shard], item.Offset + offset, part[..(int)Math.Clamp(item.Length - offset, 0, part.Length)]);
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }
}

/// <summary>Where a picture lies in a shard.</summary>
/// <param name="Shard">its number</param>
/// <param name="Offset">first byte</param>
/// <param name="Name">the entry's name</param>
internal readonly record struct TarItem(int Shard, long Offset, int Length, int Label, string Name);
