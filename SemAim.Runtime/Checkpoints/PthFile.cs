using System.Buffers.Binary;
using System.IO.Compression;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>
/// A file that torch.save wrote, as zip (since 1.6) or in the older form. Reading executes nothing: see <see cref="PickleReader"/>.
/// Sizes are checked against the file before anything is allocated.
/// </summary>
public sealed class PthFile
{
    private const int LongestPickle = 8 << 20;
    private readonly Dictionary<string, byte[]> storages = [];
    private readonly string path;

    private PthFile(string path) => this.path = path;

    /// <summary>What was saved: dictionaries, lists, arrays (tuples), numbers, texts, and tensor references.</summary>
    internal object? Root { get; private set; }

    /// <summary>Opens and reads a whole file.</summary>
    /// <exception cref="RefusedException">it was not written by torch.save, is damaged, or names classes that are not allowed</exception>
    public static PthFile Open(string path)
    {
        var file = new PthFile(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            Span<byte> magic = stackalloc byte[2];
            var zip = stream.ReadAtLeast(magic, 2, false) == 2 && magic is [(byte)'P', (byte)'K'];
            stream.Position = 0;
            if (zip) file.ReadZip(stream);
            else file.ReadLegacy(stream);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotSupportedException or ArgumentException or OverflowException)
        {
            throw new RefusedException($"{path}: {e.Message}", e);
        }
        return file;
    }

    /// <summary>The tensors of one dictionary: the one called <paramref name="key"/>, else "state_dict", "model" or the file itself. A leading "module." (several processes) is dropped. The caller disposes them.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors(string key = "state_dict")
    {
        if (Root is not Dictionary<object, object?> root) throw new RefusedException($"{path}: holds no dictionary of tensors");
        // pretraining writes its weights as "state_dict", evaluation and most others as "model"
        var state = new[] { key, "state_dict", "model" }.Select(k => root.GetValueOrDefault(k) as Dictionary<object, object?>).FirstOrDefault(d => d is not null) ?? root;
        var result = new Dictionary<string, Tensor>();
        try
        {
            foreach (var (name, value) in state)
            {
                if (name is not string text || value is not TensorReference reference) continue;
                text = text.StartsWith("module.", StringComparison.Ordinal) ? text["module.".Length..] : text;
                if (result.ContainsKey(text)) throw new RefusedException($"{path}: \"{text}\" occurs twice, with and without \"module.\"");
                result[text] = Read(reference);
            }
            if (result.Count == 0) throw new RefusedException($"{path}: neither \"{key}\" nor the file itself holds tensors");
            return result;
        }
        catch
        {
            foreach (var tensor in result.Values) tensor.Dispose();
            throw;
        }
    }

    private Tensor Read(TensorReference reference)
    {
        var type = ElementType(reference.Storage.Type);
        if (!storages.TryGetValue(reference.Storage.Key, out var bytes) || bytes.LongLength % type.ElementSize() != 0 || bytes.LongLength / type.ElementSize() != reference.Storage.Count)
            throw new RefusedException($"{path}: storage \"{reference.Storage.Key}\" is missing or not as long as said");
        var result = empty(reference.Shape, dtype: type);
        if (result.numel() == 0) return result;
        using var flat = empty(reference.Storage.Count, dtype: type);
        using (var source = new MemoryStream(bytes, writable: false)) flat.ReadBytesFromStream(source);
        using var view = flat.as_strided(reference.Shape, reference.Strides, reference.Offset);
        result.copy_(view);
        return result;
    }

    private void ReadZip(FileStream stream)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
        var pickles = zip.Entries.Where(e => e.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles is not [var pickle]) throw new RefusedException($"{path}: a zip file with {pickles.Count} data.pkl, where one belongs");
        var root = pickle.FullName[..^"data.pkl".Length];
        if (pickle.Length > LongestPickle) throw new RefusedException($"{path}: its pickle would take {pickle.Length} bytes");
        var total = 0L;
        foreach (var entry in zip.Entries)
        {
            // torch.save stores; a packed entry could unfold to anything
            if (entry.Length != entry.CompressedLength || (total += entry.Length) > stream.Length) throw new RefusedException($"{path}: \"{entry.FullName}\" is compressed or larger than the file");
            if (entry.FullName.EndsWith("/byteorder", StringComparison.Ordinal) && System.Text.Encoding.ASCII.GetString(Bytes(entry)) != "little") throw new RefusedException($"{path}: its numbers are big-endian");
            if (entry.FullName.StartsWith(root + "data/", StringComparison.Ordinal)) storages[entry.FullName[(root.Length + 5)..]] = Bytes(entry);
        }
        var position = 0;
        Root = PickleReader.Read(Bytes(pickle), ref position, path);
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var source = entry.Open();
        var bytes = new byte[entry.Length];
        source.ReadExactly(bytes);
        return bytes;
    }

    private void ReadLegacy(FileStream stream)
    {
        if (stream.Length > int.MaxValue) throw new RefusedException($"{path}: the older form is read up to 2 GB");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var position = 0;
        if (PickleReader.Read(bytes, ref position, path) is not System.Numerics.BigInteger magic || magic != System.Numerics.BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture))
            throw new RefusedException($"{path}: neither a zip file nor an older torch.save file");
        if (PickleReader.Read(bytes, ref position, path) is not 1001L) throw new RefusedException($"{path}: of an unknown protocol");
        PickleReader.Read(bytes, ref position, path);
        Root = PickleReader.Read(bytes, ref position, path);
        if (PickleReader.Read(bytes, ref position, path) is not List<object?> keys) throw new RefusedException($"{path}: lists no storages");
        var types = Storages(Root);
        foreach (var key in keys)
        {
            if (key is not string name || !types.TryGetValue(name, out var storage) || bytes.Length - position < 8) throw new RefusedException($"{path}: its list of storages does not fit its content");
            var count = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(position));
            position += 8;
            var length = ElementType(storage.Type).ElementSize();
            if (count != storage.Count || count > (bytes.Length - position) / length) throw new RefusedException($"{path}: storage \"{name}\" is cut off");
            storages[name] = bytes.AsSpan(position, (int)count * length).ToArray();
            position += (int)count * length;
        }
    }

    private static Dictionary<string, StorageReference> Storages(object? root)
    {
        var found = new Dictionary<string, StorageReference>();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object?>([root]);
        while (open.TryPop(out var item))
        {
            if (item is null || !seen.Add(item)) continue;
            if (item is TensorReference tensor) found[tensor.Storage.Key] = tensor.Storage;
            else if (item is StorageReference storage) found[storage.Key] = storage;
            IEnumerable<object?> children = item switch { Dictionary<object, object?> d => d.Values, List<object?> l => l, object?[] a => a, _ => [] };
            foreach (var child in children) open.Push(child);
        }
        return found;
    }

    private static ScalarType ElementType(string storage) => storage switch
    {
        "DoubleStorage" => ScalarType.Float64,
        "FloatStorage" => ScalarType.Float32,
        "HalfStorage" => ScalarType.Float16,
        "BFloat16Storage" => ScalarType.BFloat16,
        "LongStorage" => ScalarType.Int64,
        "IntStorage" => ScalarType.Int32,
        "ShortStorage" => ScalarType.Int16,
        "CharStorage" => ScalarType.Int8,
        "ByteStorage" => ScalarType.Byte,
        _ => ScalarType.Bool,
    };
}

/// <summary>Weights of a file of either kind, by name.</summary>
public static class WeightFile
{
    /// <summary>Reads <c>.safetensors</c>, or a <c>.pth</c> (there the dictionary called <paramref name="key"/>, else "state_dict", "model" or the file itself). The caller disposes the tensors.</summary>
    /// <exception cref="RefusedException">the file is neither, or damaged</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path, string key = "state_dict")
    {
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) return PthFile.Open(path).Tensors(key);
        using var file = SafetensorsFile.Open(path);
        return file.Names.ToDictionary(n => n, file.Read);
    }
}
