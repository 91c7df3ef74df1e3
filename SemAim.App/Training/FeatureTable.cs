using System.Diagnostics;
using System.Text.Json;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Features of a set of pictures, in its order: n × D on the CPU, and labels.</summary>
internal sealed record FeatureTable(Tensor Values, int[] Labels) : IDisposable
{
    /// <summary>Pictures a second that it took to compute them; 0 for a table that was read.</summary>
    internal double ImagesPerSecond { get; private init; }

    /// <summary>Bytes of the values.</summary>
    internal long Bytes => Values.numel() * ElementTypes.Size(Values.dtype);

    /// <summary>Goes through a source once; the table is allocated once, as large as it will be.</summary>
    /// <param name="extract">pictures (B × 3 × S × S, on the device) to B × D</param>
    /// <param name="normalise">store unit vectors: float16 keeps more of them then</param>
    /// <param name="store">float32 or float16</param>
    /// <param name="resize">as in <see cref="Pictures"/></param>
    internal static FeatureTable Collect(ISampleSource source, int size, int batch, int workers, Device device, Func<Tensor, Tensor> extract, bool normalise, ScalarType store, Narrator narrator, string what, int? resize = null)
    {
        using var guard = no_grad();
        Tensor? values = null;
        var labels = new int[source.Count];
        var clock = Stopwatch.StartNew();
        narrator.Track(what, source.Count, report => Pictures.ForEach(source, size, batch, workers, device, (images, ids, first) =>
        {
            var features = extract(images);
            if (normalise) features = nn.functional.normalize(features.to(float32), 2.0, 1);
            values ??= empty([source.Count, features.size(1)], dtype: store).DetachFromDisposeScope();
            values.narrow(0, first, ids.Length).copy_(features);
            ids.CopyTo(labels, first);
            report(first + ids.Length, $"{(first + ids.Length) / clock.Elapsed.TotalSeconds:F0} images/s");
        }, resize: resize));
        return new(values!, labels) { ImagesPerSecond = source.Count / clock.Elapsed.TotalSeconds };
    }

    /// <summary>Writes the table and what it was made with.</summary>
    internal void Save(string path, Protocol protocol, IReadOnlyList<string> classes)
    {
        using var labels = tensor(Labels.Select(l => (long)l).ToArray());
        SafetensorsWriter.Write(path, [KeyValuePair.Create("features", Values), KeyValuePair.Create("labels", labels)],
            new Dictionary<string, string> { ["protocol"] = JsonSerializer.Serialize(protocol.Json), ["classes"] = JsonSerializer.Serialize(classes) });
    }

    /// <summary>Reads a table that <see cref="Save"/> wrote.</summary>
    /// <exception cref="RefusedException">it is no such table</exception>
    internal static (FeatureTable Table, Protocol Protocol, IReadOnlyList<string> Classes) Load(string path)
    {
        using var file = SafetensorsFile.Open(path);
        if (!file.Names.Contains("features") || !file.Names.Contains("labels") || file.Shape("features") is not [> 0, > 0] axes || !file.Shape("labels").SequenceEqual([axes[0]]) || file.Type("labels") != ScalarType.Int64 || !ElementTypes.IsFloating(file.Type("features")))
            throw new RefusedException($"{path}: no table of features: \"features\" n × D and \"labels\" n belong there");
        try
        {
            var protocol = new Protocol();
            foreach (var item in JsonDocument.Parse(file.Metadata.GetValueOrDefault("protocol") ?? "{}").RootElement.EnumerateObject()) protocol.Add(item.Name, item.Value.ValueKind == JsonValueKind.String ? item.Value.GetString()! : item.Value.Clone());
            var classes = JsonSerializer.Deserialize<List<string>>(file.Metadata.GetValueOrDefault("classes") ?? "[]") ?? [];
            using var labels = file.Read("labels");
            int[] numbers = [.. labels.data<long>().Select(l => l is >= 0 and < 1 << 24 ? (int)l : throw new RefusedException($"{path}: label {l}"))];
            return (new(file.Read("features").DetachFromDisposeScope(), numbers), protocol, classes);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) { throw new RefusedException($"{path}: its metadata is malformed", e); }
    }

    public void Dispose() => Values.Dispose();
}
