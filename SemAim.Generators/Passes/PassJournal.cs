using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>What each pass changed in a graph, for people: which operations it took out and put in, moved out of a loop or made smaller. A loop's body counts once.</summary>
public sealed class PassJournal
{
    private const int MostShapes = 3;
    private readonly List<(string Pass, string Changes)> entries = [];

    /// <summary>Passes that changed something, in the order in which they ran, each with its changes as text.</summary>
    public IReadOnlyList<(string Pass, string Changes)> Entries => entries;

    internal static List<Line> Read(CheckedGraph graph, ModuleScope scope) => [.. Lines(graph.Body, 0, scope)];

    internal void Note(string pass, IReadOnlyList<Line> before, IReadOnlyList<Line> after)
    {
        var (gone, come) = (new List<Line>(before), new List<Line>());
        foreach (var line in after)
            if (!gone.Remove(line)) come.Add(line);
        var parts = new List<string>();
        foreach (var label in gone.Concat(come).Select(l => l.Label).Distinct())
        {
            var (were, are) = (gone.Where(l => l.Label == label).ToList(), come.Where(l => l.Label == label).ToList());
            var more = are.Count - were.Count;
            if (more != 0) parts.Add($"{(more > 0 ? "+" : "−")}{System.Math.Abs(more).ToString(CultureInfo.InvariantCulture)} {label}");
            else if (were.Sum(l => l.Depth) > are.Sum(l => l.Depth)) parts.Add($"{label} out of the loop");
            else parts.AddRange(were.Zip(are, (a, b) => $"{label} {a.Shape} → {b.Shape}").Distinct().Take(MostShapes));
        }
        if (parts.Count > 0) entries.Add((pass, string.Join(", ", parts)));
    }

    private static IEnumerable<Line> Lines(Region region, int depth, ModuleScope scope)
    {
        foreach (var op in region.Ops)
        {
            yield return new(Label(op), op.Results.Count > 0 ? Shapes.Show(scope.Facts, op.Result.Axes) : "", depth);
            foreach (var inner in Rewriting.Regions(op))
                foreach (var line in Lines(inner, op.Kind == OpKind.Repeat ? depth + 1 : depth, scope)) yield return line;
        }
    }

    private static string Label(Op op) => op.Kind switch
    {
        OpKind.Linear => op.Method == FuseGelu.Method ? $"{op.Text} with gelu" : op.Text,
        OpKind.LayerNorm => op.Method == NarrowNorms.Method ? $"{op.Text} in the products' type" : op.Text,
        OpKind.Conv2d or OpKind.Weight => op.Text,
        OpKind.Call => (op.Text.Length > 0 ? $"{op.Text}.{op.Method}" : op.Method) + (op.TakesDraws ? "" : " for evaluation"),
        OpKind.Unary or OpKind.Reduce => op.Method,
        OpKind.Scalar or OpKind.Binary => $"'{op.Method}'",
        _ => op.Kind.ToString(),
    };

    /// <summary>An operation as far as a reader tells it from others.</summary>
    internal sealed record Line(string Label, string Shape, int Depth);
}
