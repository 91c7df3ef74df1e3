using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>A tensor of a weight file as the file describes it.</summary>
/// <param name="Name">its key, as written</param>
/// <param name="Type">element type</param>
/// <param name="Shape">axes</param>
/// <param name="Strides">elements between neighbours of each axis</param>
public sealed record WeightEntry(string Name, ScalarType Type, long[] Shape, long[] Strides)
{
    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Bytes that the elements take.</summary>
    public long Bytes => Count * ElementTypes.Size(Type);

    /// <summary>F32, F16, I64 …</summary>
    public string TypeName => ElementTypes.Name(Type);

    /// <summary>Its elements lie one behind the other in the order of its axes.</summary>
    public bool IsContiguous => Count == 0 || Strides.Zip(Dense(Shape), (a, b) => a == b).Zip(Shape, (same, d) => same || d == 1).All(s => s);

    /// <summary>Strides of a tensor that lies in order.</summary>
    internal static long[] Dense(long[] shape)
    {
        var strides = new long[shape.Length];
        for (var (i, step) = (shape.Length - 1, 1L); i >= 0; step *= Math.Max(1, shape[i--])) strides[i] = step;
        return strides;
    }
}

/// <summary>
/// Weights of a file by name: <c>.safetensors</c>, torch.save's zip and older form, the archive of torch.jit.save, or a folder of a run or of one of its checkpoints.
/// Which it is is told by the content. Nothing but names and sizes is read before a tensor is asked for.
/// </summary>
public sealed class WeightFile : IDisposable
{
    private const string Prefix = "module.";
    private readonly SafetensorsFile? safetensors;
    private readonly PthFile? pth;
    private readonly IReadOnlyDictionary<string, TensorReference> references = new Dictionary<string, TensorReference>();

    private WeightFile(string path, SafetensorsFile file)
    {
        (Path, safetensors, Format, Facts) = (path, file, "safetensors", file.Metadata);
        Entries = [.. file.Names.Select(n => new WeightEntry(n, file.Type(n), file.Shape(n), WeightEntry.Dense(file.Shape(n))))];
    }

    private WeightFile(string path, PthFile file, string? key)
    {
        (Path, pth, Format) = (path, file, file.IsLegacy ? "torch.save, older form" : file.IsScript ? "TorchScript" : "torch.save");
        references = file.References(key, out var others);
        Entries = [.. references.Select(r => new WeightEntry(r.Key, ElementTypes.OfStorage(r.Value.Storage.Type)!.Value, r.Value.Shape, r.Value.Strides))];
        Facts = others.Where(o => o.Value is string or long or double or bool).ToDictionary(o => o.Key, o => Convert.ToString(o.Value, CultureInfo.InvariantCulture)!);
        Others = [.. others.Keys.Where(k => !Facts.ContainsKey(k))];
    }

    /// <summary>The file that was read; inside the folder, if a folder was given.</summary>
    public string Path { get; }

    /// <summary>What kind of file it is, in words.</summary>
    public string Format { get; }

    /// <summary>Every tensor, in the file's order.</summary>
    public IReadOnlyList<WeightEntry> Entries { get; }

    /// <summary>Texts and numbers that stand beside the weights: metadata, epoch, model.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; }

    /// <summary>Names of what else the file holds and this does not look into: optimizer, loss_scaler.</summary>
    public IReadOnlyList<string> Others { get; } = [];

    /// <summary>Opens a file or folder.</summary>
    /// <param name="path">a weight file, a run's folder, or a checkpoint's folder</param>
    /// <param name="key">name of the dictionary in a torch.save file; null: "state_dict", "model", "teacher" or the file itself</param>
    /// <exception cref="RefusedException">there is none, it is of neither kind, or damaged</exception>
    public static WeightFile Open(string path, string? key = null)
    {
        path = Resolve(path);
        if (IsPth(path))
        {
            var file = PthFile.Open(path);
            try { return new(path, file, key); }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            // what has another name may have been meant to be of the other kind
            try { SafetensorsFile.Open(path).Dispose(); }
            catch (RefusedException e) { throw new RefusedException($"{path}: {(new FileInfo(path).Length == 0 ? "is empty" : "neither a file of torch.save nor safetensors")}", e); }
        }
        return key is null ? new(path, SafetensorsFile.Open(path)) : throw new RefusedException($"{path}: \"{key}\" was asked for, but a safetensors file has no dictionaries");
    }

    /// <summary>Reads a tensor to the CPU, with its strides; the caller disposes it.</summary>
    public Tensor ReadTensor(string name) => safetensors is not null ? safetensors.Read(name) : pth!.Read(references[name]);

    /// <summary>Reads everything once and compares the checksums that the format has.</summary>
    /// <exception cref="RefusedException">a part is damaged</exception>
    public void Verify() => pth?.Verify();

    /// <summary>All tensors of a file, without the prefix "module."; the caller disposes them.</summary>
    /// <exception cref="RefusedException">the file is of neither kind, or damaged</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path, string? key = null)
    {
        using var file = Open(path, key);
        var result = new Dictionary<string, Tensor>();
        foreach (var entry in file.Entries)
            if (!result.TryAdd(WithoutPrefix(entry.Name), file.ReadTensor(entry.Name))) throw new RefusedException($"{path}: \"{WithoutPrefix(entry.Name)}\" occurs twice, with and without \"module.\"");
        return result;
    }

    /// <summary>A key as one process would have written it.</summary>
    public static string WithoutPrefix(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;

    private static bool IsPth(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return stream.ReadByte() switch { 'P' => stream.ReadByte() == 'K', 0x80 => stream.ReadByte() is >= 2 and <= 5, _ => false };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new RefusedException($"{path}: {e.Message}", e); }
    }

    private static string Resolve(string path)
    {
        if (File.Exists(path)) return path;
        if (!Directory.Exists(path)) throw new RefusedException($"{path}: there is no such file");
        const string weights = "model.safetensors";
        var checkpoints = System.IO.Path.Combine(path, "checkpoints");
        var newest = Directory.Exists(checkpoints) ? Directory.GetDirectories(checkpoints, "step-*").Where(d => !d.EndsWith(".part", StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal).Select(d => System.IO.Path.Combine(d, weights)) : [];
        return newest.Prepend(System.IO.Path.Combine(path, weights)).FirstOrDefault(File.Exists) ?? throw new RefusedException($"{path}: a folder without {weights} and without checkpoints");
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        safetensors?.Dispose();
        pth?.Dispose();
    }
}
