using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using SemAim.App.Figures;

namespace SemAim.App.Report;

/// <summary>Draws the compiler's Mermaid text as SVG, from left to right: a column is as far from the inputs as its nodes are, a frame is a loop.</summary>
internal static partial class GraphDiagram
{
    private const int BoxHeight = 34, Across = 34, Down = 22, Edge = 14, Title = 19;

    private sealed record Node(string Id, string Label, string Shape, int[] Loops)
    {
        internal int Column { get; set; }

        internal int Row { get; set; }
    }

    internal static string Svg(string mermaid, string name)
    {
        var (nodes, loops, edges) = Read(mermaid);
        if (nodes.Count == 0) return "";
        var known = nodes.ToDictionary(n => n.Id);
        foreach (var node in nodes) node.Column = edges.Where(e => e.To == node.Id).Select(e => known[e.From].Column + 1).DefaultIfEmpty(0).Max();
        // an input stands in the column before its first reader
        foreach (var node in nodes.Where(n => edges.All(e => e.To != n.Id)))
            node.Column = Math.Max(0, edges.Where(e => e.From == node.Id).Select(e => known[e.To].Column - 1).DefaultIfEmpty(0).Min());
        var ways = Ways(nodes, edges, known);
        var all = nodes.Concat(ways.Values).ToList();
        Arrange(all, edges, ways, known);
        var depth = nodes.Max(n => n.Loops.Length);
        // a column is as wide as its widest words; a loop's title stands above its first column
        var widths = Enumerable.Range(0, all.Max(n => n.Column) + 1).Select(column => nodes.Where(n => n.Column == column)
            .SelectMany(n => n.Loops.Select(l => EmbeddedFont.Width(loops[l], ModelDiagram.LargestText) + 7).Append(ModelDiagram.BoxWidth(n.Label))).DefaultIfEmpty(0).Max()).ToList();
        var (width, height) = (2 * Edge + widths.Sum() + (widths.Count - 1) * Across, 2 * Edge + depth * Title + (all.Max(n => n.Row) + 1) * (BoxHeight + Down) - Down);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"diagram graph\" viewBox=\"0 0 {width} {height}\" style=\"min-width:{width * 3 / 4}px;max-width:{width * 5 / 4}px\" role=\"img\" aria-label=\"{E(name)}\"><defs><marker id=\"head-{E(name)}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>");
        for (var loop = 0; loop < loops.Count; loop++)
        {
            var inside = nodes.Where(n => n.Loops.Contains(loop)).ToList();
            if (inside.Count == 0) continue;
            // an inner loop's frame lies within the outer one's, and each has its title above what it frames
            var within = inside.Max(n => n.Loops.Length - Array.IndexOf(n.Loops, loop));
            var (room, title) = (2 + 5 * within, Title * within);
            var (left, top, right, bottom) = (inside.Min(X) - room, inside.Min(Y) - title, inside.Max(Right) + room, inside.Max(Y) + BoxHeight + room);
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"loop\" x=\"{left}\" y=\"{top}\" width=\"{right - left}\" height=\"{bottom - top}\" rx=\"8\"/><text class=\"loop\" x=\"{left + 7}\" y=\"{top + 14}\">{E(loops[loop])}</text>");
        }
        foreach (var (from, to) in edges)
        {
            // through a free place of each column between, so that no line runs behind a box
            var at = (X: Right(known[from]), Y: Middle(known[from]));
            var path = new StringBuilder().Append(CultureInfo.InvariantCulture, $"M{at.X} {at.Y}");
            for (var column = known[from].Column + 1; column < known[to].Column; column++)
            {
                var way = ways[(from, column)];
                Bend(path, ref at, X(way), Middle(way));
                at.X = Right(way);
                path.Append(CultureInfo.InvariantCulture, $"H{at.X}");
            }
            Bend(path, ref at, X(known[to]), Middle(known[to]));
            svg.Append(CultureInfo.InvariantCulture, $"<path class=\"edge\" d=\"{path}\" marker-end=\"url(#head-{E(name)})\"/>");
        }
        foreach (var node in nodes)
        {
            var (x, y) = (X(node), Y(node));
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{node.Shape}\" x=\"{x}\" y=\"{y}\" width=\"{widths[node.Column]}\" height=\"{BoxHeight}\" rx=\"{(node.Shape == "query" ? 17 : 6)}\"/><text x=\"{x + widths[node.Column] / 2}\" y=\"{y + BoxHeight / 2 + 4}\" text-anchor=\"middle\">{E(node.Label)}</text>");
        }
        return svg.Append("</svg>").ToString();

        int X(Node n) => Edge + widths.Take(n.Column).Sum() + n.Column * Across;
        int Right(Node n) => X(n) + widths[n.Column];
        int Y(Node n) => Edge + depth * Title + n.Row * (BoxHeight + Down);
        int Middle(Node n) => Y(n) + BoxHeight / 2;
        static void Bend(StringBuilder path, ref (int X, int Y) at, int x, int y)
        {
            path.Append(CultureInfo.InvariantCulture, $"C{(at.X + x) / 2} {at.Y} {(at.X + x) / 2} {y} {x} {y}");
            at = (x, y);
        }
    }

    // where a value passes columns on its way to a reader
    private static Dictionary<(string From, int Column), Node> Ways(List<Node> nodes, List<(string From, string To)> edges, Dictionary<string, Node> known)
    {
        var ways = new Dictionary<(string From, int Column), Node>();
        foreach (var (from, to) in edges)
            for (var column = known[from].Column + 1; column < known[to].Column; column++)
                ways.TryAdd((from, column), new(from, "", "way", []) { Column = column });
        return ways;
    }

    // from left to right: what is computed above what only passes, both as high as what they come from
    private static void Arrange(List<Node> all, List<(string From, string To)> edges, Dictionary<(string From, int Column), Node> ways, Dictionary<string, Node> known)
    {
        foreach (var column in all.GroupBy(n => n.Column).OrderBy(c => c.Key))
        {
            Node Before(string from) => ways.GetValueOrDefault((from, column.Key - 1)) ?? known[from];
            double Height(Node n) => n.Shape == "way" ? Before(n.Id).Row : edges.Where(e => e.To == n.Id).Select(e => (double)Before(e.From).Row).DefaultIfEmpty(99).Min();
            var row = 0;
            foreach (var node in column.OrderBy(n => n.Shape == "way" ? 2 : edges.All(e => e.To != n.Id) && column.Key > 0 ? 3 : n.Loops.Length > 0 ? 0 : 1).ThenBy(Height)) node.Row = row++;
        }
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
