using System.Text.Encodings.Web;
using System.Text.Json;

namespace SemAim.Runtime.Logging;

/// <summary>metrics.jsonl: one object a line, on disk when the call returns.</summary>
public sealed class MetricsLog : IDisposable
{
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };
    private readonly RecordFile file;

    /// <summary>Appends to a file.</summary>
    /// <param name="path">made where it is missing</param>
    /// <param name="tell">gets one line when a full disk begins to cost lines and one when it no longer does; null: a refusal is thrown</param>
    public MetricsLog(string path, Action<string>? tell = null) => file = RecordFile.Open(path, FileMode.OpenOrCreate, tell);

    /// <summary>Before a run goes on from a step: drops what a later step wrote, and a line that was cut off. A run that starts anew (step 0) starts an empty file.</summary>
    public static void Cut(string path, long step)
    {
        if (!File.Exists(path)) return;
        if (step == 0)
        {
            File.Delete(path);
            return;
        }
        File.WriteAllLines(path + ".part", File.ReadLines(path).Where(line => StepOf(line) <= step));
        File.Move(path + ".part", path, overwrite: true);
    }

    private static long StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.TryGetProperty("step", out var step) ? step.GetInt64() : 0 : long.MaxValue;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return long.MaxValue;
        }
    }

    /// <summary>Writes one object.</summary>
    /// <param name="kind">step, epoch, knn, event …</param>
    /// <param name="values">the other members, in order</param>
    public void Write(string kind, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var line = new Dictionary<string, object?> { ["kind"] = kind };
        foreach (var (name, value) in values) line[name] = value;
        file.Add([.. JsonSerializer.SerializeToUtf8Bytes(line, Options), (byte)'\n']);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();
}
