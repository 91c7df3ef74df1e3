using System.Text.Json;
using SemAim.Runtime.Data;

namespace SemAim.App.Training;

/// <summary>quarantine.jsonl of a run: each file that could not be decoded, once, with the reason and the step that met it first. It is what to repair or remove.</summary>
internal sealed class Quarantine
{
    private readonly string path;
    private readonly HashSet<string> known = [];

    /// <param name="anew">the run starts from the beginning: an older list goes</param>
    internal Quarantine(string path, bool anew)
    {
        this.path = path;
        if (!File.Exists(path)) return;
        if (anew) File.Delete(path);
        else
            foreach (var line in File.ReadLines(path))
                if (PathOf(line) is { } name) known.Add(name);
    }

    internal void Add(RefusedSample bad, long step)
    {
        if (!known.Add(bad.Path)) return;
        try { File.AppendAllText(path, JsonSerializer.Serialize(new { path = bad.Path, reason = bad.Reason, index = bad.Index, epoch = bad.Epoch, step }) + "\n"); }
        catch (IOException) { }                                // on a full disk the list is not worth the run; the line on standard error names the file too
    }

    private static string? PathOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("path").GetString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;        // a line that was cut off
        }
    }
}
