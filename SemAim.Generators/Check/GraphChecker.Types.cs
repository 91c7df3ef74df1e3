using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>What the elements of values are: numbers, indices or truth values, as libtorch promotes them; which operations take which.</summary>
public sealed partial class GraphChecker
{
    private readonly Dictionary<Value, ElementType?> types = [];

    // known where an operation made it; what a parameter holds is the caller's business, and what a loop carries may change
    private ElementType? TypeOf(Value? v)
    {
        if (v is null) return null;
        if (!types.TryGetValue(v, out var type)) types[v] = type = Infer(v);
        return type;
    }

    private ElementType? Infer(Value v) => v.Producer switch
    {
        null => v.Type == ElementType.Mask ? ElementType.Mask : null,
        { Kind: OpKind.Repeat or OpKind.If or OpKind.Call } => null,
        { Kind: OpKind.Reshape or OpKind.Permute or OpKind.Expand or OpKind.Select or OpKind.Narrow or OpKind.Gather or OpKind.Detach or OpKind.Unbind } view => TypeOf(view.Operands[0]),
        { Kind: OpKind.Concat } joined => Promoted(joined.Operands),
        { Kind: OpKind.Where } choice => Promoted(choice.Operands.Skip(1)),
        { Kind: OpKind.Binary, Method: not "/" } sum => Promoted(sum.Operands),
        { Kind: OpKind.Reduce, Method: "max" or "min" } extreme => TypeOf(extreme.Operands[0]),
        { Kind: OpKind.Reduce, Method: "sum" } sum => TypeOf(sum.Operands[0]) is ElementType.Bool ? ElementType.Int64 : TypeOf(sum.Operands[0]),
        { Kind: OpKind.Unary, Method: "neg" or "relu" or "abs" } same => TypeOf(same.Operands[0]),
        _ => v.Type,
    };

    private ElementType? Promoted(IEnumerable<Value?> operands)
    {
        var all = operands.Select(TypeOf).ToList();
        return all.Contains(ElementType.Float) ? ElementType.Float : all.Contains(null) ? null : all.Contains(ElementType.Int64) ? ElementType.Int64 : ElementType.Bool;
    }

    // several conditions at once: + is or, * is and
    private bool? IsCondition(Value v) => TypeOf(v) is { } type ? type == ElementType.Bool : null;

    /// <summary>Refuses indices and truth values where an operation takes numbers alone.</summary>
    /// <param name="what">the operation, as a message names it</param>
    /// <param name="x">its operand</param>
    /// <param name="operand">as it is written</param>
    /// <param name="at">where the message belongs</param>
    /// <param name="conditionsOnly">indices are numbers here too</param>
    private void NeedsNumbers(string what, Value x, Expr operand, int at, bool conditionsOnly = false, params Related[] related)
    {
        var type = TypeOf(x);
        if (type != ElementType.Bool && (type != ElementType.Int64 || conditionsOnly)) return;
        throw new CheckFailure("SEM0021", $"`{what}` of {(type == ElementType.Bool ? "a condition" : "indices")} is not a graph operation: `{Name(operand)}` holds {(type == ElementType.Bool ? "truth values; choose by it with Where" : "whole numbers; gather by it")}", at: at, related: related);
    }

    // what a callee reads as numbers
    private void NeedsNumbers(Expr.Call c, GraphContract callee, IEnumerable<(GraphParameter Parameter, Expr At, Value Value)> arguments, System.Func<GraphParameter, Related[]> where)
    {
        foreach (var (parameter, at, value) in arguments)
            if (callee.Summary.Numbers.Contains(parameter.Name)) NeedsNumbers(Callee(c), value, at, at.Id, related: where(parameter));
    }

    /// <summary>Refuses an index that may lie outside: one that was computed with, or made along a longer axis.</summary>
    private void NeedsIndex(Value index, Expr written, Dim size)
    {
        if (!IsIndex(index))
            throw new CheckFailure("SEM0021", $"`Gather` by `{Name(written)}` is not a graph operation: an index is what Sort or ArgMax gives, or a parameter{(TypeOf(index) == ElementType.Int64 ? "; one that is computed with may lie outside" : "")}", at: written.Id);
        foreach (var made in Bounds(index))
        {
            var room = facts.Normalise(size - made);
            if (facts.IsNeverNegative(room)) continue;
            throw IsNegativeSomewhereKnown(room) || facts.IsNegativeAtOnes(room)
                ? new CheckFailure("SEM0207", $"`Gather` by `{Name(written)}`: its indices go up to {facts.Show(facts.Normalise(made - 1))}, outside an axis of size {facts.Show(size)}", at: written.Id)
                : Witness.MayBeNegative(scope, room, new CheckFailure(null, "", at: written.Id));
        }
    }

    private static bool IsIndex(Value? v) => v?.Producer switch
    {
        null or { Kind: OpKind.Repeat or OpKind.If or OpKind.Call or OpKind.Sort } => true,
        { Kind: OpKind.Reduce, Method: "argmax" } => true,
        { Kind: OpKind.Reduce, Method: "max" or "min" } => IsIndex(v.Producer.Operands[0]),
        { Kind: OpKind.Reshape or OpKind.Permute or OpKind.Expand or OpKind.Select or OpKind.Narrow or OpKind.Gather or OpKind.Detach or OpKind.Unbind } => IsIndex(v.Producer.Operands[0]),
        { Kind: OpKind.Concat } => v.Producer.Operands.All(IsIndex),
        _ => false,
    };

    // sizes of the axes that an index was made along
    private static IEnumerable<Dim> Bounds(Value? v) => v?.Producer switch
    {
        null or { Kind: OpKind.Repeat or OpKind.If or OpKind.Call } => [],
        { Kind: OpKind.Sort } sort => [sort.Operands[0]!.Axes[sort.Axis]],
        { Kind: OpKind.Reduce, Method: "argmax" } most => [most.Operands[0]!.Axes[most.Axis]],
        { Kind: OpKind.Concat } joined => joined.Operands.SelectMany(Bounds),
        var made => Bounds(made.Operands[0]),
    };
}
