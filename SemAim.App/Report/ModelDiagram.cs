using System.Globalization;
using System.Text;
using SemAim.App.Figures;

namespace SemAim.App.Report;

/// <summary>The two streams of a pretraining model as SVG: encoder blocks above, query blocks below, each reading the block above it. Of a classifier: its one stream.</summary>
internal static class ModelDiagram
{
    /// <summary>Pixels of a diagram's words where they are largest: on paper, where a wide diagram is made smaller (report.css).</summary>
    internal const int LargestText = 13;

    private const int BoxHeight = 34, Gap = 26, Edge = 4, Narrowest = 64;

    /// <summary>How wide a box must be for its words.</summary>
    internal static int BoxWidth(string text) => Math.Max(Narrowest, EmbeddedFont.Width(text, LargestText) + 20);

    internal static string Svg(ModelCard card)
    {
        var (layers, queries) = (card.EncoderBlocks, card.QueryBlocks);
        var lone = queries == 0;
        var group = lone ? 1 : layers / queries;
        var shown = (int)Math.Min(lone ? layers : queries, 4);
        // from left to right, the content stream's words above the query stream's
        var columns = new List<(string Content, string Query)> { ("patches + position", "position") };
        for (var q = 0; q < shown; q++)
        {
            var last = q == shown - 1 && (lone ? layers : queries) > shown;
            columns.Add((last ? $"… {layers} blocks" : group == 1 ? $"block {q}" : $"blocks {q * group}–{(q + 1) * group - 1}", last ? $"… {queries} queries" : $"query {q}"));
        }
        columns.AddRange([("norm", "norm"), ("head", "head")]);
        var widths = columns.Select(c => Math.Max(BoxWidth(c.Content), lone ? 0 : BoxWidth(c.Query))).ToList();
        var width = 2 * Edge + widths.Sum() + (widths.Count - 1) * Gap;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"diagram\" viewBox=\"0 0 {width} {(lone ? 78 : 170)}\" style=\"min-width:{width * 3 / 4}px;max-width:{width * 6 / 5}px\" role=\"img\" aria-label=\"model\"><defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>");
        for (var column = 0; column < columns.Count; column++)
        {
            var isTail = column > shown;
            if (lone || !isTail) Box(column, 0, columns[column].Content, "content");
            if (!lone) Box(column, 1, columns[column].Query, "query");
            if (column == 0) continue;
            if (lone || !isTail) Arrow(column - 1, column, 0);
            if (!lone) Arrow(column - 1, column, 1);
            if (!lone && !isTail) Down(column);
        }
        return svg.Append("</svg>").ToString();

        (int X, int Y) At(int column, int row) => (Edge + widths.Take(column).Sum() + column * Gap, 22 + row * 92);

        void Box(int column, int row, string text, string kind)
        {
            var (x, y) = At(column, row);
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{kind}\" x=\"{x}\" y=\"{y}\" width=\"{widths[column]}\" height=\"{BoxHeight}\" rx=\"6\"/><text x=\"{x + widths[column] / 2}\" y=\"{y + BoxHeight / 2 + 4}\" text-anchor=\"middle\">{text}</text>");
        }

        void Arrow(int a, int b, int row)
        {
            var (from, to) = (At(a, row), At(b, row));
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{from.X + widths[a]}\" y1=\"{from.Y + BoxHeight / 2}\" x2=\"{to.X}\" y2=\"{to.Y + BoxHeight / 2}\" marker-end=\"url(#tip)\"/>");
        }

        void Down(int column)
        {
            var (from, to) = (At(column, 0), At(column, 1));
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{from.X + widths[column] / 2}\" y1=\"{from.Y + BoxHeight}\" x2=\"{to.X + widths[column] / 2}\" y2=\"{to.Y}\" marker-end=\"url(#tip)\"/>");
        }
    }
}
