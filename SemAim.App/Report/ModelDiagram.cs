using System.Globalization;
using System.Text;
using SemAim.Models;

namespace SemAim.App.Report;

/// <summary>The two streams of a pretraining model as SVG: encoder blocks above, query blocks below, each reading the block above it.</summary>
internal static class ModelDiagram
{
    private const int BoxWidth = 84, BoxHeight = 34, Gap = 26;

    internal static string Svg(AimViT model)
    {
        var (layers, queries) = (model.EncoderBlocks, model.QueryBlocks);
        var group = layers / queries;
        var shown = Math.Min(queries, 4);
        var svg = new StringBuilder();
        var columns = shown + 3;
        var width = columns * (BoxWidth + Gap);
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"diagram\" viewBox=\"0 0 {width} 178\" role=\"img\" aria-label=\"model\"><defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>");
        Box(0, 0, "patches + pos.", "content");
        Box(0, 1, "position", "query");
        for (var q = 0; q < shown; q++)
        {
            var last = q == shown - 1 && queries > shown;
            Box(q + 1, 0, last ? $"… {layers} blocks" : group == 1 ? $"block {q}" : $"blocks {q * group}–{(q + 1) * group - 1}", "content");
            Box(q + 1, 1, last ? $"… {queries} queries" : $"query {q}", "query");
            Arrow(q, 0, q + 1, 0);
            Arrow(q, 1, q + 1, 1);
            Down(q + 1);
        }
        Box(shown + 1, 1, "norm", "query");
        Box(shown + 2, 1, "head", "query");
        Arrow(shown, 1, shown + 1, 1);
        Arrow(shown + 1, 1, shown + 2, 1);
        return svg.Append("</svg>").ToString();

        static (int X, int Y) At(int column, int row) => (4 + column * (BoxWidth + Gap), 22 + row * 92);

        void Box(int column, int row, string text, string kind)
        {
            var (x, y) = At(column, row);
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{kind}\" x=\"{x}\" y=\"{y}\" width=\"{BoxWidth}\" height=\"{BoxHeight}\" rx=\"6\"/><text x=\"{x + BoxWidth / 2}\" y=\"{y + BoxHeight / 2 + 4}\" text-anchor=\"middle\">{text}</text>");
        }

        void Arrow(int a, int rowA, int b, int rowB)
        {
            var (from, to) = (At(a, rowA), At(b, rowB));
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{from.X + BoxWidth}\" y1=\"{from.Y + BoxHeight / 2}\" x2=\"{to.X}\" y2=\"{to.Y + BoxHeight / 2}\" marker-end=\"url(#tip)\"/>");
        }

        void Down(int column)
        {
            var (from, to) = (At(column, 0), At(column, 1));
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{from.X + BoxWidth / 2}\" y1=\"{from.Y + BoxHeight}\" x2=\"{to.X + BoxWidth / 2}\" y2=\"{to.Y}\" marker-end=\"url(#tip)\"/>");
        }
    }
}
