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
internal sealed class VisualizeVerb : PictureOptions, IVerb
{
    [Option("data_path", Required = true, HelpText = "A folder of pictures, or one picture.")]
    public string DataPath { get; set; } = "";

    [Option("model", Default = "", HelpText = "aim_tiny, aim_base, aim_large or aim_huge; without it the sizes that the weights show.")]
    public string Model { get; set; } = "";

    [Option("num_heads", Default = 0, HelpText = "Heads of an attention, which weights do not show; needed only for sizes that no published model has.")]
    public int Heads { get; set; }

    [Option("attention_type", Default = "cls", HelpText = "The similarity map: each patch beside the class token (cls) or beside the mean of all patches (gap).")]
    public string AttentionType { get; set; } = "";

    [Option("pretrained_weights", Required = true, HelpText = "Weights: .safetensors, the original's .pth, or a run's folder. Or one for each of --orders, to compare networks that were trained in them, as the paper's figure does.")]
    public IEnumerable<string> PretrainedWeights { get; set; } = [];

    [Option("figure", Default = "", HelpText = "The figure that compares the orders, laid out like the original's, a PNG. orders.png where nothing else is asked for.")]
    public string Figure { get; set; } = "";

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
        if (AttentionType is not ("cls" or "gap")) throw new UsageException($"--attention_type {AttentionType}: choose cls or gap");
        if (Heads < 0) throw new UsageException($"--num_heads {Heads}: at least 1");
        List<string> weights = [.. PretrainedWeights];
        if (weights.Count != 1 && weights.Count != orders.Length) throw new UsageException($"--pretrained_weights: {weights.Count} files for {orders.Length} orders; one for all, or one for each of {string.Join(", ", orders)}");
        if (new[] { Figure, Stages, Animate }.Where(f => f.Length > 0).Select(Path.GetFullPath).GroupBy(f => f).FirstOrDefault(g => g.Count() > 1) is { Key: var twice }) throw new UsageException($"--figure, --stages and --animate: each needs a file of its own, {twice} is named twice");
        if (orders.Distinct().Count() < orders.Length && weights.Count == 1) throw new UsageException($"--orders {OrderNames}: each order once");
        var reading = Reading();
        NativeStart.Ensure();
        if (!Directory.Exists(DataPath) && !File.Exists(DataPath)) throw new UsageException($"--data_path {DataPath}: there is no such folder or picture");
        foreach (var (option, file) in new[] { ("--figure", Figure), ("--stages", Stages), ("--animate", Animate) }) OutputFile.Prepare(option, file);
        OutputFile.PrepareFolder("--singles", Singles);
        using var source = SampleSources.Pictures(DataPath, reading);
        var others = Stages.Length + Animate.Length + Singles.Length > 0;
        var count = Math.Min(Count, source.Count);
        int[] indices = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * source.Count / count))];
        var overlay = new Overlay(Colours, Blend, !KeepColour, Smooth);
        using var objective = others ? new PixelObjective(KernelSize, Sigma, !RawPixels) : null;
        var (rows, pictures) = weights.Count == 1 ? Look(weights[0], orders) : Beside();
        var figure = Figure.Length > 0 || others ? Figure : "orders.png";
        if (figure.Length > 0)
        {
            OrdersFigure.Write(figure, [.. orders.Select(OrdersOfModel.Title)], rows, Scale, overlay);
            Console.Out.WriteLine(figure);
        }
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

        (List<OrdersRow> Rows, List<PredictedPicture> Pictures) Look(string file, string[] names)
        {
            using var opened = Open(file, encoderOnly: !others);
            if (others && !opened.PredictsPixels) throw new RefusedException($"{file}: predicts no pixels (an encoder alone, or a model of features), so there is nothing for --{(Stages.Length > 0 ? "stages" : Animate.Length > 0 ? "animate" : "singles")} to show; --figure needs the encoder only");
            return OrdersOfModel.Look(opened.Model, source, indices, names, Seed, AttentionType, objective, !RawPixels);
        }

        (List<OrdersRow> Rows, List<PredictedPicture> Pictures) Beside()
        {
            var networks = weights.Select((file, i) => Look(file, [orders[i]])).ToList();
            if (networks.FirstOrDefault(n => n.Rows[0].Picture.Size != networks[0].Rows[0].Picture.Size) is { Rows: { } other }) throw new RefusedException($"--pretrained_weights: the first network sees pictures of {networks[0].Rows[0].Picture.Size} px, another of {other[0].Picture.Size} px");
            return (OrdersRow.Beside([.. networks.Select(n => n.Rows)]), PredictedPicture.Beside([.. networks.Select(n => n.Pictures)]));
        }
    }

    // a named model says how many heads there are, and is what the weights must be of
    private PretrainedAim Open(string weights, bool encoderOnly)
    {
        if (Model.Length == 0) return PretrainedAim.Open(weights, Heads > 0 ? Heads : null, encoderOnly);
        var named = EncoderSizes.Named(Model);
        using (var file = WeightFile.Open(weights))
            if (EncoderSizes.Of(file, heads: 1) is var seen && (seen.PatchSize, seen.Width, seen.Blocks) != (named.PatchSize, named.Width, named.Blocks))
                throw new RefusedException($"{weights}: --model {Model} has patches of {named.PatchSize} px, width {named.Width} and {named.Blocks} blocks; these weights {seen.PatchSize} px, {seen.Width} and {seen.Blocks}");
        return PretrainedAim.Open(weights, named.Heads, encoderOnly);
    }
}
