using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>A safetensors file: an 8-byte header length, a JSON header, then raw little-endian data. Everything is checked before anything is read or allocated.</summary>
public sealed class SafetensorsFile : IDisposable
{
    // 80,000 tensors; what JSON of that size unfolds to stays below 128 MB
    private const long LongestHeader = 8 << 20;
    private readonly FileStream stream;
    private readonly Dictionary<string, Entry> entries = [];
    private readonly long start;

    private sealed record Entry(ScalarType Type, long[] Shape, long Begin, long End);

    private SafetensorsFile(FileStream stream, string path)
    {
        this.stream = stream;
        Span<byte> prefix = stackalloc byte[8];
        if (stream.Length < 8 || stream.ReadAtLeast(prefix, 8, false) < 8) throw Refused(path, "it is shorter than a header");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader || (long)length > stream.Length - 8) throw Refused(path, $"its header would be {length} bytes, the file has {stream.Length}");
        start = 8 + (long)length;
        var header = new byte[(int)length];
        stream.ReadExactly(header);
        if (header is not [(byte)'{', ..]) throw Refused(path, "its header does not begin with {");
        var metadata = new Dictionary<string, string>();
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw Refused(path, "its header is no object");
            foreach (var item in json.RootElement.EnumerateObject())
            {
                if (item.Name == "__metadata__")
                {
                    if (Metadata.Count > 0) throw Refused(path, "it has metadata twice");
                    foreach (var m in item.Value.EnumerateObject())
                        if (!metadata.TryAdd(m.Name, m.Value.GetString() ?? "")) throw Refused(path, $"its metadata has \"{m.Name}\" twice");
                    Metadata = metadata;
                }
                else if (!entries.TryAdd(item.Name, Read(item.Value, item.Name, path))) throw Refused(path, $"\"{item.Name}\" occurs twice");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or DecoderFallbackException)
        {
            throw new RefusedException($"{path}: not a safetensors file: its header is malformed", e);
        }
        var end = 0L;
        foreach (var (name, e) in entries.OrderBy(e => e.Value.Begin).ThenBy(e => e.Value.End))
        {
            if (e.Begin != end) throw Refused(path, $"\"{name}\" begins at {e.Begin}, its neighbour ends at {end}");
            end = e.End;
        }
        if (end != stream.Length - start) throw Refused(path, $"its tensors take {end} bytes, the file holds {stream.Length - start}");
        Names = [.. entries.Keys];
    }

    /// <summary>Free text by name.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Names in the order of the header.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Opens a file and checks all of its header.</summary>
    /// <exception cref="RefusedException">it is no safetensors file, or says what cannot be</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream stream;
        try { stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new RefusedException($"{path}: {e.Message}", e); }
        try { return new(stream, path); }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Axes of a tensor.</summary>
    public long[] Shape(string name) => entries[name].Shape;

    /// <summary>Element type of a tensor.</summary>
    public ScalarType Type(string name) => entries[name].Type;

    /// <summary>Reads a tensor to the CPU; the caller disposes it.</summary>
    public Tensor Read(string name)
    {
        var entry = entries[name];
        var result = empty(entry.Shape, dtype: entry.Type);
        if (entry.End == entry.Begin) return result;
        lock (stream)
        {
            stream.Position = start + entry.Begin;
            result.ReadBytesFromStream(stream);
        }
        return result;
    }

    private static Entry Read(JsonElement item, string name, string path)
    {
        if (item.EnumerateObject().Count() != 3) throw Refused(path, $"\"{name}\" has members other than dtype, shape and data_offsets");
        var type = ElementTypes.Named(item.GetProperty("dtype").GetString()) ?? throw Refused(path, $"\"{name}\" has type {item.GetProperty("dtype").GetString()}");
        var shape = item.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray();
        var offsets = item.GetProperty("data_offsets").EnumerateArray().Select(d => d.GetInt64()).ToArray();
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || shape.Length > 16 || shape.Any(d => d < 0)) throw Refused(path, $"\"{name}\" has impossible axes or offsets");
        long bytes = ElementTypes.Size(type);
        foreach (var d in shape)
        {
            if (d != 0 && bytes > long.MaxValue / d) throw Refused(path, $"\"{name}\" is larger than any memory");
            bytes *= d;
        }
        if (offsets[1] - offsets[0] != bytes) throw Refused(path, $"\"{name}\" needs {bytes} bytes, its offsets span {offsets[1] - offsets[0]}");
        return new(type, shape, offsets[0], offsets[1]);
    }

    private static RefusedException Refused(string path, string why) => new($"{path}: not a safetensors file: {why}");

    /// <summary>Closes the file.</summary>
    public void Dispose() => stream.Dispose();
}

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes tensors in their order; the file appears whole or not at all.</summary>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null) => Write(path, tensors, metadata, null);

    // open makes the file; null: on disk. For tests of disks that fail
    internal static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata, Func<string, Stream>? open)
    {
        var items = tensors.ToList();
        var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            var offset = 0L;
            foreach (var (name, tensor) in items)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", ElementTypes.Name(tensor.dtype));
                json.WriteStartArray("shape");
                foreach (var d in tensor.shape) json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.numel() * ElementTypes.Size(tensor.dtype));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (header.Length % 8 != 0) header.WriteByte((byte)' ');
        var part = path + ".part";
        try
        {
            using (var stream = open?.Invoke(part) ?? new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                Span<byte> prefix = stackalloc byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
                stream.Write(prefix);
                header.WriteTo(stream);
                foreach (var (_, tensor) in items)
                {
                    if (tensor.numel() == 0) continue;
                    using var scope = NewDisposeScope();               // holds the intermediates on whatever thread this is
                    using var plain = tensor.detach().to(CPU).contiguous();
                    plain.WriteBytesToStream(stream);
                }
                if (stream is FileStream file) file.Flush(flushToDisk: true);
            }
        }
        catch
        {
            // what was begun takes room that a full disk does not have
            try { File.Delete(part); }
            catch (Exception again) when (again is IOException or UnauthorizedAccessException) { }
            throw;
        }
        File.Move(part, path, overwrite: true);
    }
}
