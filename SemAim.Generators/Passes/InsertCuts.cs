using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>
/// Lets a caller cut the graph of gradients before each copy of the longest repeat but the first, with every live value that needs a gradient: one left out would carry its gradient past the cut. What a loop reads from outside
/// becomes a value that it carries around, because each round goes on with what the last cut made of it. Only in graphs that ask for it.
/// </summary>
/// <param name="scope">the module</param>
public sealed class InsertCuts(ModuleScope scope) : IPass
{
    private readonly Dictionary<Value, bool> needs = [];

    /// <inheritdoc />
    public string Name => nameof(InsertCuts);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        if (!graph.Unit.Cuts) return;
        foreach (var boundary in CutLevels.Boundaries(scope, graph.Body, out _)) Cut(boundary);
    }

    private void Cut(Boundary boundary)
    {
        if (scope.Facts.Same(boundary.Last, 0)) return;                              // the first copy alone: nothing is before it
        var regions = boundary.Loops.Select(l => l.Outer).Append(boundary.Region).ToList();
        // from the outside in: what lives in an outer region is carried through the loop that stands in it
        for (var depth = 0; depth + 1 < regions.Count; depth++)
        {
            var (region, loop) = (regions[depth], boundary.Loops[depth].Loop);
            var inside = new HashSet<Value>(Rewriting.All(loop.Body!).SelectMany(o => o.Operands).OfType<Value>().Concat(loop.Body!.Results).Concat(Rewriting.All(loop.Body).SelectMany(Rewriting.Regions).SelectMany(r => r.Results)));
            foreach (var value in Defined(region, loop).Where(v => NeedsGradient(v) && (inside.Contains(v) || IsReadFrom(region, region.Ops.IndexOf(loop) + 1, v))).ToList()) Thread(region, loop, value);
        }
        var at = boundary.Region.Ops.IndexOf(boundary.Op);
        var cut = new Op(OpKind.Cut, boundary.Op.Source) { Index = boundary.Op.Index, Keep = scope.Facts.IsNeverNegative(boundary.First - 1) };
        foreach (var value in Defined(boundary.Region, boundary.Op).Where(v => NeedsGradient(v) && IsReadFrom(boundary.Region, at, v)))
        {
            cut.Operands.Add(value);
            cut.Results.Add(Copy(value, cut));
        }
        for (var i = 0; i < cut.Results.Count; i++) ReplaceFrom(boundary.Region, at, cut.Operands[i]!, cut.Results[i]);
        boundary.Region.Ops.Insert(at, cut);
    }

    private static Value Copy(Value v, Op? producer) => new(v.Axes, v.Type, v.Name) { Producer = producer };

    // what exists in a region before an operation, in order
    private static IEnumerable<Value> Defined(Region region, Op before)
        => region.Parameters.Concat(region.Ops.TakeWhile(o => o != before).Where(o => !o.IsHandle).SelectMany(o => o.Results)).Distinct();

    private static bool IsReadFrom(Region region, int at, Value v) => region.Results.Contains(v) || region.Ops.Skip(at).Any(o => Rewriting.Reads(o).Contains(v));

    private static void ReplaceFrom(Region region, int at, Value old, Value by)
    {
        var rest = new Region { Ops = [.. region.Ops.Skip(at)], Results = region.Results };
        Rewriting.Replace(rest, old, by);
    }

    // an outer value becomes one that the loop carries around
    private static void Thread(Region region, Op loop, Value value)
    {
        // what the loop carries already, and only that, goes on as it is
        var inside = Copy(value, null);
        var after = Copy(value, loop);
        ReplaceFrom(region, region.Ops.IndexOf(loop) + 1, value, after);
        Rewriting.Replace(loop.Body!, value, inside);
        loop.Operands.Add(value);
        loop.Body!.Parameters.Add(inside);
        loop.Body.Results.Add(inside);
        loop.Results.Add(after);
    }

    // a weight is a leaf and constants have none; what neither a weight nor an argument goes into has none either
    private bool NeedsGradient(Value v)
    {
        if (v.Type != ElementType.Float) return false;
        if (needs.TryGetValue(v, out var known)) return known;
        return needs[v] = v.Producer switch
        {
            null => true,
            { Kind: OpKind.Detach } => false,
            { Kind: OpKind.Weight } weight => scope.Layers[weight.Text].Field.Kind != LayerKind.Constant,
            { Kind: OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d or OpKind.Call or OpKind.Repeat or OpKind.If or OpKind.Cut } => true,
            var made => made.Operands.Any(o => o is not null && NeedsGradient(o)),
        };
    }
}
