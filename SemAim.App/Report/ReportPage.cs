using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using SemAim.Models;

namespace SemAim.App.Report;

/// <summary>One HTML file that tells a run's story; it needs no network.</summary>
internal static class ReportPage
{
    private const string Style = """
        :root{--ink:#1d2430;--soft:#5c6675;--line:#e3e7ed;--card:#fff;--page:#f5f7fa;--a:#2563c9;--b:#c2571a;--c:#1e8a5f;--content:#e3edfb;--query:#fcebdd}
        @media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#98a3b3;--line:#2c3440;--card:#171c24;--page:#0f1319;--a:#6ea8ff;--b:#ff9d5c;--c:#5bd0a0;--content:#1d2c44;--query:#3b2819}}
        *{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
        main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 12px}
        .lead{color:var(--soft);margin:0 0 18px}.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px}
        .card,.chart,.panel{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}.card b{display:block;font-size:22px}.card span{color:var(--soft);font-size:13px}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:14px}.chart{margin:0}figcaption{font-weight:600;margin-bottom:6px}
        svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:11px}.grid{stroke:var(--line)}polyline{fill:none;stroke-width:2;stroke-linejoin:round}
        .s0{stroke:var(--a)}.s1{stroke:var(--b)}.s2{stroke:var(--c)}svg .l0{fill:var(--a)}svg .l1{fill:var(--b)}svg .l2{fill:var(--c)}.hit{fill:transparent}.hit:hover{fill:var(--a);fill-opacity:.35}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right}
        .scroll{overflow-x:auto}img{max-width:100%;height:auto;border-radius:8px;background:#fff}.diagram{max-width:860px}.diagram rect{stroke:var(--line)}.diagram .content{fill:var(--content)}.diagram .query{fill:var(--query)}
        .diagram text{fill:var(--ink)}.diagram line{stroke:var(--soft)}.diagram path{fill:var(--soft)}pre{white-space:pre-wrap;overflow-x:auto;font-size:13px}
        @media print{body{background:#fff}.card,.chart,.panel{break-inside:avoid}}
        """;

    /// <summary>Writes the page of a run from its metrics, settings and figure.</summary>
    /// <param name="path">of the HTML file</param>
    /// <param name="run">the run's folder</param>
    /// <param name="findings">results to show on top: name, value, remark</param>
    /// <param name="model">for the diagram; may be null</param>
    internal static void Write(string path, string run, IReadOnlyList<(string Name, string Value, string Remark)> findings, AimViT? model)
    {
        var metrics = Lines(Path.Combine(run, "metrics.jsonl"));
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>SemAim · {E(Path.GetFileName(run))}</title><style>{Style}</style></head><body><main>");
        html.Append(CultureInfo.InvariantCulture, $"<h1>{E(Path.GetFileName(run))}</h1><p class=\"lead\">Self-supervised pretraining by autoregressive image modelling: patches are predicted from the most semantic outwards.</p>");
        if (findings.Count > 0)
        {
            html.Append("<section class=\"cards\">");
            foreach (var (name, value, remark) in findings) html.Append(CultureInfo.InvariantCulture, $"<div class=\"card\"><span>{E(name)}</span><b>{E(value)}</b><span>{E(remark)}</span></div>");
            html.Append("</section>");
        }
        var steps = metrics.Where(m => Kind(m) == "step").ToList();
        html.Append("<h2>Training</h2><div class=\"charts\">");
        foreach (var (key, title) in new[] { ("loss", "Prediction loss"), ("lr", "Learning rate"), ("grad_norm", "Gradient norm before clipping"), ("images_per_second", "Pictures a second") })
            html.Append(LineChart.Svg(title, "step", [(title, [.. steps.Where(s => Number(s, key) is not null).Select(s => (Number(s, "step") ?? 0, Number(s, key)!.Value))])]));
        html.Append("</div>");
        Knn(metrics, html);
        var held = metrics.Where(m => Kind(m) == "held_out").ToList();
        if (held.Count > 0)
        {
            html.Append("<h2>Held-out pictures</h2><div class=\"panel scroll\"><table><tr><th>network</th><th class=\"n\">after s</th><th class=\"n\">prediction loss</th><th class=\"n\">patch mean</th><th class=\"n\">nearest known patch</th><th class=\"n\">centre on the object</th></tr>");
            foreach (var m in held)
                html.Append(CultureInfo.InvariantCulture, $"<tr><td>{E(Text(m, "features"))}</td><td class=\"n\">{Number(m, "seconds"):F0}</td><td class=\"n\">{Number(m, "loss"):F4}</td><td class=\"n\">{Number(m, "mean_loss"):F4}</td><td class=\"n\">{Number(m, "copy_loss"):F4}</td><td class=\"n\">{Number(m, "hit_rate"):F1} ± {Number(m, "hit_error"):F1} %</td></tr>");
            html.Append("</table></div>");
            if (held.Count > 2)
                html.Append("<div class=\"charts\" style=\"margin-top:14px\">").Append(LineChart.Svg("Held-out prediction loss", "seconds", [("loss", [.. held.Select(h => (Number(h, "seconds") ?? 0, Number(h, "loss") ?? double.NaN))])]))
                    .Append(LineChart.Svg("Semantic centre on the object, %", "seconds", [("hit rate", [.. held.Select(h => (Number(h, "seconds") ?? 0, Number(h, "hit_rate") ?? double.NaN))])])).Append("</div>");
        }
        var figure = Path.Combine(run, "orders.png");
        if (File.Exists(figure))
            html.Append(CultureInfo.InvariantCulture, $"<h2>Orders of prediction</h2><div class=\"panel scroll\"><img alt=\"input, attention, similarity and order maps\" src=\"data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(figure))}\"></div>");
        if (model is not null) html.Append("<h2>Model</h2><div class=\"panel scroll\">").Append(ModelDiagram.Svg(model)).Append("</div>");
        Events(metrics, html);
        var config = Path.Combine(run, "config.json");
        if (File.Exists(config)) html.Append(CultureInfo.InvariantCulture, $"<h2>Settings</h2><div class=\"panel\"><pre>{E(File.ReadAllText(config))}</pre></div>");
        html.Append(CultureInfo.InvariantCulture, $"<h2>Environment</h2><div class=\"panel\">{E(RuntimeInformation.OSDescription)} · {E(RuntimeInformation.FrameworkDescription)} · {Environment.ProcessorCount} cores · semaim {typeof(ReportPage).Assembly.GetName().Version?.ToString(3)}</div>");
        html.Append("</main></body></html>\n");
        File.WriteAllText(path, html.ToString());
    }

    private static void Knn(List<JsonElement> metrics, StringBuilder html)
    {
        var rows = metrics.Where(m => Kind(m) == "knn").ToList();
        if (rows.Count == 0) return;
        html.Append("<h2>Nearest neighbours</h2><div class=\"panel scroll\"><table><tr><th>features</th><th class=\"n\">after s</th><th class=\"n\">k</th><th class=\"n\">top-1</th><th class=\"n\">top-5</th></tr>");
        foreach (var m in rows)
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{E(Text(m, "features"))}</td><td class=\"n\">{Number(m, "seconds"):F0}</td><td class=\"n\">{Number(m, "k")}</td><td class=\"n\">{Number(m, "top1"):F1} ± {Number(m, "error"):F1} %</td><td class=\"n\">{Number(m, "top5"):F1} %</td></tr>");
        html.Append("</table></div>");
        var over = rows.Where(r => Text(r, "features") is "pretrained" or "untrained").ToList();
        if (over.Count > 2)
            html.Append("<div class=\"charts\" style=\"margin-top:14px\">").Append(LineChart.Svg("k-NN top-1, %", "seconds", [("top-1", [.. over.Select(r => (Number(r, "seconds") ?? 0, Number(r, "top1") ?? double.NaN))])])).Append("</div>");
    }

    private static void Events(List<JsonElement> metrics, StringBuilder html)
    {
        var events = metrics.Where(m => Kind(m) == "event").ToList();
        if (events.Count == 0) return;
        html.Append("<h2>Events</h2><div class=\"panel scroll\"><table>");
        foreach (var m in events.Take(200))
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{E(Text(m, "event"))}</td><td>{E(string.Join(" · ", m.EnumerateObject().Where(p => p.Name is not ("kind" or "event")).Select(p => $"{p.Name} {p.Value}")))}</td></tr>");
        html.Append("</table></div>");
    }

    private static List<JsonElement> Lines(string path)
    {
        var lines = new List<JsonElement>();
        if (!File.Exists(path)) return lines;
        foreach (var line in File.ReadLines(path))
        {
            if (line.Length == 0) continue;
            try
            {
                using var json = JsonDocument.Parse(line);
                if (json.RootElement.ValueKind == JsonValueKind.Object) lines.Add(json.RootElement.Clone());
            }
            catch (JsonException)
            {
                // the last line of a run that was killed may be cut off
            }
        }
        return lines;
    }

    private static string Kind(JsonElement m) => Text(m, "kind");

    private static string Text(JsonElement m, string key) => m.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.String ? v.GetString()! : "";

    private static double? Number(JsonElement m, string key) => m.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : null;

    private static string E(string text) => WebUtility.HtmlEncode(text);
}
