using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Analyze;

/// <summary>The use of a copy before which the backward pass is cut.</summary>
/// <param name="Op">the use</param>
/// <param name="Region">where it stands</param>
/// <param name="Loops">the loops around it from the outside in, each with the region in which it stands</param>
/// <param name="First">number of the first copy that it uses</param>
/// <param name="Last">number of the last copy that it uses</param>
public sealed record Boundary(Op Op, Region Region, IReadOnlyList<(Region Outer, Op Loop)> Loops, Dim First, Dim Last);

/// <summary>Where a graph's backward pass can be cut, and at which level of a cut one the gradient of a weight is complete: level i is copy i of the longest repeat with what follows it.</summary>
public static class CutLevels
{
    /// <summary>The name of a copy's number in the levels.</summary>
    public const string Index = "index";

    /// <summary>The uses of the copies of the longest repeat, in order; none where they are not used one after the other from the first on.</summary>
    /// <param name="scope">the module</param>
    /// <param name="body">of the graph</param>
    /// <param name="reason">why there are none</param>
    public static IReadOnlyList<Boundary> Boundaries(ModuleScope scope, Region body, out string reason)
    {
        var uses = new List<Boundary>();
        var branched = new HashSet<string>();
        Find(scope, body, [], isBranch: false, uses, branched);
        reason = "no copies of a Repeat are used in it";
        if (uses.Count == 0 && branched.Count == 0) return [];
        LayerField? longest = null;
        foreach (var field in uses.Select(u => u.Op.Text).Concat(branched).Distinct())
            if (longest is null || IsLonger(scope, field, longest.Field)) longest = scope.Layers[field].Field;
        reason = $"the copies of `{longest!.Field}` are used in a branch";
        if (branched.Contains(longest.Field)) return [];
        var all = uses.Where(u => u.Op.Text == longest.Field).ToList();
        var boundaries = all.Where(u => u.Op.Kind == all[0].Op.Kind && u.Op.Method == all[0].Op.Method).ToList();
        reason = $"the copies of `{longest.Field}` are not used one after the other from the first on, each once";
        return IsInOrder(scope.Facts, boundaries) ? boundaries : [];
    }

    // true where one has certainly more copies than another, or has for the first published configuration that says both
    private static bool IsLonger(ModuleScope scope, string field, string than)
    {
        if (scope.Layers[field].Count is not { } mine || scope.Layers[than].Count is not { } other || scope.Facts.Same(mine, other)) return false;
        if (scope.Facts.IsNeverNegative(mine - other)) return true;
        if (scope.Facts.IsNeverNegative(other - mine)) return false;
        return AdmissibleSizes.VariantsOf(scope).Select(v => v.Of(scope.Facts, mine - other)).FirstOrDefault(d => d is not null) > 0;
    }

    private static void Find(ModuleScope scope, Region region, List<(Region, Op)> loops, bool isBranch, List<Boundary> uses, HashSet<string> branched)
    {
        foreach (var op in region.Ops)
        {
            if (op.Index is { } index && scope.Layers.TryGetValue(op.Text, out var layer) && layer.Count is not null)
            {
                if (isBranch) branched.Add(op.Text);
                else uses.Add(new(op, region, [.. loops], At(scope.Facts, index, loops, last: false), At(scope.Facts, index, loops, last: true)));
            }
            if (op.Kind == OpKind.Repeat) Find(scope, op.Body!, [.. loops, (region, op)], isBranch, uses, branched);
            else if (op.Kind == OpKind.Call && op.Body is { } called) Find(scope, called, loops, isBranch, uses, branched);
            else foreach (var inner in Rewriting.Regions(op)) Find(scope, inner, loops, true, uses, branched);
        }
    }

    // a size with the variables of some loops at their first or last values, the innermost first
    private static Dim At(SizeFacts facts, Dim size, IEnumerable<(Region Outer, Op Loop)> loops, bool last)
    {
        foreach (var (_, loop) in loops.Reverse())
            size = size.Substitute(s => s == loop.Variable ? last ? loop.Dims[1] - 1 : loop.Dims[0] : null);
        return facts.Normalise(size);
    }

    private static bool IsInOrder(SizeFacts facts, IReadOnlyList<Boundary> boundaries)
    {
        var next = Dim.Zero;
        foreach (var b in boundaries)
        {
            if (!facts.Same(b.First, next)) return false;
            for (var k = 0; k < b.Loops.Count; k++)
            {
                // the first copy of the next round follows the last of this one
                var (variable, inner) = (b.Loops[k].Loop.Variable, b.Loops.Skip(k + 1).ToList());
                var ahead = At(facts, b.Op.Index!, inner, last: false).Substitute(s => s == variable ? Dim.Symbol(s) + 1 : null);
                if (!facts.Same(ahead - At(facts, b.Op.Index!, inner, last: true), 1)) return false;
            }
            next = b.Last + 1;
        }
        return boundaries.Count > 0;
    }

    /// <summary>Levels of the weights that a graph reads, by key, over the module's sizes and <see cref="Index"/>. A weight used at several levels is complete at the lowest; where that cannot be said it is 0, which is never too early.</summary>
    /// <param name="scope">the module</param>
    /// <param name="graph">after the passes, before its cuts</param>
    public static IReadOnlyDictionary<string, Dim> Of(ModuleScope scope, CheckedGraph graph)
    {
        var levels = new Dictionary<string, Dim>();
        var boundaries = Boundaries(scope, graph.Body, out _);
        if (boundaries.Count == 0 || scope.Facts[Index] is not null) return levels;
        Walk(scope, graph.Body, [], boundaries, Dim.Zero, levels);
        return levels;
    }

    // the level after the operations of a region; null where it depends on more than the copy's own number
    private static void Walk(ModuleScope scope, Region region, List<(Region Outer, Op Loop)> loops, IReadOnlyList<Boundary> boundaries, Dim? level, Dictionary<string, Dim> levels)
    {
        foreach (var op in region.Ops)
        {
            if (boundaries.FirstOrDefault(b => b.Op == op) is { } boundary) level = boundary.Op.Index;
            if (op.Kind is OpKind.Weight or OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d or OpKind.Call && scope.Layers.TryGetValue(op.Text, out var layer))
                foreach (var weight in Manifest.Of(scope, layer)) Note(scope, levels, weight.Key, Completed(scope, op, level, loops));
            foreach (var inner in Rewriting.Regions(op))
                Walk(scope, inner, op.Kind == OpKind.Repeat ? [.. loops, (region, op)] : loops, boundaries, op.Kind == OpKind.Repeat && Cuts(op, boundaries) ? null : level, levels);
            // after a loop over copies: the last one's
            if (op.Kind == OpKind.Repeat && boundaries.LastOrDefault(b => b.Loops.Any(l => l.Loop == op)) is { } last)
                level = At(scope.Facts, last.Op.Index!, last.Loops.SkipWhile(l => l.Loop != op), last: true);
        }
    }

    private static bool Cuts(Op loop, IReadOnlyList<Boundary> boundaries) => boundaries.Any(b => b.Loops.Any(l => l.Loop == loop));

    // in terms of the copy's own number
    private static Dim Completed(ModuleScope scope, Op op, Dim? level, List<(Region Outer, Op Loop)> loops)
    {
        if (level is null) return Dim.Zero;
        if (op.Index is not null && scope.Facts.Same(op.Index, level)) return Dim.Symbol(Index);
        var names = loops.Select(l => l.Loop.Variable).ToList();
        // copy s in round s
        if (op.Index is { } index && names.FirstOrDefault(n => index.Equals(Dim.Symbol(n))) is { } own) level = level.Substitute(s => s == own ? Dim.Symbol(Index) : null);
        return level.Symbols.Any(names.Contains) ? Dim.Zero : scope.Facts.Normalise(level);
    }

    private static void Note(ModuleScope scope, Dictionary<string, Dim> levels, string key, Dim level)
        => levels[key] = levels.TryGetValue(key, out var known) ? Lower(scope.Facts, known, level) : level;

    /// <summary>The lower of two levels, or 0 where neither is for certain.</summary>
    public static Dim Lower(SizeFacts facts, Dim a, Dim b)
    {
        // a copy's number may be 0, a size is at least 1
        Dim FromZero(Dim d) => d.Substitute(s => s == Index ? Dim.Symbol(Index) - 1 : null);
        return facts.Same(a, b) || facts.IsNeverNegative(FromZero(b - a)) ? a : facts.IsNeverNegative(FromZero(a - b)) ? b : Dim.Zero;
    }
}
