using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace SemAim.App.Report;

/// <summary>Draws the compiler's Mermaid text as SVG, from left to right: a column is as far from the inputs as its nodes are, a frame is a loop.</summary>
internal static partial class GraphDiagram
{
    private const int BoxWidth = 116, BoxHeight = 34, Across = 34, Down = 22, Edge = 14, Title = 16;

    private sealed record Node(string Id, string Label, string Shape, int[] Loops)
    {
        internal int Column { get; set; }

        internal int Row { get; set; }
    }

    internal static string Svg(string mermaid, string name)
    {
        var (nodes, loops, edges) = Read(mermaid);
        if (nodes.Count == 0) return "";
        foreach (var node in nodes) node.Column = edges.Where(e => e.To == node.Id).Select(e => nodes.First(n => n.Id == e.From).Column + 1).DefaultIfEmpty(0).Max();
        // an input stands in the column before its first reader
        foreach (var node in nodes.Where(n => edges.All(e => e.To != n.Id)))
            node.Column = Math.Max(0, edges.Where(e => e.From == node.Id).Select(e => nodes.First(n => n.Id == e.To).Column - 1).DefaultIfEmpty(0).Min());
        foreach (var column in nodes.GroupBy(n => n.Column))
        {
            var row = 0;
            // what is in a loop stands above what only passes by, inputs below what is computed
            foreach (var node in column.OrderBy(n => n.Loops.Length == 0 && column.Any(o => o.Loops.Length > 0) ? 1 : 0).ThenBy(n => n.Column > 0 && edges.All(e => e.To != n.Id) ? 1 : 0)) node.Row = row++;
        }
        var (width, height) = (2 * Edge + (nodes.Max(n => n.Column) + 1) * (BoxWidth + Across) - Across, 2 * Edge + 2 * Title + (nodes.Max(n => n.Row) + 1) * (BoxHeight + Down) - Down);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"diagram graph\" viewBox=\"0 0 {width} {height}\" style=\"min-width:{width * 3 / 4}px;max-width:{width * 5 / 4}px\" role=\"img\" aria-label=\"{E(name)}\"><defs><marker id=\"head-{E(name)}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>");
        for (var loop = 0; loop < loops.Count; loop++)
        {
            var inside = nodes.Where(n => n.Loops.Contains(loop)).ToList();
            if (inside.Count == 0) continue;
            // an inner loop's frame lies within the outer one's
            var room = 12 - 5 * inside.Min(n => Array.IndexOf(n.Loops, loop));
            var (left, top, right, bottom) = (inside.Min(X) - room, inside.Min(Y) - room - Title / 2, inside.Max(X) + BoxWidth + room, inside.Max(Y) + BoxHeight + room);
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"loop\" x=\"{left}\" y=\"{top}\" width=\"{right - left}\" height=\"{bottom - top}\" rx=\"8\"/><text class=\"loop\" x=\"{left + 6}\" y=\"{(inside.Min(n => Array.IndexOf(n.Loops, loop)) == 0 ? bottom + 12 : top + 10)}\">{E(loops[loop])}</text>");
        }
        foreach (var (from, to) in edges.Select(e => (nodes.First(n => n.Id == e.From), nodes.First(n => n.Id == e.To))))
        {
            var (x0, y0, x1, y1) = (X(from) + BoxWidth, Y(from) + BoxHeight / 2, X(to), Y(to) + BoxHeight / 2);
            if (from.Column == to.Column) (x0, y0, x1, y1) = (X(from) + BoxWidth / 2, Y(from) + BoxHeight, X(to) + BoxWidth / 2, Y(to));
            var bend = Math.Max(Across, (x1 - x0) / 2);
            svg.Append(CultureInfo.InvariantCulture, $"<path class=\"edge\" d=\"M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}\" marker-end=\"url(#head-{E(name)})\"/>");
        }
        foreach (var node in nodes)
        {
            var (x, y) = (X(node), Y(node));
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{node.Shape}\" x=\"{x}\" y=\"{y}\" width=\"{BoxWidth}\" height=\"{BoxHeight}\" rx=\"{(node.Shape == "query" ? 17 : 6)}\"/><text x=\"{x + BoxWidth / 2}\" y=\"{y + BoxHeight / 2 + 4}\" text-anchor=\"middle\">{E(node.Label)}</text>");
        }
        return svg.Append("</svg>").ToString();

        static int X(Node n) => Edge + n.Column * (BoxWidth + Across);
        static int Y(Node n) => Edge + Title + n.Row * (BoxHeight + Down);
    }

    private static (List<Node> Nodes, List<string> Loops, List<(string From, string To)> Edges) Read(string mermaid)
    {
        var (nodes, loops, edges, open) = (new List<Node>(), new List<string>(), new List<(string, string)>(), new Stack<int>());
        foreach (var line in mermaid.Split('\n').Select(l => l.Trim()))
        {
            if (line == "end") open.Pop();
            else if (Loop().Match(line) is { Success: true } loop)
            {
                open.Push(loops.Count);
                loops.Add(loop.Groups[1].Value);
            }
            else if (Arrow().Match(line) is { Success: true } arrow) edges.Add((arrow.Groups[1].Value, arrow.Groups[2].Value));
            else if (Box().Match(line) is { Success: true } box)
                nodes.Add(new(box.Groups[1].Value, box.Groups[3].Value, box.Groups[2].Value switch { "([" => "query", "[/" => "weight", _ => "content" }, [.. open.Reverse()]));
        }
        return (nodes, loops, edges);
    }

    [GeneratedRegex("^subgraph \\S+?\\[\"(.*)\"\\]$")]
    private static partial Regex Loop();

    [GeneratedRegex("^(\\w+) --> (\\w+)$")]
    private static partial Regex Arrow();

    [GeneratedRegex("^(\\w+)(\\(\\[|\\[/|\\(\\(|\\[)\"(.*)\"[\\])/]+$")]
    private static partial Regex Box();

    private static string E(string text) => WebUtility.HtmlEncode(text);
}
