using System.Text.Json;

namespace SemAim.App.Report;

/// <summary>What the folder of a run tells (cli.md): measurements, settings, figure. A folder without one of them is shown without it.</summary>
internal sealed class RunRecord
{
    private const long LargestFigure = 16 << 20;

    private RunRecord(string folder)
    {
        Folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        Name = Path.GetFileName(Folder);
        Metrics = Lines(Path.Combine(Folder, "metrics.jsonl"));
        var config = Config(Path.Combine(Folder, "config.json"));
        Settings = [.. config.Where(c => c.Name != "environment")];
        Environment = config.FirstOrDefault(c => c.Name == "environment").Value ?? "";
        var figure = new FileInfo(Path.Combine(Folder, "orders.png"));
        Figure = figure.Exists && figure.Length <= LargestFigure ? File.ReadAllBytes(figure.FullName) : null;
    }

    internal string Folder { get; }

    /// <summary>Name of the folder; where others beside it are called the same, of its parents too.</summary>
    internal string Name { get; private set; }

    internal IReadOnlyList<JsonElement> Metrics { get; }

    /// <summary>Options by name, as JSON text without quotes.</summary>
    internal IReadOnlyList<(string Name, string Value)> Settings { get; }

    /// <summary>Where it ran, in words; empty where nobody said.</summary>
    internal string Environment { get; }

    /// <summary>orders.png.</summary>
    internal byte[]? Figure { get; }

    internal static RunRecord Read(string folder) => new(folder);

    /// <summary>Runs that are shown beside each other, each under a name of its own.</summary>
    internal static IReadOnlyList<RunRecord> Read(IReadOnlyList<string> folders)
    {
        IReadOnlyList<RunRecord> runs = [.. folders.Select(Read).DistinctBy(r => r.Folder)];
        for (var parts = 2; parts < 100 && runs.GroupBy(r => r.Name).Where(g => g.Count() > 1).SelectMany(g => g).ToList() is { Count: > 0 } alike; parts++)
            foreach (var run in alike) run.Name = string.Join('/', run.Folder.Split(Path.DirectorySeparatorChar).TakeLast(parts));
        return runs;
    }

    internal IEnumerable<JsonElement> Of(string kind) => Metrics.Where(m => Text(m, "kind") == kind);

    /// <summary>A curve: the records of a kind that have both keys. A run that was resumed goes over some steps again: what it had said of them and of later ones holds no more.</summary>
    internal IReadOnlyList<(double X, double Y)> Curve(string kind, string x, string y)
    {
        var curve = new List<(double X, double Y)>();
        foreach (var (at, value) in Of(kind).Where(m => Number(m, x) is not null && Number(m, y) is not null).Select(m => (Number(m, x)!.Value, Number(m, y)!.Value)))
        {
            if (!double.IsFinite(at) || !double.IsFinite(value)) continue;
            while (curve.Count > 0 && curve[^1].X >= at) curve.RemoveAt(curve.Count - 1);
            curve.Add((at, value));
        }
        return curve;
    }

    internal static string Text(JsonElement m, string key) => m.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.String ? v.GetString()! : "";

    internal static double? Number(JsonElement m, string key) => m.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : null;

    private static List<JsonElement> Lines(string path)
    {
        var lines = new List<JsonElement>();
        if (!File.Exists(path)) return lines;
        foreach (var line in File.ReadLines(path))
        {
            if (line.Length == 0) continue;
            try
            {
                using var json = JsonDocument.Parse(line);
                if (json.RootElement.ValueKind == JsonValueKind.Object && IsText(json.RootElement)) lines.Add(json.RootElement.Clone());
            }
            catch (JsonException)
            {
                // the last line of a run that was killed may be cut off
            }
        }
        return lines;
    }

    // half a UTF-16 pair is JSON, but no text
    private static bool IsText(JsonElement element)
    {
        try
        {
            return element.ValueKind switch
            {
                JsonValueKind.Object => element.EnumerateObject().All(p => p.Name is not null && IsText(p.Value)),
                JsonValueKind.Array => element.EnumerateArray().All(IsText),
                JsonValueKind.String => element.GetString() is not null,
                _ => true,
            };
        }
        catch (InvalidOperationException) { return false; }
    }

    private static List<(string Name, string Value)> Config(string path)
    {
        if (!File.Exists(path)) return [];
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            return json.RootElement.ValueKind != JsonValueKind.Object || !IsText(json.RootElement) ? [] : [.. json.RootElement.EnumerateObject().Select(p => (p.Name, p.Value.ValueKind == JsonValueKind.String ? p.Value.GetString()! : p.Value.GetRawText()))];
        }
        catch (JsonException e) { throw new Runtime.RefusedException($"{path}: {JsonFault.Of(e)}", e); }
    }
}
