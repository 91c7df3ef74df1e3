using CommandLine;
using SemAim.App.Report;
using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary><c>semaim report</c>: a page of a run, or of several beside each other.</summary>
[Verb("report", HelpText = "Write a self-contained HTML page of one run, or of several beside each other.")]
internal sealed class ReportVerb : IVerb
{
    [Value(0, MetaName = "RUN", Required = true, Min = 1, Max = 12, HelpText = "Folders of runs (1 to 12).")]
    public IEnumerable<string> RunFolders { get; set; } = [];

    [Option("output", Default = "", HelpText = "The page; without it report.html in the first run's folder.")]
    public string Output { get; set; } = "";

    public int Run()
    {
        List<string> folders = [.. RunFolders.Select(r => Path.TrimEndingDirectorySeparator(Path.GetFullPath(r)))];
        if (folders.FirstOrDefault(f => !File.Exists(Path.Combine(f, "metrics.jsonl"))) is { } missing) throw new RefusedException($"{missing}: no run here, metrics.jsonl is missing");
        NativeStart.Ensure();
        var names = folders.Select(f => RunRecord.Read(f).Settings.FirstOrDefault(s => s.Name == "model").Value).OfType<string>().Where(ModelCard.Names.Contains).Distinct();
        var path = Output.Length > 0 ? Output : Path.Combine(folders[0], "report.html");
        ReportPage.Write(path, folders, [], [.. names.Select(ModelCard.Named)]);
        Console.Out.WriteLine(path);
        return ExitCodes.Done;
    }
}
