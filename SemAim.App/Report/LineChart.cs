using System.Globalization;
using System.Text;

namespace SemAim.App.Report;

/// <summary>A line chart as static SVG; a point tells its values where the pointer rests on it.</summary>
internal static class LineChart
{
    private const int Width = 560, Height = 240, Left = 56, Right = 14, Top = 14, Bottom = 34;

    /// <summary>The SVG of one or more series over a common x axis.</summary>
    internal static string Svg(string title, string xLabel, IReadOnlyList<(string Name, IReadOnlyList<(double X, double Y)> Points)> series)
    {
        var points = series.SelectMany(s => s.Points).Where(p => double.IsFinite(p.Y)).ToList();
        if (points.Count == 0) return "";
        var (x0, x1, y0, y1) = (points.Min(p => p.X), points.Max(p => p.X), points.Min(p => p.Y), points.Max(p => p.Y));
        if (x1 <= x0) x1 = x0 + 1;
        if (y1 <= y0) (y0, y1) = (y0 - 0.5, y1 + 0.5);
        var step = Step((y1 - y0) / 4);
        (y0, y1) = (Math.Floor(y0 / step) * step, Math.Ceiling(y1 / step) * step);
        double X(double x) => Left + (x - x0) / (x1 - x0) * (Width - Left - Right);
        double Y(double y) => Top + (y1 - y) / (y1 - y0) * (Height - Top - Bottom);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<figure class=\"chart\"><figcaption>{title}</figcaption><svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{title}\">");
        for (var y = y0; y <= y1 + step / 2; y += step)
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(y):F1}\" y2=\"{Y(y):F1}\"/><text x=\"{Left - 8}\" y=\"{Y(y) + 4:F1}\" text-anchor=\"end\">{Number(y)}</text>");
        var xStep = Math.Max(Step((x1 - x0) / 5), double.Epsilon);
        for (var x = Math.Ceiling(x0 / xStep) * xStep; x <= x1; x += xStep)
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{X(x):F1}\" y=\"{Height - 16}\" text-anchor=\"middle\">{Number(x)}</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width - Right}\" y=\"{Height - 2}\" text-anchor=\"end\">{xLabel}</text>");
        for (var i = 0; i < series.Count; i++)
        {
            var line = series[i].Points.Where(p => double.IsFinite(p.Y)).ToList();
            svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"s{i}\" points=\"{string.Join(' ', line.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.X):F1},{Y(p.Y):F1}")))}\"/>");
            var every = Math.Max(1, line.Count / 120);
            foreach (var p in line.Where((_, n) => n % every == 0))
                svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"hit\" cx=\"{X(p.X):F1}\" cy=\"{Y(p.Y):F1}\" r=\"7\"><title>{xLabel} {Number(p.X)}: {(series.Count > 1 ? series[i].Name + " " : "")}{p.Y.ToString("G5", CultureInfo.InvariantCulture)}</title></circle>");
            if (series.Count > 1) svg.Append(CultureInfo.InvariantCulture, $"<text class=\"l{i}\" x=\"{Left + 8 + i * 110}\" y=\"{Top + 8}\">{series[i].Name}</text>");
        }
        return svg.Append("</svg></figure>").ToString();
    }

    private static double Step(double raw)
    {
        if (raw <= 0) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        return (raw / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 } * power;
    }

    private static string Number(double v) => Math.Abs(v) < 1e-12 ? "0" : Math.Abs(v) < 0.001 ? v.ToString("0.##E+0", CultureInfo.InvariantCulture) : v.ToString("0.####", CultureInfo.InvariantCulture);
}
