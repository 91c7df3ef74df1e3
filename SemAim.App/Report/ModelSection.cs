using System.Globalization;
using System.Text;

namespace SemAim.App.Report;

/// <summary>A model in a page: sizes, diagram, memory, layers.</summary>
internal static class ModelSection
{
    internal static readonly int[] Batches = [1, 8, 64, 256];

    internal static string Html(ModelCard card)
    {
        var html = new StringBuilder("<div class=\"cards\">");
        foreach (var (name, value, remark) in Sizes(card))
            html.Append(CultureInfo.InvariantCulture, $"<div class=\"card\"><span>{ReportPage.E(name)}</span><b>{ReportPage.E(value)}</b><span>{ReportPage.E(remark)}</span></div>");
        html.Append("</div><div class=\"charts\" style=\"grid-template-columns:minmax(0,1fr)\"><div class=\"panel scroll\">").Append(ModelDiagram.Svg(card)).Append("</div>");
        html.Append(CultureInfo.InvariantCulture, $"<div class=\"panel scroll\"><p class=\"lead\">{ReportPage.E(MermaidGraph(card))} as the compiler drew it; a frame is a loop.</p>{GraphDiagram.Svg(card.Mermaid, card.Name)}<details><summary>as Mermaid text</summary><pre>{ReportPage.E(card.Mermaid)}</pre></details></div>");
        if (card.Costs.Count > 0)
        {
            html.Append(ReportPage.Table(false, ["batch", "activations, fp32", "activations, bf16", "weights and optimiser, fp32", "bf16"], 0,
                Batches.Select(b => ("", (string[])[b.ToString(CultureInfo.InvariantCulture), Bytes(card.ActivationBytes(b, narrow: false)), Bytes(card.ActivationBytes(b, narrow: true)), Bytes(card.StateBytes(false)), Bytes(card.StateBytes(true))]))));
            html.Append(ReportPage.Table(false, ["graph, as compiled", "weights read", "multiply-adds", "kept for gradients, fp32", "bf16"], 1,
                card.Costs.Select(c => ("", (string[])[c.Graph, N(c.Parameters), N(c.MultiplyAdds), Kept(c.SavedBytes), Kept(c.SavedBytesNarrow)]))));
        }
        html.Append(CultureInfo.InvariantCulture, $"<p class=\"lead\">Axes: {ReportPage.E(Legend(card))}.</p>");
        html.Append(ReportPage.Table(false, ["layer", "kind", "axes", "shape", "times", "values", "multiply-adds"], 4,
            card.Folded().Select(f => ("", (string[])[f.Name, f.First.Kind, f.First.Symbolic, string.Join(" × ", f.First.Shape), f.Times.ToString(CultureInfo.InvariantCulture), N(f.Values), f.Macs == 0 ? "" : N(f.Macs)]))));
        html.Append(Passes(card.MainPasses)).Append("<details><summary>of every graph</summary>").Append(Passes(card.Passes)).Append("</details>");
        return html.Append("</div>").ToString();
    }

    private static string Passes(IEnumerable<PassRow> rows) => ReportPage.Table(false, ["graph", "pass of the compiler", "changed"], 3, rows.Select(p => ("", (string[])[$"{p.Module}.{p.Graph}", p.Pass, p.Changes])));

    /// <summary>The letters of the axes: D = 768, …</summary>
    internal static string Legend(ModelCard card) => string.Join(", ", card.Axes.Select(a => $"{a.Symbol} = {a.Size}"));

    private static string MermaidGraph(ModelCard card) => card.QueryBlocks > 0 ? "PredictMlp" : card.MainGraph;

    /// <summary>The sizes one asks for first: name, value, remark.</summary>
    internal static IEnumerable<(string Name, string Value, string Remark)> Sizes(ModelCard card) =>
    [
        ("Parameters", N(card.Parameters), card.QueryBlocks > 0 ? $"D = {card.Width}, {card.EncoderBlocks} encoder and {card.QueryBlocks} query blocks" : $"D = {card.Width}, {card.EncoderBlocks} blocks"),
        ("Picture", $"{card.ImageSize} × {card.ImageSize}", $"{card.Patches} patches of {card.PatchSize} × {card.PatchSize}"),
        ("Forward", Giga(card.ForwardMacs), $"per picture, {Giga(card.AttentionMacs)} of it attention scores"),
        ("Training step", Giga(card.StepMacs), card.GuidanceMacs > 0 ? $"per picture, with {Giga(card.GuidanceMacs)} guidance" : "per picture"),
    ];

    /// <summary>Bytes that a graph keeps; a dash where the compiler could not count them.</summary>
    internal static string Kept(long bytes) => bytes < 0 ? "–" : Bytes(bytes);

    internal static string N(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    internal static string Giga(long macs) => (macs / 1e9).ToString(macs >= 100_000_000 ? "F3" : "F4", CultureInfo.InvariantCulture) + " GMAC";

    internal static string Bytes(long bytes) => bytes >= 1L << 30 ? (bytes / (double)(1L << 30)).ToString("F1", CultureInfo.InvariantCulture) + " GiB" : (bytes / (double)(1L << 20)).ToString("F1", CultureInfo.InvariantCulture) + " MiB";
}
