using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>Moves slices up through operations that treat every position of the sliced axis alike, where nobody reads the rest: rows that no result needs are not computed.</summary>
public sealed class PushSlices(SizeFacts facts) : IPass
{
    /// <inheritdoc />
    public string Name => nameof(PushSlices);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        while (PushOne(graph.Body, graph.Body)) { }
    }

    private bool PushOne(Region region, Region root)
    {
        var readers = new Dictionary<Value, int>();
        foreach (var v in root.Results.Concat(root.Ops.SelectMany(Rewriting.Reads))) readers[v] = readers.TryGetValue(v, out var n) ? n + 1 : 1;
        for (var i = 0; i < region.Ops.Count; i++)
        {
            var op = region.Ops[i];
            if (op.Kind is OpKind.Narrow or OpKind.Select && op.Operands[0] is { HasOpenRank: false, Producer: { Results.Count: 1 } made } whole && readers[whole] == 1 && region.Ops.Contains(made)
                && Pushed(op, made, whole) is { } pushed)
            {
                region.Ops.Remove(op);
                var at = region.Ops.IndexOf(made);
                region.Ops.Remove(made);
                region.Ops.InsertRange(at, pushed.Ops);
                Rewriting.Replace(root, op.Result, pushed.Result);
                return true;
            }
            if (Rewriting.Regions(op).Any(inner => PushOne(inner, root))) return true;
        }
        return false;
    }

    private (List<Op> Ops, Value Result)? Pushed(Op slice, Op made, Value whole)
    {
        var (axis, rank, drops) = (slice.Axis, whole.Axes.Count, slice.Kind == OpKind.Select);
        switch (made.Kind)
        {
            case var kind when OpTable.Of(kind).KeepsApart(axis, rank, made.Axis): break;
            case OpKind.Concat when !drops: return OneOperand(slice, made);
            case OpKind.Attend when axis == 2 && !drops && made.Operands[3] is null: break;
            case OpKind.Call when axis < rank - 1 && IsPositionWise(made): break;
            default: return null;
        }
        var ops = new List<Op>();
        var again = new Op(made.Kind, made.Source)
        {
            Text = made.Text,
            Method = made.Method,
            Dims = made.Dims,
            Order = made.Order,
            Keep = made.Keep,
            Index = made.Index,
            Bound = made.Bound,
            Callee = made.Callee,
            Host = made.Host,
            TakesDraws = made.TakesDraws,
            Axis = drops && made.Axis > axis ? made.Axis - 1 : made.Axis,
        };
        for (var i = 0; i < made.Operands.Count; i++)
        {
            var operand = made.Operands[i];
            var own = axis - (rank - (operand?.Axes.Count ?? 0));
            if (operand is null || made.Kind == OpKind.Attend && i > 0 || own < 0) { again.Operands.Add(operand); continue; }
            if (operand.Marked is { } marks && marks[own]) return null;
            var repeats = !facts.Same(operand.Axes[own], whole.Axes[axis]);                 // size 1: broadcast
            if (repeats && !drops) { again.Operands.Add(operand); continue; }
            var cut = new Op(slice.Kind, slice.Source) { Operands = [operand], Axis = own, Dims = repeats ? [Dim.Zero] : slice.Dims };
            var axes = operand.Axes.ToList();
            if (drops) axes.RemoveAt(own); else axes[own] = slice.Dims[1];
            cut.Results.Add(new Value(axes, operand.Type) { Producer = cut, IsRootedInWeight = operand.IsRootedInWeight });
            ops.Add(cut);
            again.Operands.Add(cut.Result);
        }
        again.Results.Add(new Value(slice.Result.Axes, whole.Type, whole.Name ?? slice.Result.Name) { Producer = again, IsRootedInWeight = whole.IsRootedInWeight });
        ops.Add(again);
        return (ops, again.Result);
    }

    // Concat(a, b)[as much as b takes] is b
    private (List<Op> Ops, Value Result)? OneOperand(Op slice, Op concat)
    {
        var start = Dim.Zero;
        foreach (var operand in concat.Operands)
        {
            var size = operand!.Axes[concat.Axis];
            if (facts.Same(start, slice.Dims[0]) && facts.Same(size, slice.Dims[1])) return ([], operand);
            start += size;
        }
        return null;
    }

    // a callee that leaves its leading axes open treats each of their positions alone
    private static bool IsPositionWise(Op call)
        => call.Operands.Count == 1 && call.Callee?.Graphs.FirstOrDefault(g => g.Name == call.Method) is { Summary.IsTokenWise: true } callee
            && callee.Parameters.All(p => p.Kind == ParameterKind.Host || p.Shape!.Text.Split(' ') is ["...", _]) && callee.Results is [{ Text: var result }] && result.Split(' ') is ["...", _];
}
