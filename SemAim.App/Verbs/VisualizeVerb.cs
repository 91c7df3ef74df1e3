using CommandLine;
using SemAim.App.Figures;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;

namespace SemAim.App.Verbs;

/// <summary><c>semaim visualize</c>: the figure that compares the orders.</summary>
[Verb("visualize", HelpText = "Draw attention, similarity and the orders of prediction for your own pictures.")]
internal sealed class VisualizeVerb : IVerb
{
    [Option("data_path", Required = true, HelpText = "A folder of pictures.")]
    public string DataPath { get; set; } = "";

    [Option("model", Default = "aim_base", HelpText = "aim_tiny, aim_base, aim_large or aim_huge.")]
    public string Model { get; set; } = "";

    [Option("pretrained_weights", Required = true, HelpText = "model.safetensors of a pretraining run.")]
    public string PretrainedWeights { get; set; } = "";

    [Option("output", Default = "orders.png", HelpText = "The PNG to write.")]
    public string Output { get; set; } = "";

    [Option("count", Default = 6, HelpText = "Pictures, evenly over the folder (1 to 64).")]
    public int Count { get; set; }

    [Option("seed", Default = 0UL, HelpText = "Of the random orders.")]
    public ulong Seed { get; set; }

    public int Run()
    {
        if (Count is < 1 or > 64) throw new UsageException($"--count {Count}: 1 to 64");
        NativeStart.Ensure();
        if (!Directory.Exists(DataPath)) throw new UsageException($"--data_path {DataPath}: there is no such folder");
        using var source = SampleSources.Pictures(DataPath);
        using var model = ModelCatalogue.CreateAim(Model);
        ModelWeights.Load(model, PretrainedWeights);
        model.eval();
        var count = Math.Min(Count, source.Count);
        OrdersOfModel.Write(Output, model, source, [.. Enumerable.Range(0, count).Select(i => (int)((long)i * source.Count / count))], Seed);
        Console.Out.WriteLine(Output);
        return ExitCodes.Done;
    }
}
