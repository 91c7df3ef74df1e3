using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>Computes before repeating: what treats every position of an expanded axis alike runs on the one position there is, and what broadcasts by itself needs no expansion.</summary>
public sealed class SinkBroadcasts(SizeFacts facts) : IPass
{
    /// <inheritdoc />
    public string Name => nameof(SinkBroadcasts);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body);

    private void Run(Region region)
    {
        var ops = new List<Op>();
        foreach (var op in region.Ops)
        {
            foreach (var inner in Rewriting.Regions(op)) Run(inner);
            if (op.Kind == OpKind.Binary) DropExpansions(op);
            if (IsAlongExpanded(op) is { } expand) ops.AddRange(Sunk(op, expand));
            else ops.Add(op);
        }
        region.Ops = ops;
    }

    // the expansion that an operation with one operand can run before
    private Op? IsAlongExpanded(Op op)
    {
        if (op.Operands.Count != 1 || op.Operands[0]?.Producer is not { Kind: OpKind.Expand } expand) return null;
        var (small, large) = (expand.Operands[0]!, op.Operands[0]!);
        if (OpTable.Of(op.Kind) is not { Draws: false, Reach: Reach.Element or Reach.Last or Reach.Axis } row) return null;
        for (var axis = 0; axis < large.Axes.Count; axis++)
            if (!row.KeepsApart(axis, large.Axes.Count, op.Axis) && !facts.Same(small.Axes[axis], large.Axes[axis])) return null;
        return expand;
    }

    private static IEnumerable<Op> Sunk(Op op, Op expand)
    {
        var (small, result) = (expand.Operands[0]!, op.Result);
        var axes = small.Axes.ToList();
        axes[axes.Count - 1] = op.Kind == OpKind.Linear ? result.Axes[result.Axes.Count - 1] : axes[axes.Count - 1];
        var early = new Op(op.Kind, op.Source) { Operands = [small], Text = op.Text, Method = op.Method, Dims = op.Dims, Axis = op.Axis, Keep = op.Keep, Index = op.Index };
        early.Results.Add(new Value(axes, result.Type) { Producer = early, IsRootedInWeight = small.IsRootedInWeight && OpTable.Of(op.Kind).Reach == Reach.Element });
        var late = new Op(OpKind.Expand, expand.Source) { Operands = [early.Result], Dims = result.Axes, Results = [result] };
        result.Producer = late;
        return [early, late];
    }

    // x + w.Expand(…) is x + w where x has the axes
    private void DropExpansions(Op op)
    {
        for (var i = 0; i < 2; i++)
        {
            var (mine, other) = (op.Operands[i]!, op.Operands[1 - i]!);
            if (mine.Producer is not { Kind: OpKind.Expand } expand || other.Marked is { } marks && marks.Contains(true)) continue;
            var small = expand.Operands[0]!;
            var missing = mine.Axes.Count - other.Axes.Count;
            var needed = false;
            for (var a = 0; a < mine.Axes.Count; a++)
                if (!facts.Same(small.Axes[a], mine.Axes[a])) needed |= a < missing || !facts.Same(other.Axes[a - missing], mine.Axes[a]);
            if (!needed) op.Operands[i] = small;
        }
    }
}
