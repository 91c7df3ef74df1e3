using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using SemAim.Models;

namespace SemAim.App.Report;

/// <summary>One HTML file that tells the story of a run, or of several beside each other; it needs no network.</summary>
internal static class ReportPage
{
    private const int MostEvents = 200;
    private static readonly string[] Shown = ["step", "epoch", "knn", "held_out", "event", "protocol"];

    private static readonly Dictionary<string, string> Titles = new()
    {
        ["loss"] = "Training loss",
        ["lr"] = "Learning rate",
        ["grad_norm"] = "Gradient norm before clipping",
        ["images_per_second"] = "Pictures a second",
        ["train_loss"] = "Training loss, mean of an epoch",
        ["train_lr"] = "Learning rate",
        ["train_total_norm"] = "Gradient norm before clipping",
        ["test_acc1"] = "Top-1, %",
        ["test_acc5"] = "Top-5, %",
        ["test_loss"] = "Test loss",
        ["top1"] = "k-NN top-1, %",
        ["hit_rate"] = "Semantic centre on the object, %",
    };

    /// <summary>Writes the page of a run from its metrics, settings and figure.</summary>
    /// <param name="path">of the HTML file</param>
    /// <param name="run">the run's folder</param>
    /// <param name="findings">results to show on top: name, value, remark; empty: taken from the metrics</param>
    /// <param name="model">for the diagram and the table of layers; may be null</param>
    internal static void Write(string path, string run, IReadOnlyList<(string Name, string Value, string Remark)> findings, AimViT? model)
        => Write(path, [run], findings, model is null ? [] : [ModelCard.Of(Path.GetFileName(run).Split('.')[0], model)]);

    /// <summary>Writes the page of several runs beside each other.</summary>
    internal static void Write(string path, IReadOnlyList<string> runFolders, IReadOnlyList<(string Name, string Value, string Remark)> findings, IReadOnlyList<ModelCard> models)
    {
        var runs = RunRecord.Read(runFolders);
        var title = string.Join(" · ", runs.Select(r => r.Name));
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>SemAim · {E(title)}</title><style>{Asset("uPlot.css")}{Asset("report.css")}</style></head><body><main>");
        html.Append(CultureInfo.InvariantCulture, $"<h1>{E(title)}</h1><p class=\"lead\">{(runs.All(r => r.Settings.Any(s => s is { Name: "verb", Value: "finetune" or "linprobe" })) ? "Classification with an encoder's weights, judged on held-out pictures." : "Self-supervised pretraining by autoregressive image modelling: a vision transformer predicts the patches of a picture one after another.")}</p>");
        Cards(html, findings.Count > 0 ? findings : [.. runs.SelectMany(r => Found(r).Select(f => runs.Count > 1 ? ($"{f.Name} · {r.Name}", f.Value, f.Remark) : f))]);
        Unmeasured(html, runs);
        Section(html, "Training", Charts(runs, "step", "step", ["loss", "lr", "grad_norm", "images_per_second"], ["step", "epoch", "memory_bytes", "peak_memory_bytes", "device_memory_bytes"], Memory(runs)));
        Section(html, "Epochs", Charts(runs, "epoch", "epoch", ["train_loss", "train_lr", "train_total_norm", "test_acc1", "test_acc5", "test_loss"], ["epoch", "step", "steps", "n_parameters"]));
        Knn(html, runs);
        HeldOut(html, runs);
        Protocols(html, runs);
        Others(html, runs);
        foreach (var run in runs.Where(r => r.Figure is not null))
            Section(html, "Orders of prediction" + (runs.Count > 1 ? $" · {run.Name}" : ""), $"<div class=\"panel scroll figure\"><img alt=\"input, attention, similarity and order maps\" src=\"data:image/png;base64,{Convert.ToBase64String(run.Figure!)}\"></div>");
        foreach (var card in models.DistinctBy(m => m.Name)) Section(html, $"Model · {card.Name}", ModelSection.Html(card));
        Events(html, runs);
        Settings(html, runs);
        Environments(html, runs);
        Section(html, "Environment of this page", $"<div class=\"panel\">{E(RuntimeInformation.OSDescription)} · {E(RuntimeInformation.FrameworkDescription)} · {Environment.ProcessorCount} cores · semaim {typeof(ReportPage).Assembly.GetName().Version?.ToString(3)}</div>");
        html.Append(CultureInfo.InvariantCulture, $"</main><script>{Asset("uPlot.js")}</script><script>{Asset("report.js")}</script></body></html>\n");
        WholeFile.Write(path, html.ToString());
    }

    /// <summary>A text that is built into the program.</summary>
    internal static string Asset(string name)
    {
        using var stream = typeof(ReportPage).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    internal static string E(string text) => WebUtility.HtmlEncode(text);

    private static void Section(StringBuilder html, string title, string body)
    {
        if (body.Length > 0) html.Append(CultureInfo.InvariantCulture, $"<section><h2>{E(title)}</h2>{body}</section>");
    }

    private static void Cards(StringBuilder html, IReadOnlyList<(string Name, string Value, string Remark)> findings)
    {
        if (findings.Count == 0) return;
        html.Append("<section class=\"cards\">");
        foreach (var (name, value, remark) in findings) html.Append(CultureInfo.InvariantCulture, $"<div class=\"card\"><span>{E(name)}</span><b>{E(value)}</b><span>{E(remark)}</span></div>");
        html.Append("</section>");
    }

    // a run that has just begun, or that ended before its first record
    private static void Unmeasured(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        List<string> empty = [.. runs.Where(r => r.Metrics.All(m => RunRecord.Text(m, "kind") == "event")).Select(r => r.Name)];
        if (empty.Count > 0) html.Append(CultureInfo.InvariantCulture, $"<div class=\"panel\">{(runs.Count > 1 ? $"{E(string.Join(", ", empty))}: n" : "N")}othing has been measured yet, neither a step nor an evaluation. Make the page again when the run has gone on.</div>");
    }

    private static List<(string Name, string Value, string Remark)> Found(RunRecord run)
    {
        var found = new List<(string Name, string Value, string Remark)>();
        if (run.Of("held_out").ToList() is { Count: > 0 } held)
            found.Add(("Held-out prediction loss", F(held[^1], "loss", 3), $"patch mean {F(held[^1], "mean_loss", 3)} · nearest known patch {F(held[^1], "copy_loss", 3)}"));
        if (run.Of("knn").ToList() is { Count: > 0 } knn)
            found.Add(($"k-NN top-1 (k = {F(knn[^1], "k", 0)})", Share(knn[^1], "top1"), string.Join(" · ", knn.Where(k => RunRecord.Text(k, "features") != "pretrained").DistinctBy(k => RunRecord.Text(k, "features")).Select(k => $"{RunRecord.Text(k, "features")} {F(k, "top1", 1)} %"))));
        foreach (var (kind, name) in new[] { ("finetune", "Fine-tuning"), ("linprobe", "Linear probe") })
            if (run.Of(kind).ToList() is { Count: > 0 } judged)
                found.Add(($"{name} top-1", Share(judged[^1], "top1"), $"{F(judged[^1], "samples", 0)} held-out pictures"));
        if (run.Curve("step", "step", "loss") is { Count: > 0 } loss)
            found.Add(("Training loss", loss[^1].Y.ToString("F3", CultureInfo.InvariantCulture), $"{loss[0].Y.ToString("F3", CultureInfo.InvariantCulture)} at step {loss[0].X}, {loss[^1].X} step{(loss[^1].X == 1 ? "" : "s")}"));
        if (run.Curve("step", "step", "images_per_second") is { Count: > 0 } speed)
            found.Add(("Speed", $"{speed[^1].Y.ToString("F0", CultureInfo.InvariantCulture)} pictures/s", "mean over the run"));
        return found;
    }

    // the known keys first, then every other number that the records carry
    private static string Charts(IReadOnlyList<RunRecord> runs, string kind, string x, string[] first, string[] without, string more = "")
    {
        var keys = first.Concat(runs.SelectMany(r => r.Of(kind)).SelectMany(m => m.EnumerateObject()).Where(p => p.Value.ValueKind == JsonValueKind.Number).Select(p => p.Name)).Distinct().Except(without);
        var charts = string.Concat(keys.Select(k => LineChart.Svg(Titles.GetValueOrDefault(k, k), x, [.. runs.Select(r => new Series(r.Name, r.Curve(kind, x, k)))]))) + more;
        return charts.Length == 0 ? "" : $"<div class=\"charts\">{charts}</div>";
    }

    // one run: in use, at most, on the device; several: in use
    private static string Memory(IReadOnlyList<RunRecord> runs)
    {
        IReadOnlyList<(double, double)> Gigabytes(RunRecord run, string key) => [.. run.Curve("step", "step", key).Select(p => (p.X, p.Y / 1e9))];
        List<Series> curves = runs.Count > 1 ? [.. runs.Select(r => new Series(r.Name, Gigabytes(r, "memory_bytes")))]
            : [new("in use", Gigabytes(runs[0], "memory_bytes")), new("most so far", Gigabytes(runs[0], "peak_memory_bytes")), new("on the device", Gigabytes(runs[0], "device_memory_bytes"))];
        // of several runs one without a word on memory keeps its place, and so the others their colours
        return LineChart.Svg("Memory, GB", "step", runs.Count > 1 ? curves : [.. curves.Where(c => c.Points.Count > 0)]);
    }

    // what was measured at the end twice, by the training and by the one who asked for it, counts once
    private static IEnumerable<JsonElement> Measured(RunRecord run, string kind)
        => run.Of(kind).Reverse().DistinctBy(m => (RunRecord.Text(m, "features"), F(m, "seconds", 0), F(m, "step", 0), F(m, "k", 0))).Reverse();

    // when it was measured: seconds of training where the run tells them, else steps
    private static (string Key, string Head, string Axis) When(IReadOnlyList<RunRecord> runs, string kind)
        => runs.SelectMany(r => r.Of(kind)).Any(m => RunRecord.Number(m, "seconds") is not null) ? ("seconds", "after s", "seconds of training") : ("step", "step", "step");

    // of many measurements the first and the last few, all of them below
    private static string Long(bool named, string[] head, List<(string Run, string[] Cells)> rows)
    {
        const int ends = 6;
        if (rows.Count <= 2 * ends + 2) return Table(named, head, 1, rows);
        return Table(named, head, 1, [.. rows.Take(ends), ("", [.. head.Select(_ => "…")]), .. rows.TakeLast(ends)]) + $"<details><summary>all {rows.Count}</summary>{Table(named, head, 1, rows)}</details>";
    }

    private static void Knn(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        var rows = runs.SelectMany(r => Measured(r, "knn").Select(m => (Run: r, Line: m))).ToList();
        if (rows.Count == 0) return;
        var when = When(runs, "knn");
        var body = Long(runs.Count > 1, ["features", when.Head, "k", "top-1", "top-5"], [.. rows.Select(r => (r.Run.Name, (string[])[RunRecord.Text(r.Line, "features"), F(r.Line, when.Key, 0), F(r.Line, "k", 0), Share(r.Line, "top1"), $"{F(r.Line, "top5", 1)} %"]))]);
        Section(html, "Nearest neighbours", body + Over(runs, "knn", "top1"));
    }

    private static void HeldOut(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        var rows = runs.SelectMany(r => Measured(r, "held_out").Select(m => (Run: r, Line: m))).ToList();
        if (rows.Count == 0) return;
        var when = When(runs, "held_out");
        var body = Long(runs.Count > 1, ["network", when.Head, "prediction loss", "patch mean", "nearest known patch", "centre on the object"], [.. rows.Select(r => (r.Run.Name, (string[])[RunRecord.Text(r.Line, "features"), F(r.Line, when.Key, 0), F(r.Line, "loss", 4), F(r.Line, "mean_loss", 4), F(r.Line, "copy_loss", 4), RunRecord.Number(r.Line, "hit_rate") is null ? "–" : $"{F(r.Line, "hit_rate", 1)} ± {F(r.Line, "hit_error", 1)} %"]))]);
        Section(html, "Held-out pictures", body + Over(runs, "held_out", "loss", "hit_rate"));
    }

    // measured on the way: worth a chart from three points on
    private static string Over(IReadOnlyList<RunRecord> runs, string kind, params ReadOnlySpan<string> keys)
    {
        var charts = new StringBuilder();
        var when = When(runs, kind);
        foreach (var key in keys)
        {
            List<Series> curves = [.. runs.Select(r => new Series(r.Name, [.. r.Of(kind).Where(m => RunRecord.Text(m, "features") is "pretrained" or "untrained" && RunRecord.Number(m, when.Key) is not null && RunRecord.Number(m, key) is not null)
                .Select(m => (RunRecord.Number(m, when.Key)!.Value, RunRecord.Number(m, key)!.Value))]))];
            if (curves.Any(c => c.Points.Count > 2)) charts.Append(LineChart.Svg(kind == "held_out" && key == "loss" ? "Held-out prediction loss" : Titles.GetValueOrDefault(key, key), when.Axis, curves));
        }
        return charts.Length == 0 ? "" : $"<div class=\"charts\">{charts}</div>";
    }

    // what a protocol measured with the network before and after pretraining
    private static void Protocols(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        var told = runs.SelectMany(r => r.Of("protocol").Select(m => (r.Name, Line: m))).ToList();
        if (told.Count == 0) return;
        var rows = told.Select(t => (t.Name, (string[])[RunRecord.Text(t.Line, "protocol"), $"{F(t.Line, "untrained", 1)} ± {F(t.Line, "untrained_error", 1)} %", $"{F(t.Line, "pretrained", 1)} ± {F(t.Line, "pretrained_error", 1)} %", RunRecord.Text(t.Line, "verdict")]));
        var how = told.Where(t => RunRecord.Text(t.Line, "how").Length > 0).Select(t => $"<p><b>{E(RunRecord.Text(t.Line, "protocol"))}</b>: {E(RunRecord.Text(t.Line, "how"))}</p>").ToList();
        Section(html, "With and without pretraining", Table(runs.Count > 1, ["protocol", "top-1 without", "top-1 with", "pretraining"], rows, [1, 2]) + (how.Count > 0 ? $"<details><summary>how each was measured</summary>{string.Concat(how)}</details>" : ""));
    }

    // results of other kinds (fine-tuning, linear probe …) with all they say of their protocol
    private static void Others(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        var rows = runs.SelectMany(r => r.Metrics.Where(m => !Shown.Contains(RunRecord.Text(m, "kind"))).Select(m => (r.Name, (string[])[RunRecord.Text(m, "kind"), Members(m, "kind")]))).Take(MostEvents).ToList();
        if (rows.Count > 0) Section(html, "Evaluation", Table(runs.Count > 1, ["result", "values and protocol"], 2, rows));
    }

    // where each run ran; runs of versions that did not say so are left out
    private static void Environments(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        foreach (var run in runs.Where(r => r.Environment.Length > 0)) Section(html, runs.Count > 1 ? $"Environment · {run.Name}" : "Environment", $"<div class=\"panel\">{E(run.Environment)}</div>");
    }

    private static void Events(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        var rows = runs.SelectMany(r => Told(r).Select(e => (r.Name, (string[])[e.Event, e.What]))).ToList();
        if (rows.Count == 0) return;
        List<(string Name, string[] Cells)> shown = rows.Count <= MostEvents ? rows : [.. rows.Take(MostEvents / 2), ("", ["…", $"{rows.Count - MostEvents} more are in metrics.jsonl"]), .. rows.TakeLast(MostEvents / 2)];
        Section(html, "Events", Table(runs.Count > 1, ["event", "what"], 2, shown));
    }

    // saves that follow each other are one line: what happened between them must not drown
    private static IEnumerable<(string Event, string What)> Told(RunRecord run)
    {
        var saves = new List<JsonElement>();
        (string, string) Saves()
        {
            var (count, first, last) = (saves.Count, saves[0], saves[^1]);
            var text = count == 1 ? Members(first, "kind", "event") : $"{count} times, steps {F(first, "step", 0)} to {F(last, "step", 0)} · seconds {F(saves.MinBy(s => RunRecord.Number(s, "seconds") ?? 0), "seconds", 2)} to {F(saves.MaxBy(s => RunRecord.Number(s, "seconds") ?? 0), "seconds", 2)}";
            saves.Clear();
            return ("save", text);
        }
        foreach (var m in run.Of("event"))
        {
            if (RunRecord.Text(m, "event") == "save")
            {
                saves.Add(m);
                continue;
            }
            if (saves.Count > 0) yield return Saves();
            yield return (RunRecord.Text(m, "event"), Members(m, "kind", "event"));
        }
        if (saves.Count > 0) yield return Saves();
    }

    private static void Settings(StringBuilder html, IReadOnlyList<RunRecord> runs)
    {
        var names = runs.SelectMany(r => r.Settings.Select(s => s.Name)).Distinct().ToList();
        if (names.Count == 0) return;
        var table = new StringBuilder("<div class=\"panel scroll\"><table><thead><tr><th>option</th>").AppendJoin("", runs.Select(r => $"<th>{E(runs.Count > 1 ? r.Name : "value")}</th>")).Append("</tr></thead><tbody>");
        foreach (var name in names)
        {
            List<string> values = [.. runs.Select(r => r.Settings.FirstOrDefault(s => s.Name == name).Value ?? "–")];
            table.Append(values.Distinct().Count() > 1 ? "<tr class=\"differs\">" : "<tr>").Append(CultureInfo.InvariantCulture, $"<td>{E(name)}</td>").AppendJoin("", values.Select(v => $"<td class=\"wrap\">{E(v)}</td>")).Append("</tr>");
        }
        Section(html, "Settings", table.Append("</tbody></table></div>").ToString());
    }

    /// <summary>A table whose first columns are texts, the others numbers.</summary>
    internal static string Table(bool named, string[] head, int texts, IEnumerable<(string Run, string[] Cells)> rows) => Table(named, head, rows, [.. Enumerable.Range(texts, Math.Max(0, head.Length - texts))]);

    private static string Table(bool named, string[] head, IEnumerable<(string Run, string[] Cells)> rows, int[] numbers)
    {
        var table = new StringBuilder("<div class=\"panel scroll\"><table><thead><tr>").Append(named ? "<th>run</th>" : "");
        for (var i = 0; i < head.Length; i++) table.Append(CultureInfo.InvariantCulture, $"<th{(numbers.Contains(i) ? " class=\"n\"" : "")}>{E(head[i])}</th>");
        table.Append("</tr></thead><tbody>");
        foreach (var (run, cells) in rows)
        {
            table.Append("<tr>").Append(named ? $"<td>{E(run)}</td>" : "");
            for (var i = 0; i < cells.Length; i++) table.Append(CultureInfo.InvariantCulture, $"<td class=\"{(numbers.Contains(i) ? "n" : "wrap")}\">{E(cells[i])}</td>");
            table.Append("</tr>");
        }
        return table.Append("</tbody></table></div>").ToString();
    }

    private static string Members(JsonElement m, params string[] without) => string.Join(" · ", m.EnumerateObject().Where(p => !without.Contains(p.Name)).Select(p => p.Value.ValueKind == JsonValueKind.Object ? Members(p.Value) : $"{p.Name.Replace('_', ' ')} {(p.Value.ValueKind == JsonValueKind.Number && p.Value.TryGetDouble(out var v) && v != Math.Floor(v) ? v.ToString("G5", CultureInfo.InvariantCulture) : p.Value.ValueKind switch { JsonValueKind.True => "yes", JsonValueKind.False => "no", JsonValueKind.Null => "–", _ => p.Value.ToString() })}"));

    // per cent, with its standard error where the record has it
    private static string Share(JsonElement m, string key) => $"{F(m, key, 1)}{(RunRecord.Number(m, "error") is null ? "" : $" ± {F(m, "error", 1)}")} %";

    private static string F(JsonElement m, string key, int digits) => RunRecord.Number(m, key)?.ToString("F" + digits, CultureInfo.InvariantCulture) ?? "–";
}
