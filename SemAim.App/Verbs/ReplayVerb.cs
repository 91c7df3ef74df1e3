using System.Text.Json;
using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary>A verb that trains and whose recorded steps can be repeated.</summary>
internal interface IReplayed : ITrainingVerb
{
    /// <summary>Refuses options that no run can have.</summary>
    /// <exception cref="UsageException">names the option, the value and what is allowed</exception>
    void Check();

    /// <summary>Repeats a recorded step of this run; one line for each thing found out.</summary>
    /// <param name="record">the step</param>
    /// <param name="folder">of the record</param>
    IReadOnlyList<string> Replay(BadStep record, string folder);
}

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
        var options = new Dictionary<string, JsonElement>(record.Options);
        if (DataPath.Length > 0) options["data_path"] = JsonSerializer.SerializeToElement(DataPath);
        if (Device.Length > 0) options["device"] = JsonSerializer.SerializeToElement(Device);
        IReplayed verb = record.Verb switch
        {
            "pretrain" => RecordedOptions.Into(new PretrainVerb(), Record, options),
            "finetune" => RecordedOptions.Into(new FinetuneVerb(), Record, options),
            "linprobe" => RecordedOptions.Into(new LinprobeVerb(), Record, options),
            _ => throw new RefusedException($"{Record}: \"{record.Verb}\" is no verb whose steps are recorded"),
        };
        try { verb.Check(); }
        catch (UsageException e) { throw new RefusedException($"{Record}: {e.Message}", e); }
        NativeStart.Ensure();
        foreach (var line in verb.Replay(record, Path.GetDirectoryName(Path.GetFullPath(Record))!)) Console.Out.WriteLine(line);
        return ExitCodes.Done;
    }
}
