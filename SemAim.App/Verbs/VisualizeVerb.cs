using CommandLine;
using SemAim.App.Figures;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;

namespace SemAim.App.Verbs;

/// <summary><c>semaim visualize</c>: the figure that compares the orders, predictions at stages of an order, single maps and the autoregression as a moving picture.</summary>
[Verb("visualize", HelpText = "Draw attention, similarity and the orders of prediction for your own pictures.")]
internal sealed class VisualizeVerb : IVerb
{
    [Option("data_path", Required = true, HelpText = "A folder of pictures.")]
    public string DataPath { get; set; } = "";

    [Option("model", Default = "aim_base", HelpText = "aim_tiny, aim_base, aim_large or aim_huge.")]
    public string Model { get; set; } = "";

    [Option("pretrained_weights", Required = true, HelpText = "Weights of a pretraining run: .safetensors, .pth or the run's folder.")]
    public string PretrainedWeights { get; set; } = "";

    [Option("output", Default = "orders.png", HelpText = "The figure of the orders, a PNG.")]
    public string Output { get; set; } = "";

    [Option("stages", Default = "", HelpText = "Also write this PNG: target, what is known at 0, 25, 50 and 75 % and what is predicted next, and the error by patch.")]
    public string Stages { get; set; } = "";

    [Option("animate", Default = "", HelpText = "Also write this animated PNG: patches appear in their order.")]
    public string Animate { get; set; } = "";

    [Option("singles", Default = "", HelpText = "Also write every map, prediction and target as a PNG of its own into this folder.")]
    public string Singles { get; set; } = "";

    [Option("orders", Default = "raster,stochastic,attention,attention_center", HelpText = "Orders to compare, with commas (1 to 8).")]
    public string OrderNames { get; set; } = "";

    [Option("colours", Default = Colours.Jet, HelpText = "jet, viridis or magma; the last two are perceptually even.")]
    public Colours Colours { get; set; }

    [Option("smooth", Default = false, HelpText = "Maps smooth between patches instead of in hard blocks.")]
    public bool Smooth { get; set; }

    [Option("blend", Default = 0.45, HelpText = "Share of the map's colour over the picture (0 to 1); 0.3 as in the paper.")]
    public double Blend { get; set; }

    [Option("keep_colour", Default = false, HelpText = "Show the picture under a map in its own colours, as the paper does, instead of grey.")]
    public bool KeepColour { get; set; }

    [Option("scale", Default = 2, HelpText = "Pixels a unit: 1, or 2 for fine screens (1 to 4).")]
    public int Scale { get; set; }

    [Option("count", Default = 6, HelpText = "Pictures, evenly over the folder (1 to 64).")]
    public int Count { get; set; }

    [Option("gaussian_kernel_size", Default = 0, HelpText = "Side of the target's blur, odd, as the model was trained; 0: no blur.")]
    public int KernelSize { get; set; }

    [Option("gaussian_sigma", Default = 1.0, HelpText = "Of the target's blur, pixels.")]
    public double Sigma { get; set; }

    [Option("raw_pixels", Default = false, HelpText = "The model was trained on plain pixels, without --norm_pix_loss.")]
    public bool RawPixels { get; set; }

    [Option("seed", Default = 0UL, HelpText = "Of the random orders.")]
    public ulong Seed { get; set; }

    public int Run()
    {
        if (Count is < 1 or > 64) throw new UsageException($"--count {Count}: 1 to 64");
        if (Scale is < 1 or > 4) throw new UsageException($"--scale {Scale}: 1 to 4");
        if (!(Blend is >= 0 and <= 1)) throw new UsageException($"--blend {Blend}: 0 to 1");
        if (KernelSize is < 0 or > 99) throw new UsageException($"--gaussian_kernel_size {KernelSize}: 0, or odd up to 99");
        if (!(Sigma is > 0 and <= 100)) throw new UsageException($"--gaussian_sigma {Sigma}: above 0, at most 100");
        var orders = OrderNames.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (orders.Length is < 1 or > 8) throw new UsageException($"--orders {OrderNames}: 1 to 8 names with commas");
        foreach (var order in orders)
            if (!Orders.Names.Contains(order)) throw new UsageException($"--orders {order}: there is no such order{CommandLineProgram.Nearest(order, Orders.Names)}; choose from {string.Join(", ", Orders.Names)}");
        NativeStart.Ensure();
        if (!Directory.Exists(DataPath)) throw new UsageException($"--data_path {DataPath}: there is no such folder");
        using var source = SampleSources.Pictures(DataPath);
        using var model = ModelCatalogue.CreateAim(Model);
        using (var file = WeightFile.Open(PretrainedWeights)) ModelWeights.Load(model, file, EncoderWeights.Pretraining);
        model.eval();
        var count = Math.Min(Count, source.Count);
        int[] indices = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * source.Count / count))];
        var overlay = new Overlay(Colours, Blend, !KeepColour, Smooth);

        var rows = OrdersOfModel.Rows(model, source, indices, orders, Seed);
        OrdersFigure.Write(Output, [.. orders.Select(OrdersOfModel.Title)], rows, Scale, overlay);
        Console.Out.WriteLine(Output);
        if (Stages.Length + Animate.Length + Singles.Length == 0) return ExitCodes.Done;

        using var objective = new PixelObjective(KernelSize, Sigma, !RawPixels);
        var pictures = OrdersOfModel.Predictions(model, objective, !RawPixels, source, indices, orders, Seed);
        if (Stages.Length > 0)
        {
            StagesFigure.Write(Stages, pictures, Scale, overlay);
            Console.Out.WriteLine(Stages);
        }
        if (Animate.Length > 0)
        {
            Animation.Write(Animate, pictures, Scale);
            Console.Out.WriteLine(Animate);
        }
        if (Singles.Length > 0) Console.Out.WriteLine($"{SinglePictures.Write(Singles, rows, pictures, orders, overlay)} pictures → {Singles}");
        return ExitCodes.Done;
    }
}
