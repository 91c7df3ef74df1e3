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
        var path = Output.Length > 0 ? Output : Path.Combine(folders[0], "report.html");
        OutputFile.Prepare(Output.Length > 0 ? "--output" : "RUN", path);
        if (!IsPage(path)) throw new UsageException($"--output {path}: that file is no page, and would be lost; choose another name");
        NativeStart.Ensure();
        var names = folders.Select(f => RunRecord.Read(f).Settings.FirstOrDefault(s => s.Name == "model").Value).OfType<string>().Where(ModelCard.Names.Contains).Distinct();
        ReportPage.Write(path, folders, [], [.. names.Select(ModelCard.Named)]);
        Console.Out.WriteLine(path);
        return ExitCodes.Done;
    }

    // what may be replaced: nothing, an empty file, a page
    private static bool IsPage(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length == 0) return true;
        using var reader = new StreamReader(path);
        var begin = new char[200];
        return new string(begin, 0, reader.ReadBlock(begin)).TrimStart().StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase);
    }
}
