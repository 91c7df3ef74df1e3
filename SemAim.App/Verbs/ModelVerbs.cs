using System.Globalization;
using System.Text.Json;
using CommandLine;
using SemAim.App.Report;
using SemAim.Runtime;
using Spectre.Console;

namespace SemAim.App.Verbs;

/// <summary><c>semaim model-list</c>: the declared variants.</summary>
[Verb("model-list", HelpText = "List the models and their sizes.")]
internal sealed class ModelListVerb : IVerb
{
    [Option("json", Default = false, HelpText = "One JSON array instead of a table.")]
    public bool Json { get; set; }

    public int Run()
    {
        NativeStart.Ensure();
        List<ModelCard> cards = [.. ModelCard.Names.Select(ModelCard.Named)];
        if (Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(cards.Select(c => new { name = c.Name, parameters = c.Parameters, image_size = c.ImageSize, patch_size = c.PatchSize, width = c.Width, encoder_blocks = c.EncoderBlocks, query_blocks = c.QueryBlocks, forward_macs = c.ForwardMacs, step_macs = c.StepMacs })));
            return ExitCodes.Done;
        }
        var table = new TerminalTable(["model", "parameters", "px", "patch", "width", "blocks", "queries", "GMAC"]);
        foreach (var c in cards) table.AddRow(c.Name, ModelSection.N(c.Parameters), $"{c.ImageSize}", $"{c.PatchSize}", $"{c.Width}", $"{c.EncoderBlocks}", c.QueryBlocks > 0 ? $"{c.QueryBlocks}" : "–", (c.ForwardMacs / 1e9).ToString(c.ForwardMacs >= 100_000_000 ? "F2" : "F4", CultureInfo.InvariantCulture));
        table.Write(AnsiConsole.Console);
        return ExitCodes.Done;
    }
}

/// <summary><c>semaim model-show</c>: what a model is made of and costs.</summary>
[Verb("model-show", HelpText = "Show a model: layers, shapes, parameters, multiply-adds, memory, what the compiler's passes changed, diagram.")]
internal sealed class ModelShowVerb : IVerb
{
    [Option("model", Required = true, HelpText = "A name that model-list lists.")]
    public string Model { get; set; } = "";

    [Option("json", Default = false, HelpText = "One JSON object instead of tables.")]
    public bool Json { get; set; }

    [Option("html", Default = "", HelpText = "Write a page to this file.")]
    public string Html { get; set; } = "";

    [Option("mermaid", Default = false, HelpText = "Only the diagram, as Mermaid text.")]
    public bool Mermaid { get; set; }

    public int Run()
    {
        if (new[] { Json, Html.Length > 0, Mermaid }.Count(asked => asked) > 1) throw new UsageException("--json, --html and --mermaid exclude each other");
        OutputFile.Prepare("--html", Html);
        NativeStart.Ensure();
        var card = ModelCard.Named(Model);
        if (Html.Length > 0)
        {
            WholeFile.Write(Html, $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>SemAim · {Model}</title><style>{ReportPage.Asset("report.css")}</style></head><body><main><h1>{Model}</h1>{ModelSection.Html(card)}</main></body></html>\n");
            Console.Out.WriteLine(Html);
        }
        else if (Mermaid) Console.Out.WriteLine(card.Mermaid);
        else if (Json) Console.Out.WriteLine(Serialised(card));
        else Tables(AnsiConsole.Console, card);
        return ExitCodes.Done;
    }

    internal static void Tables(IAnsiConsole console, ModelCard card)
    {
        foreach (var (name, value, remark) in ModelSection.Sizes(card)) console.WriteLine($"{name,-14} {value,12}   {remark}");
        console.WriteLine();
        var layers = new TerminalTable(["layer", "axes", "shape", "×", "values", "GMAC"]);
        foreach (var (name, times, first, values, macs) in card.Folded())
            layers.AddRow(name, first.Symbolic.Replace(" ", "", StringComparison.Ordinal), string.Join("×", first.Shape), $"{times}", ModelSection.N(values), macs == 0 ? "" : (macs / 1e9).ToString("F4", CultureInfo.InvariantCulture));
        layers.Write(console);
        console.WriteLine($"Axes: {ModelSection.Legend(card)}. GMAC: thousand million multiply-adds of one picture.");
        var graphs = new TerminalTable(["graph, as compiled", "weights read", "GMAC", "kept fp32", "kept bf16"]);
        foreach (var c in card.Costs) graphs.AddRow(c.Graph, ModelSection.N(c.Parameters), (c.MultiplyAdds / 1e9).ToString("F4", CultureInfo.InvariantCulture), ModelSection.Kept(c.SavedBytes), ModelSection.Kept(c.SavedBytesNarrow));
        graphs.Write(console);
        var memory = new TerminalTable(["batch", "activations fp32", "activations bf16", "state fp32", "state bf16"]);
        foreach (var batch in ModelSection.Batches) memory.AddRow($"{batch}", ModelSection.Bytes(card.ActivationBytes(batch, narrow: false)), ModelSection.Bytes(card.ActivationBytes(batch, narrow: true)), ModelSection.Bytes(card.StateBytes(false)), ModelSection.Bytes(card.StateBytes(true)));
        memory.Write(console);
        console.WriteLine($"State: weights, gradients, both moments. Activations: what the compiler counted {card.CountedGraph} to keep for its backward pass.");
        var passes = new TerminalTable(["graph", "pass of the compiler", "changed"], texts: 3, wraps: true);
        foreach (var p in card.MainPasses) passes.AddRow($"{p.Module}.{p.Graph}", p.Pass, p.Changes);
        passes.Write(console);
    }

    private static string Serialised(ModelCard card) => JsonSerializer.Serialize(new
    {
        name = card.Name,
        parameters = card.Parameters,
        image_size = card.ImageSize,
        patch_size = card.PatchSize,
        width = card.Width,
        tokens = card.Tokens,
        encoder_blocks = card.EncoderBlocks,
        query_blocks = card.QueryBlocks,
        forward_macs = card.ForwardMacs,
        attention_macs = card.AttentionMacs,
        guidance_macs = card.GuidanceMacs,
        step_macs = card.StepMacs,
        memory = ModelSection.Batches.Select(b => new { batch = b, activations_fp32 = card.ActivationBytes(b, narrow: false), activations_bf16 = card.ActivationBytes(b, narrow: true), state_fp32 = card.StateBytes(false), state_bf16 = card.StateBytes(true) }),
        graphs = card.Costs.Select(c => new { name = c.Graph, parameters = c.Parameters, macs = c.MultiplyAdds, saved_fp32 = c.SavedBytes, saved_bf16 = c.SavedBytesNarrow }),
        axes = card.Axes.ToDictionary(a => a.Symbol, a => a.Size),
        passes = card.Passes.Select(p => new { module = p.Module, graph = p.Graph, pass = p.Pass, changes = p.Changes }),
        layers = card.Layers.Select(l => new { name = l.Name, kind = l.Kind, axes = l.Symbolic, shape = l.Shape, trained = l.Trained, macs = l.Macs }),
        mermaid = card.Mermaid,
    });
}
