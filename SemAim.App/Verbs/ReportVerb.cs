using System.Text.Json;
using CommandLine;
using SemAim.App.Report;
using SemAim.Models;
using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary><c>semaim report</c>: a page of a run.</summary>
[Verb("report", HelpText = "Write a self-contained HTML page of a run.")]
internal sealed class ReportVerb : IVerb
{
    [Value(0, MetaName = "RUN", Required = true, HelpText = "Folder of the run.")]
    public string RunFolder { get; set; } = "";

    [Option("output", Default = "", HelpText = "The page; without it report.html in the run's folder.")]
    public string Output { get; set; } = "";

    public int Run()
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(RunFolder));
        if (!File.Exists(Path.Combine(folder, "metrics.jsonl"))) throw new RefusedException($"{RunFolder}: no run here, metrics.jsonl is missing");
        NativeStart.Ensure();
        using var model = Model(folder);
        var path = Output.Length > 0 ? Output : Path.Combine(folder, "report.html");
        ReportPage.Write(path, folder, [], model);
        Console.Out.WriteLine(path);
        return ExitCodes.Done;
    }

    private static AimViT? Model(string folder)
    {
        var config = Path.Combine(folder, "config.json");
        if (!File.Exists(config)) return null;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(config));
            return json.RootElement.TryGetProperty("model", out var name) && name.GetString() == "aim_tiny" ? ModelCatalogue.CreateAim("aim_tiny") : null;
        }
        catch (JsonException e) { throw new RefusedException($"{config}: malformed: {e.Message}", e); }
    }
}
