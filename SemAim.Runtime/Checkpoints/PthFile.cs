using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>
/// A file that torch.save wrote, as zip (since 1.6) or in the older form, or torch.jit.save. Reading executes nothing: see <see cref="PickleReader"/>.
/// Sizes are checked against the file before anything is allocated; the data of a tensor is read when it is asked for, and its checksum compared.
/// </summary>
public sealed class PthFile : IDisposable
{
    private const int LongestPickle = 8 << 20, MostEntries = 200_000, DeepestModule = 64;
    private static readonly BigInteger LegacyMagic = BigInteger.Parse("119547037146038801333356", CultureInfo.InvariantCulture);

    private readonly string path;
    private readonly FileStream stream;
    private readonly Dictionary<string, (ZipArchiveEntry? Entry, long Offset, long Length)> storages = [];
    private readonly Dictionary<string, byte[]> shared = [];
    private readonly Dictionary<string, int> uses = [];
    private ZipArchive? zip;

    private PthFile(string path, FileStream stream) => (this.path, this.stream) = (path, stream);

    /// <summary>What was saved: dictionaries, lists, arrays (tuples), numbers, texts, and tensor references.</summary>
    internal object? Root { get; private set; }

    /// <summary>Written before torch 1.6.</summary>
    public bool IsLegacy => zip is null;

    /// <summary>A TorchScript archive (torch.jit.save): its modules' weights stand under the names that a state_dict has; its code is not looked at.</summary>
    public bool IsScript { get; private set; }

    /// <summary>Opens a file and reads everything but the data of its tensors.</summary>
    /// <exception cref="RefusedException">it was not written by torch.save, is damaged, or names classes that are not allowed</exception>
    public static PthFile Open(string path)
    {
        FileStream stream;
        try { stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new RefusedException($"{path}: {e.Message}", e); }
        var file = new PthFile(path, stream);
        try
        {
            Span<byte> magic = stackalloc byte[2];
            var isZip = stream.ReadAtLeast(magic, 2, false) == 2 && magic is [(byte)'P', (byte)'K'];
            stream.Position = 0;
            if (isZip) file.ReadZip();
            else file.ReadLegacy();
            file.CheckTensors();
            return file;
        }
        catch (Exception e)
        {
            file.Dispose();
            if (e is IOException or InvalidDataException or UnauthorizedAccessException or NotSupportedException or ArgumentException or OverflowException) throw new RefusedException($"{path}: {OneLine(e)}", e);
            throw;
        }
    }

    /// <summary>The tensors of one dictionary by name, in order: the one called <paramref name="key"/>; without a key "state_dict", "model", "teacher" or the file itself.</summary>
    /// <param name="key">null: the first of these that there is</param>
    /// <param name="others">what else lies beside and in that dictionary, by name</param>
    /// <exception cref="RefusedException">there is no such dictionary</exception>
    internal IReadOnlyDictionary<string, TensorReference> References(string? key, out IReadOnlyDictionary<string, object?> others)
    {
        if (Root is not Dictionary<object, object?> root) throw new RefusedException($"{path}: holds no dictionary of tensors");
        if (key is not null && root.GetValueOrDefault(key) is not Dictionary<object, object?>)
            throw new RefusedException($"{path}: has no \"{key}\"; it has {string.Join(", ", root.Where(r => r.Value is Dictionary<object, object?>).Select(r => $"\"{r.Key}\"").Take(8))}");
        // pretraining writes its weights as "state_dict", evaluation and most others as "model", DINO its average as "teacher" beside its "student"
        var state = (key is not null ? root[key] : root.GetValueOrDefault("state_dict") as Dictionary<object, object?> ?? root.GetValueOrDefault("model") as Dictionary<object, object?> ?? root.GetValueOrDefault("teacher") as Dictionary<object, object?> ?? root) as Dictionary<object, object?>;
        var rest = new Dictionary<string, object?>();
        var tensors = new Dictionary<string, TensorReference>();
        foreach (var (name, value) in state!)
        {
            if (name is string text && value is TensorReference reference) tensors[text] = reference;
            else rest[name.ToString()!] = value;
        }
        if (!ReferenceEquals(state, root))
            foreach (var (name, value) in root)
                if (!ReferenceEquals(value, state)) rest[name.ToString()!] = value;
        others = rest;
        return tensors.Count > 0 ? tensors : throw new RefusedException($"{path}: {(key is null ? "neither \"state_dict\" nor \"model\" nor \"teacher\" nor the file itself" : $"\"{key}\" does not")} hold{(key is null ? "s" : "")} tensors");
    }

    /// <summary>The tensors of one dictionary: see <see cref="References"/>. A leading "module." (several processes) is dropped. The caller disposes them.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors(string? key = null)
    {
        var result = new Dictionary<string, Tensor>();
        try
        {
            foreach (var (name, reference) in References(key, out _))
            {
                var text = WeightFile.WithoutPrefix(name);
                if (result.ContainsKey(text)) throw new RefusedException($"{path}: \"{text}\" occurs twice, with and without \"module.\"");
                result[text] = Read(reference);
            }
            return result;
        }
        catch
        {
            foreach (var tensor in result.Values) tensor.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor to the CPU, with its strides; the caller disposes it.</summary>
    internal Tensor Read(TensorReference reference)
    {
        var type = ElementTypes.OfStorage(reference.Storage.Type)!.Value;
        if (reference.Count == 0) return empty(reference.Shape, dtype: type);
        var (bytes, size) = (Bytes(reference.Storage), ElementTypes.Size(type));
        using var flat = empty(reference.Extent, dtype: type);
        using (var source = new MemoryStream(bytes, checked((int)(reference.Offset * size)), checked((int)(reference.Extent * size)), writable: false)) flat.ReadBytesFromStream(source);
        return flat.as_strided(reference.Shape, reference.Strides, 0);
    }

    /// <summary>Reads all data once and compares the checksums (of the zip form; the older one has none).</summary>
    /// <exception cref="RefusedException">a storage is damaged</exception>
    internal void Verify()
    {
        foreach (var storage in Storages(Root).Values) Bytes(storage);
        shared.Clear();
    }

    private byte[] Bytes(StorageReference storage)
    {
        if (shared.TryGetValue(storage.Key, out var known)) return known;
        var (entry, offset, length) = storages[storage.Key];
        byte[] bytes;
        try
        {
            if (entry is not null)
            {
                bytes = Checked(entry);
            }
            else
            {
                bytes = new byte[length];
                stream.Position = offset;
                stream.ReadExactly(bytes);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException) { throw new RefusedException($"{path}: storage \"{storage.Key}\": {OneLine(e)}", e); }
        if (uses[storage.Key] > 1) shared[storage.Key] = bytes;
        return bytes;
    }

    // what the pickle says of each storage, and what writing all tensors out would take, against what the file holds
    private void CheckTensors()
    {
        var total = 0.0;
        foreach (var reference in Tensors(Root))
        {
            var (storage, type) = (reference.Storage, ElementTypes.OfStorage(reference.Storage.Type)!.Value);
            if (!storages.TryGetValue(storage.Key, out var data) || data.Length % ElementTypes.Size(type) != 0 || data.Length / ElementTypes.Size(type) != storage.Count)
                throw new RefusedException($"{path}: storage \"{storage.Key}\" is missing or not as long as said");
            if (data.Length > Array.MaxLength) throw new RefusedException($"{path}: storage \"{storage.Key}\" has more than 2 GB");
            uses[storage.Key] = uses.GetValueOrDefault(storage.Key) + 1;
            total += (double)reference.Count * ElementTypes.Size(type);
        }
        // views repeat elements, and tied weights a storage; but a small file must not become large
        if (total > 4.0 * stream.Length + (1 << 20)) throw new RefusedException($"{path}: its tensors would take {total:G3} bytes, the file has {stream.Length}");
    }

    private void ReadZip()
    {
        try { zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true); }
        catch (InvalidDataException e) { throw new RefusedException($"{path}: begins like a file of torch.save, but its end is missing or damaged: was it cut off on its way here?", e); }
        if (zip.Entries.Count > MostEntries) throw new RefusedException($"{path}: a zip file of {zip.Entries.Count} entries");
        var pickles = zip.Entries.Where(e => e.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles is not [var pickle]) throw new RefusedException($"{path}: a zip file with {pickles.Count} data.pkl, where one belongs");
        var root = pickle.FullName[..^"data.pkl".Length];
        IsScript = zip.Entries.Any(e => e.FullName == root + "constants.pkl") && zip.Entries.Any(e => e.FullName.StartsWith(root + "code/", StringComparison.Ordinal));
        if (pickle.Length > LongestPickle) throw new RefusedException($"{path}: its pickle would take {pickle.Length} bytes");
        var total = 0L;
        foreach (var entry in zip.Entries)
        {
            // torch.save stores; a packed entry could unfold to anything. The code of a script is packed, and never opened
            if (IsScript && entry.FullName.StartsWith(root + "code/", StringComparison.Ordinal)) continue;
            if (entry.Length != entry.CompressedLength || entry.Length > stream.Length || (total += entry.Length) > stream.Length) throw new RefusedException($"{path}: \"{entry.FullName}\" is compressed or larger than the file");
            if (entry.FullName.EndsWith("/byteorder", StringComparison.Ordinal) && (entry.Length > 16 || System.Text.Encoding.ASCII.GetString(Checked(entry)) != "little")) throw new RefusedException($"{path}: its numbers are big-endian");
            if (entry.FullName.StartsWith(root + "data/", StringComparison.Ordinal) && !storages.TryAdd(entry.FullName[(root.Length + 5)..], (entry, 0, entry.Length))) throw new RefusedException($"{path}: \"{entry.FullName}\" occurs twice");
        }
        var position = 0;
        var bytes = Checked(pickle);
        Root = PickleReader.Read(bytes, ref position, path, IsScript);
        if (position != bytes.Length) throw new RefusedException($"{path}: its pickle has {bytes.Length - position} bytes behind its end");
        if (IsScript) Root = Flat(Root as Dictionary<object, object?> ?? throw new RefusedException($"{path}: a script that is no module"));
    }

    // modules in modules become dotted names; one module may stand in several places, but neither in itself nor in more places than a model has weights
    private Dictionary<object, object?> Flat(Dictionary<object, object?> module)
    {
        var flat = new Dictionary<object, object?>();
        var open = new Stack<(string Prefix, Dictionary<object, object?> Module, int Depth)>([("", module, 0)]);
        var visited = 0;
        while (open.TryPop(out var next))
        {
            if (next.Depth > DeepestModule || (visited += 1 + next.Module.Count) > MostEntries) throw new RefusedException($"{path}: its modules stand in each other without end");
            foreach (var (key, value) in next.Module)
            {
                var name = next.Prefix + key;
                if (value is Dictionary<object, object?> inner) open.Push((name + ".", inner, next.Depth + 1));
                else if (value is not null and not bool && !flat.TryAdd(name, value)) throw new RefusedException($"{path}: \"{name}\" occurs twice");
            }
        }
        return flat;
    }

    private byte[] Checked(ZipArchiveEntry entry)
    {
        var bytes = new byte[entry.Length];
        using (var source = entry.Open()) source.ReadExactly(bytes);
        return Crc32.HashToUInt32(bytes) == entry.Crc32 ? bytes : throw new RefusedException($"{path}: \"{entry.FullName}\" is damaged: its checksum differs");
    }

    private void ReadLegacy()
    {
        var bytes = new byte[Math.Min(stream.Length, LongestPickle)];
        stream.ReadExactly(bytes);
        var position = 0;
        if (bytes.Length < 2 || bytes[0] != 0x80 || PickleReader.Read(bytes, ref position, path) is not BigInteger magic || magic != LegacyMagic)
            throw new RefusedException($"{path}: neither a zip file nor an older torch.save file");
        if (PickleReader.Read(bytes, ref position, path) is not 1001L) throw new RefusedException($"{path}: of an unknown protocol");
        if (PickleReader.Read(bytes, ref position, path) is Dictionary<object, object?> system && system.GetValueOrDefault("little_endian") is false) throw new RefusedException($"{path}: its numbers are big-endian");
        Root = PickleReader.Read(bytes, ref position, path);
        if (PickleReader.Read(bytes, ref position, path) is not List<object?> keys) throw new RefusedException($"{path}: lists no storages");
        var named = Storages(Root);
        var at = (long)position;
        Span<byte> prefix = stackalloc byte[8];
        foreach (var key in keys)
        {
            if (key is not string name || !named.TryGetValue(name, out var storage) || stream.Length - at < 8) throw new RefusedException($"{path}: its list of storages does not fit its content");
            stream.Position = at;
            stream.ReadExactly(prefix);
            at += 8;
            var (count, size) = (BinaryPrimitives.ReadInt64LittleEndian(prefix), ElementTypes.Size(ElementTypes.OfStorage(storage.Type)!.Value));
            if (count != storage.Count || count > (stream.Length - at) / size) throw new RefusedException($"{path}: storage \"{name}\" is cut off");
            if (!storages.TryAdd(name, (null, at, count * size))) throw new RefusedException($"{path}: storage \"{name}\" occurs twice");
            at += count * size;
        }
        if (at != stream.Length) throw new RefusedException($"{path}: {stream.Length - at} bytes follow its last storage");
    }

    private Dictionary<string, StorageReference> Storages(object? root)
    {
        var found = new Dictionary<string, StorageReference>();
        foreach (var storage in Items(root).Select(i => i is TensorReference t ? t.Storage : i as StorageReference).OfType<StorageReference>())
            if (!found.TryAdd(storage.Key, storage) && found[storage.Key] != storage) throw new RefusedException($"{path}: storage \"{storage.Key}\" is said to be {found[storage.Key].Type} and {storage.Type}");
        return found;
    }

    private static IEnumerable<TensorReference> Tensors(object? root) => Items(root).OfType<TensorReference>();

    // everything once, whatever refers to what
    private static IEnumerable<object> Items(object? root)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object?>([root]);
        while (open.TryPop(out var item))
        {
            if (item is null || !seen.Add(item)) continue;
            yield return item;
            IEnumerable<object?> children = item switch { Dictionary<object, object?> d => d.Values, List<object?> l => l, object?[] a => a, _ => [] };
            foreach (var child in children) open.Push(child);
        }
    }

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ");

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        zip?.Dispose();
        stream.Dispose();
    }
}
