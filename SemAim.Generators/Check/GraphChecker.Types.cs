using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>What operations and callees ask of the elements of their operands; <see cref="ElementFlow"/> judges it once the whole graph is read.</summary>
public sealed partial class GraphChecker
{
    private readonly ElementFlow elements;
    private readonly List<ElementFlow.Demand> asked = [];           // of the operation that is being checked

    /// <summary>An operand of the operation that is made next.</summary>
    /// <param name="kind">the operation</param>
    /// <param name="method">its function or operator</param>
    /// <param name="operand">number of the operand</param>
    /// <param name="what">the operation, as a message names it</param>
    /// <param name="x">the operand</param>
    /// <param name="written">as it is written</param>
    /// <param name="at">where the message belongs</param>
    /// <param name="size">of the axis that an index looks up along</param>
    /// <param name="related">other places</param>
    private void Takes(OpKind kind, string method, int operand, string what, Value x, Expr written, int at, Dim? size = null, params Related[] related)
    {
        var accepts = OpTable.Elements(kind, method).At(operand);
        if ((accepts & ElementSet.Value) != ElementSet.Value)
            asked.Add(new([x], null, accepts, size is not null, size, what, [written], at, related) { Operand = operand, Loops = size is null ? [] : [.. loops] });
    }

    // a private graph that is read in place asks by its contract, at the call
    private void Ask(Op op)
    {
        if (inlining.Count == 0)
        {
            var row = op.Kind is OpKind.Call ? null : OpTable.Elements(op.Kind, op.Method);
            for (var i = 0; i < op.Operands.Count && row is not null; i++)
                if (op.Operands[i] is { } x && (row.At(i) & ElementSet.Value) is var accepts and not (ElementSet.None or ElementSet.Value) && !asked.Any(d => d.Operand == i))
                    asked.Add(new([x], null, accepts, false, null, op.Method.Length > 0 ? op.Method : op.Kind.ToString(), [new Expr.Host(op.Source, x.Name ?? "the value")], op.Source, []) { Operand = i });
            elements.Ask(op, asked);
        }
        asked.Clear();
    }

    // what a callee asks, by its contract
    private void Takes(Expr.Call c, GraphContract callee, List<(GraphParameter Parameter, Expr At, Value Value)> arguments, System.Func<string, Dim?> size, System.Func<GraphParameter, Related[]> where)
    {
        foreach (var demand in callee.Summary.Elements?.Takes ?? default)
        {
            var given = arguments.Where(a => demand.Way.Of.Contains(a.Parameter.Name)).ToList();
            if (given.Count != demand.Way.Of.Count) continue;                                    // left out
            asked.Add(new([.. given.Select(a => a.Value)], new(demand.Way.Least, default, demand.Way.IsComputed, default), demand.Accepts, demand.IsIndex, demand.Below.Length > 0 ? size(demand.Below) : null,
                Callee(c), [.. given.Select(a => a.At)], given[0].At.Id, where(given[0].Parameter))
            { Operand = -1, Parameter = given[0].Parameter.Name, Loops = [.. loops] });
        }
    }

    private void Gives(Op call, GraphContract callee, IEnumerable<(GraphParameter Parameter, Expr At, Value Value)> arguments, System.Func<string, Dim?> size)
        => elements.Call(call, arguments.ToDictionary(a => a.Parameter.Name, a => a.Value), [.. (callee.Summary.Elements?.Gives ?? default)
            .Select(ways => ways.Select(w => new ElementFlow.Way(w.Least, w.Of, w.IsComputed, w.Below.Select(size).Where(d => d is not null).Select(d => d!).ToEquatable())).ToList())]);

    // the smallest room over all rounds of the loops around it
    private Dim Room(ElementFlow.Demand index, Dim made)
    {
        var now = loops.ToList();
        loops.Clear();
        loops.AddRange(index.Loops);
        var room = Extreme(index.Size! - made, highest: false);
        loops.Clear();
        loops.AddRange(now);
        return room;
    }

    private void Refuse(ElementFlow.Demand demand, ElementFlow.Refusal why)
    {
        if (why.Below is { } made && Room(demand, made) is var room)
        {
            Report((IsNegativeSomewhereKnown(room) || facts.IsNegativeAtOnes(room)
                ? new CheckFailure("SEM0207", $"`{demand.What}` by `{demand.Names}`: its indices go up to {facts.Show(facts.Normalise(made - 1))}, outside an axis of size {facts.Show(demand.Size!)}", related: demand.Related)
                : Witness.MayBeNegative(scope, room, new CheckFailure(null, "", at: demand.At))).Found(demand.At));
            return;
        }
        var several = demand.Written.Count > 1;
        var holds = !why.IsCertain ? "may hold" : several ? "together hold" : "holds";
        var (kind, found) = why.Type switch { ElementType.Bool => ("a condition", "truth values"), ElementType.Int64 => (why.IsComputed || several ? "whole numbers" : "indices", "whole numbers"), _ => ("numbers", "numbers") };
        var condition = $"a condition must be bool, what a comparison gives; compare it, for example `{demand.Names} > 0`";
        const string index = "an index is what Sort or ArgMax gives, or a parameter";
        var operands = $"`{demand.Names}`";
        Report("SEM0021", why.Other is { } other ? $"`{demand.What}` takes {Wanted(demand)}, but {operands} is what `{other.What}` takes as {Wanted(other)}"
            : demand.IsIndex ? $"`{demand.What}` by {operands} is not a graph operation: {index}{(why.IsComputed && why.Type != ElementType.Float ? "; one that is computed with may lie outside" : $"; this one {holds} {found}")}"
            : demand.Accepts == ElementSet.Bool ? demand.Parameter is { } p ? $"`{demand.What}` chooses by `{p}`, but {operands} {holds} {found}: {condition}" : $"`{demand.What}` by {operands} is not a graph operation: {condition}"
            : $"`{demand.What}` of {kind} is not a graph operation: {operands} {holds} {found}; {(why.Type == ElementType.Bool ? "choose by it with Where, or " : why.IsComputed || several ? "" : "gather by it, or ")}make numbers of {(several ? "one" : "it")}: `{Primary(demand.Written[0])} * 1.0`", demand.At, related: demand.Related);
    }

    private static string Wanted(ElementFlow.Demand demand) => demand.Accepts switch { ElementSet.Bool => "a condition", ElementSet.Int64 => "indices", _ => "numbers" };
}
