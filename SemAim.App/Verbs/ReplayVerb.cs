using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary><c>semaim replay</c>: repeats a recorded bad step.</summary>
[Verb("replay", HelpText = "Repeat a recorded bad step and name the first value of the graph that was not finite.")]
internal sealed class ReplayVerb : IVerb
{
    [Value(0, MetaName = "RECORD", Required = true, HelpText = "A file of a run's bad-steps folder: step-NNNNNNNN.json.")]
    public string Record { get; set; } = "";

    [Option("data_path", Default = "", HelpText = "The pictures, where they have moved.")]
    public string DataPath { get; set; } = "";

    [Option("device", Default = "", HelpText = "Another device than the run's.")]
    public string Device { get; set; } = "";

    public int Run()
    {
        var record = BadStepRecords.Read(Record);
        var verb = PretrainVerb.Of(Record, record.Options);
        if (DataPath.Length > 0) verb.DataPath = DataPath;
        if (Device.Length > 0) verb.Device = Device;
        NativeStart.Ensure();
        foreach (var line in verb.Replay(record, Path.GetDirectoryName(Path.GetFullPath(Record))!)) Console.Out.WriteLine(line);
        return ExitCodes.Done;
    }
}
