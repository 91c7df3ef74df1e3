using CommandLine;
using SemAim.Runtime.Data.Demo;

namespace SemAim.App.Verbs;

/// <summary><c>semaim data-demo</c>: draws the demo's pictures.</summary>
[Verb("data-demo", HelpText = "Draw a labelled set of pictures: an object covered with one of ten motifs over a cluttered background, train and val folders.")]
internal sealed class DataDemoVerb : IVerb
{
    [Option("output_dir", Default = "demo-out/data", HelpText = "Folder to write.")]
    public string OutputDir { get; set; } = "";

    [Option("train", Default = 4000, HelpText = "Training pictures, all classes together.")]
    public int Train { get; set; }

    [Option("val", Default = 1000, HelpText = "Held-out pictures.")]
    public int Val { get; set; }

    [Option("size", Default = 64, HelpText = "Side of a picture, pixels (16 to 1024).")]
    public int Size { get; set; }

    [Option("seed", Default = 1UL, HelpText = "Same seed, same bytes.")]
    public ulong Seed { get; set; }

    public int Run()
    {
        if (Train < 1 || Val < 1) throw new Runtime.UsageException($"--{(Train < 1 ? "train" : "val")} {Math.Min(Train, Val)}: at least 1 picture");
        if (Size is < 16 or > 1024) throw new Runtime.UsageException($"--size {Size}: 16 to 1024 pixels");
        OutputFile.PrepareFolder("--output_dir", OutputDir);
        DemoSet.Clear(OutputDir);
        DemoSet.Write(OutputDir, new DemoSetOptions(Train, Val, Size, Seed));
        Console.Out.WriteLine($"{Train} training and {Val} held-out pictures of {Size} × {Size} in {OutputDir}");
        return ExitCodes.Done;
    }
}
