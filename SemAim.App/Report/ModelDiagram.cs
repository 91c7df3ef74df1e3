using System.Globalization;
using System.Text;

namespace SemAim.App.Report;

/// <summary>The two streams of a pretraining model as SVG: encoder blocks above, query blocks below, each reading the block above it. Of a classifier: its one stream.</summary>
internal static class ModelDiagram
{
    private const int BoxWidth = 112, BoxHeight = 34, Gap = 26;

    internal static string Svg(ModelCard card)
    {
        var (layers, queries) = (card.EncoderBlocks, card.QueryBlocks);
        var lone = queries == 0;
        var group = lone ? 1 : layers / queries;
        var shown = (int)Math.Min(lone ? layers : queries, 4);
        var svg = new StringBuilder();
        var columns = shown + 3;
        var width = columns * (BoxWidth + Gap);
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"diagram\" viewBox=\"0 0 {width} {(lone ? 78 : 178)}\" style=\"min-width:{width * 3 / 4}px;max-width:{width * 6 / 5}px\" role=\"img\" aria-label=\"model\"><defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>");
        Box(0, 0, "patches + position", "content");
        if (!lone) Box(0, 1, "position", "query");
        for (var q = 0; q < shown; q++)
        {
            var last = q == shown - 1 && (lone ? layers : queries) > shown;
            Box(q + 1, 0, last ? $"… {layers} blocks" : group == 1 ? $"block {q}" : $"blocks {q * group}–{(q + 1) * group - 1}", "content");
            Arrow(q, 0, q + 1, 0);
            if (lone) continue;
            Box(q + 1, 1, last ? $"… {queries} queries" : $"query {q}", "query");
            Arrow(q, 1, q + 1, 1);
            Down(q + 1);
        }
        var (row, kind) = lone ? (0, "content") : (1, "query");
        Box(shown + 1, row, "norm", kind);
        Box(shown + 2, row, "head", kind);
        Arrow(shown, row, shown + 1, row);
        Arrow(shown + 1, row, shown + 2, row);
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
