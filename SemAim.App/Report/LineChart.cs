using System.Globalization;
using System.Net;
using System.Text;
using SemAim.App.Figures;

namespace SemAim.App.Report;

/// <summary>A curve of a chart.</summary>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>A line chart as static SVG, for pages without scripts and for print: a point tells its values where the pointer rests on it. With scripts uPlot draws the same numbers, which the curves carry.</summary>
internal static class LineChart
{
    /// <summary>Curves beyond this many have the colours of the first ones, but dashed.</summary>
    internal const int Inks = 6;

    // pixels of its words where they are largest: on paper, where two charts share a line (report.css)
    private const int LargestText = 17;

    private const int Width = 560, Height = 240, Top = 14, Bottom = 44, MostPoints = 420, MostHits = 80;

    /// <summary>The SVG of one or more series over a common x axis; nothing where there is no finite point.</summary>
    internal static string Svg(string title, string xLabel, IReadOnlyList<Series> series)
    {
        var points = series.SelectMany(s => s.Points).Where(Finite).ToList();
        if (points.Count == 0) return "";
        var (x0, x1, y0, y1) = (points.Min(p => p.X), points.Max(p => p.X), points.Min(p => p.Y), points.Max(p => p.Y));
        if (x1 <= x0) x1 = x0 + 1;
        if (y1 <= y0) (y0, y1) = (y0 - Math.Max(0.5, Math.Abs(y0) / 10), y1 + Math.Max(0.5, Math.Abs(y1) / 10));
        var step = Step((y1 - y0) / 4);
        (y0, y1) = (Math.Floor(y0 / step) * step, Math.Ceiling(y1 / step) * step);
        string YTick(double y) => Tick(y, Math.Max(Math.Abs(y0), Math.Abs(y1)));
        string XTick(double x) => Tick(x, Math.Max(Math.Abs(x0), Math.Abs(x1)));
        var heights = Enumerable.Range(0, 1 + (int)Math.Floor((y1 - y0) / step + 0.5)).Select(i => y0 + i * step).ToList();
        var xStep = Step((x1 - x0) / 6);
        var places = new List<double>();
        for (var x = Math.Ceiling(x0 / xStep) * xStep; x <= x1; x += xStep) places.Add(x);
        var left = 10 + heights.Max(y => EmbeddedFont.Width(YTick(y), LargestText));
        var right = places.Select(x => EmbeddedFont.Width(XTick(x), LargestText) / 2).Append(14).Max();
        double X(double x) => left + (x - x0) / (x1 - x0) * (Width - left - right);
        double Y(double y) => Top + (y1 - y) / (y1 - y0) * (Height - Top - Bottom);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<figure class=\"chart\"><figcaption>{E(title)}</figcaption><svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{E(title)}\" data-x=\"{E(xLabel)}\">");
        foreach (var y in heights)
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{left}\" x2=\"{Width - right}\" y1=\"{Y(y):F1}\" y2=\"{Y(y):F1}\"/><text x=\"{left - 8}\" y=\"{Y(y) + 4:F1}\" text-anchor=\"end\">{YTick(y)}</text>");
        foreach (var x in places)
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{X(x):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{XTick(x)}</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(left + Width - right) / 2}\" y=\"{Height - 5}\" text-anchor=\"middle\">{E(xLabel)}</text>");
        for (var i = 0; i < series.Count; i++)
        {
            var line = Thin([.. series[i].Points.Where(Finite)], MostPoints);
            if (line.Count == 0) continue;
            var name = series.Count > 1 ? series[i].Name : "";
            svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"s{i % Inks}{(i / Inks % 2 == 1 ? " dash" : "")}{(line.Count > 200 ? " fine" : "")}\" data-name=\"{E(name)}\" data-v=\"{string.Join(' ', line.Select(p => $"{G(p.X)},{G(p.Y)}"))}\" points=\"{string.Join(' ', line.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.X):F1},{Y(p.Y):F1}")))}\"/>");
            foreach (var p in Thin(line, MostHits))
                svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"hit{(line.Count <= 20 ? $" dot f{i % Inks}" : "")}\" cx=\"{X(p.X):F1}\" cy=\"{Y(p.Y):F1}\" r=\"{(line.Count <= 20 ? 3 : 7)}\"><title>{E(xLabel)} {G(p.X)}: {(name.Length > 0 ? E(name) + " " : "")}{G(p.Y)}</title></circle>");
        }
        svg.Append("</svg>");
        if (series.Count > 1)
            svg.Append("<p class=\"key\">").AppendJoin("", series.Select((s, i) => s.Points.Count == 0 ? "" : $"<span><i class=\"k{i % Inks}{(i / Inks % 2 == 1 ? " dash" : "")}\"></i>{E(s.Name)}</span>")).Append("</p>");
        return svg.Append("</figure>").ToString();
    }

    // the first, the last, and of each part between them the lowest and the highest: a spike of one step stays
    private static List<(double X, double Y)> Thin(List<(double X, double Y)> line, int most)
    {
        if (line.Count <= most) return line;
        var (parts, inner) = ((most - 2) / 2, line.Count - 2);
        var kept = new List<(double X, double Y)> { line[0] };
        for (var part = 0; part < parts; part++)
        {
            var (low, high) = (1 + (int)((long)part * inner / parts), 1 + (int)((long)part * inner / parts));
            for (var i = low; i < 1 + (int)((long)(part + 1) * inner / parts); i++)
            {
                if (line[i].Y < line[low].Y) low = i;
                if (line[i].Y > line[high].Y) high = i;
            }
            kept.Add(line[Math.Min(low, high)]);
            if (low != high) kept.Add(line[Math.Max(low, high)]);
        }
        kept.Add(line[^1]);
        return kept;
    }

    private static bool Finite((double X, double Y) p) => double.IsFinite(p.X) && double.IsFinite(p.Y);

    private static double Step(double raw)
    {
        if (!(raw > 0)) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        return (raw / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 } * power;
    }

    private static string G(double v) => v.ToString("G5", CultureInfo.InvariantCulture);

    // one unit for all of an axis, that of its largest value
    private static string Tick(double v, double most)
    {
        if (Math.Abs(v) < most * 1e-9) return "0";
        var (unit, sign, format) = most switch { < 0.001 => (1, "", "0.##E+0"), >= 1e9 => (1e9, " G", "0.###"), >= 1e6 => (1e6, " M", "0.###"), >= 1e4 => (1e3, " k", "0.###"), _ => (1, "", "0.#####") };
        return (v / unit).ToString(format, CultureInfo.InvariantCulture) + sign;
    }

    private static string E(string text) => WebUtility.HtmlEncode(text);
}
