using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>
/// What the elements of each value of a graph may be, from <see cref="OpTable.Elements"/> and the contracts of callees: through loops until nothing changes, through both branches of a choice. What a parameter holds is the
/// caller's business, so a value's type may be told in terms of parameters; what an operation asks of those becomes part of the graph's own contract.
/// </summary>
internal sealed class ElementFlow(SizeFacts facts)
{
    private const int MostWays = 12;                                // more are not told apart: nothing is known then

    /// <summary>As <see cref="ElementWay"/>, over the sizes of this graph.</summary>
    internal sealed record Way(ElementType Least, EquatableArray<string> Of, bool IsComputed, EquatableArray<Dim> Below)
    {
        /// <summary>Types that it may have, whatever the parameters bring.</summary>
        internal ElementSet Possible => Of.Count == 0 ? ElementDemand.Set(Least) : Least switch { ElementType.Float => ElementSet.Float, ElementType.Int64 => ElementSet.Countable, _ => ElementSet.Value };

        internal bool IsParameter => Of.Count == 1 && Least == ElementType.Bool;

        internal Way With(Way other)
        {
            var least = Least < other.Least ? Least : other.Least;
            return least == ElementType.Float ? Number
                : new(least, Of.Union(other.Of).OrderBy(n => n, StringComparer.Ordinal).ToEquatable(), IsComputed || other.IsComputed, Below.Union(other.Below).ToEquatable());
        }
    }

    /// <summary>What one operation asks of its operands, with what a message needs.</summary>
    /// <param name="Values">what comes together: an operand, or arguments of a call</param>
    /// <param name="With">what a callee adds to them</param>
    /// <param name="Accepts">types that will do</param>
    /// <param name="IsIndex">looked up by</param>
    /// <param name="Size">of the axis that is looked up along; null: not known here</param>
    /// <param name="What">the operation, as a message names it</param>
    /// <param name="Written">the operands, as they are written</param>
    /// <param name="At">where the message belongs</param>
    internal sealed record Demand(IReadOnlyList<Value> Values, Way? With, ElementSet Accepts, bool IsIndex, Dim? Size, string What, IReadOnlyList<Expr> Written, int At, Related[] Related)
    {
        /// <summary>Number of the operand.</summary>
        internal int Operand { get; init; }

        /// <summary>The parameter of a callee that asks; null for an operation of the language.</summary>
        internal string? Parameter { get; init; }

        /// <summary>Loops around it, outermost first.</summary>
        internal IReadOnlyList<(string Variable, Dim First, Dim Last)> Loops { get; init; } = [];

        /// <summary>The operands by name.</summary>
        internal string Names => string.Join("` and `", Written.Select(GraphChecker.Name));
    }

    /// <summary>The first reason why a demand is not met.</summary>
    /// <param name="Type">what it found</param>
    /// <param name="IsCertain">on every way through the graph</param>
    /// <param name="IsComputed">made of what came in: an index that was computed with, or counts</param>
    /// <param name="Below">an index that was made along a longer axis</param>
    /// <param name="Other">what asked the opposite of the same parameter</param>
    internal sealed record Refusal(ElementType Type, bool IsCertain, bool IsComputed = false, Dim? Below = null, Demand? Other = null);

    private static readonly Way Number = new(ElementType.Float, default, false, default);

    private readonly Dictionary<Value, IReadOnlyList<Way>?> ways = [];
    private readonly Dictionary<Op, List<Demand>> demands = [];
    private readonly Dictionary<Op, (IReadOnlyDictionary<string, Value> Arguments, IReadOnlyList<IReadOnlyList<Way>> Gives)> calls = [];
    private readonly HashSet<Op> running = [], refused = [];
    private readonly List<ElementDemand> contract = [];
    private readonly Dictionary<string, (ElementSet Types, Demand By)> forced = [];         // parameters that are read on every way through the graph

    /// <summary>A parameter of the graph.</summary>
    internal void Enter(Value value, GraphParameter parameter)
    {
        if (parameter.Kind != ParameterKind.Value) return;
        ways[value] = [parameter.Shape is { IsPinned: true } ? Number : new(ElementType.Bool, new([parameter.Name]), false, default)];
    }

    /// <summary>What an operation asks.</summary>
    internal void Ask(Op op, IEnumerable<Demand> asked) => demands[op] = [.. asked];

    /// <summary>A call: its arguments by the names of the callee's parameters, and for each result what the callee says.</summary>
    internal void Call(Op op, IReadOnlyDictionary<string, Value> arguments, IReadOnlyList<IReadOnlyList<Way>> gives) => calls[op] = (arguments, gives);

    /// <summary>A loop whose body runs at least once.</summary>
    internal void Runs(Op loop) => running.Add(loop);

    /// <summary>Follows a whole graph and reports what asks for other elements than it gets, in order.</summary>
    internal void Settle(Region root, Action<Demand, Refusal> report, Func<Demand, Dim, bool> isInside)
    {
        do
        {
            contract.Clear();
            forced.Clear();
            Follow(root);
        }
        while (Judge(root, always: true, report, isInside));
    }

    // what was refused is not known any more, and what depends on it stays silent
    private bool Judge(Region region, bool always, Action<Demand, Refusal> report, Func<Demand, Dim, bool> isInside)
    {
        foreach (var op in region.Ops)
        {
            if (!refused.Contains(op) && demands.TryGetValue(op, out var asked))
            {
                foreach (var operand in asked.GroupBy(d => d.At))
                    if (operand.Select(d => (Demand: d, Refusal: Refuse(d, always, isInside))).FirstOrDefault(d => d.Refusal is not null) is { Refusal: { } refusal, Demand: var demand })
                    {
                        refused.Add(op);
                        report(demand, refusal);
                    }
                if (refused.Contains(op)) return true;
            }
            var inner = always && (op.Kind == OpKind.Call || running.Contains(op));
            if (op.Body is not null && Judge(op.Body, inner, report, isInside) || op.Otherwise is not null && Judge(op.Otherwise, inner, report, isInside)) return true;
        }
        return false;
    }

    private Refusal? Refuse(Demand demand, bool always, Func<Demand, Dim, bool> isInside)
    {
        if (Joined(demand.Values.Select(Of), demand.With) is not { } joined) return null;
        bool Fits(Way way) => (way.Possible & demand.Accepts) != 0 && !(demand.IsIndex && way.IsComputed);
        if (joined.FirstOrDefault(w => !Fits(w)) is { } wrong)
            return new(wrong.Least, !joined.Any(Fits), IsComputed: wrong.IsComputed);
        foreach (var way in joined)
        {
            if (demand.IsIndex && demand.Size is not null)
                foreach (var below in way.Below)
                    if (!isInside(demand, below)) return new(ElementType.Int64, joined.Count == 1, Below: below);
            if ((way.Possible & ~demand.Accepts) == 0 && !(demand.IsIndex && way.Of.Count > 0)) continue;
            contract.Add(new(new(way.Least, way.Of, false, default), demand.Accepts, demand.IsIndex, demand.IsIndex && demand.Size is { } size ? Text(size) : ""));
            if (!way.IsParameter) continue;
            var (types, by) = forced.TryGetValue(way.Of[0], out var known) ? known : (ElementSet.Value, demand);
            if ((types & demand.Accepts) == 0) return new(types == ElementSet.Int64 ? ElementType.Int64 : types == ElementSet.Bool ? ElementType.Bool : ElementType.Float, true, Other: by);
            if (always && (types & demand.Accepts) != types) forced[way.Of[0]] = (types & demand.Accepts, demand);
        }
        return null;
    }

    /// <summary>What the graph takes and gives, once it is settled; the types of its values are written down.</summary>
    internal ElementContract Conclude(Region root, GraphUnit graph)
    {
        foreach (var op in Rewriting.All(root))
        {
            foreach (var result in op.Results)
                if (result.Type != ElementType.Mask && Of(result) is { } known && known.All(w => w.Of.Count == 0 && w.Least == known[0].Least)) result.Type = known[0].Least;
            if (op.Kind == OpKind.Scalar) op.Keep = !IsCertainlyNumber(op.Operands[0]);
        }
        var pinned = graph.Parameters.Where(p => p.Shape is { IsPinned: true } && p.Kind == ParameterKind.Value).Select(p => new ElementDemand(new(ElementType.Bool, new([p.Name]), false, default), ElementSet.Float, false, ""));
        var all = contract.Concat(pinned).Distinct().ToList();
        var takes = all.Where(d => !all.Any(other => other != d && Implies(other, d))).OrderBy(d => d.Text, StringComparer.Ordinal);
        return new(takes.ToEquatable(), root.Results.Select(r => (Of(r) ?? []).Select(w => new ElementWay(w.Least, w.Of, w.IsComputed, Texts(w.Below))).OrderBy(w => w.Text, StringComparer.Ordinal).ToEquatable()).ToEquatable());
    }

    private bool IsCertainlyNumber(Value? value)
        => Of(value) is { } known && known.All(w => w.Least == ElementType.Float || w.IsParameter && forced.TryGetValue(w.Of[0], out var f) && f.Types == ElementSet.Float);

    // what is joined to numbers makes numbers
    private static bool Implies(ElementDemand one, ElementDemand other)
        => IsUpwards(one) && IsUpwards(other) && (one.Accepts & ~other.Accepts) == 0 && one.Way.Least >= other.Way.Least && one.Way.Of.All(other.Way.Of.Contains);

    private static bool IsUpwards(ElementDemand demand) => !demand.IsIndex && demand.Accepts is ElementSet.Float or ElementSet.Countable;

    // sizes that a caller cannot know are left out
    private string Text(Dim size) => facts.Text(size) is var text && SizeText.Parse(text) is { } parsed && Expressions.SizeNames(parsed).All(n => n.All(c => char.IsLetterOrDigit(c) || c == '_')) ? text : "";

    private EquatableArray<string> Texts(EquatableArray<Dim> sizes) => sizes.Select(Text).Where(t => t.Length > 0).OrderBy(t => t, StringComparer.Ordinal).ToEquatable();

    private IReadOnlyList<Way>? Of(Value? value) => value is not null && ways.TryGetValue(value, out var known) ? known : null;

    private static IReadOnlyList<Way>? Joined(IEnumerable<IReadOnlyList<Way>?> values, Way? with = null)
    {
        IReadOnlyList<Way>? all = with is null ? null : [with];
        foreach (var value in values)
        {
            if (value is null) return null;
            all = all is null ? value : [.. all.SelectMany(a => value.Select(a.With)).Distinct()];
            if (all.Count > MostWays) return null;
        }
        return all;
    }

    private static IReadOnlyList<Way>? Either(IReadOnlyList<Way>? a, IReadOnlyList<Way>? b)
        => a is null || b is null ? null : a.Union(b).ToList() is { Count: <= MostWays } all ? all : null;

    private void Follow(Region region)
    {
        foreach (var op in region.Ops)
        {
            switch (op.Kind)
            {
                case OpKind.Repeat: Loop(op); break;
                case OpKind.If:
                    Follow(op.Body!);
                    Follow(op.Otherwise!);
                    for (var i = 0; i < op.Results.Count; i++) ways[op.Results[i]] = Either(Of(op.Body!.Results[i]), Of(op.Otherwise!.Results[i]));
                    break;
                case OpKind.Call when op.Body is not null: Follow(op.Body); break;             // its results are values of the body
                case OpKind.Call:
                    for (var i = 0; i < op.Results.Count; i++) ways[op.Results[i]] = calls.TryGetValue(op, out var call) && i < call.Gives.Count ? Given(call.Gives[i], call.Arguments) : null;
                    break;
                default:
                    foreach (var result in op.Results) ways[result] = Made(op);
                    break;
            }
            if (refused.Contains(op)) foreach (var result in op.Results) ways[result] = null;
        }
    }

    private void Loop(Op op)
    {
        var body = op.Body!;
        var isWhole = body.Results.Count == body.Parameters.Count && op.Operands.Count == body.Parameters.Count && op.Results.Count == body.Parameters.Count;
        for (var i = 0; i < body.Parameters.Count; i++) ways[body.Parameters[i]] = isWhole ? Of(op.Operands[i]) : null;
        for (var changes = true; changes;)
        {
            Follow(body);
            changes = false;
            for (var i = 0; isWhole && i < body.Parameters.Count; i++)
            {
                var before = ways[body.Parameters[i]];
                var after = Either(before, Of(body.Results[i]));
                if (before?.Count == after?.Count) continue;
                ways[body.Parameters[i]] = after;
                changes = true;
            }
        }
        for (var i = 0; i < op.Results.Count; i++) ways[op.Results[i]] = !isWhole ? null : running.Contains(op) ? Of(body.Results[i]) : Either(Of(op.Operands[i]), Of(body.Results[i]));
    }

    // what a callee says, about the arguments that it got
    private IReadOnlyList<Way>? Given(IReadOnlyList<Way> said, IReadOnlyDictionary<string, Value> arguments)
    {
        IReadOnlyList<Way>? all = said.Count == 0 ? null : [];
        foreach (var way in said)
        {
            if (!way.Of.All(arguments.ContainsKey)) return null;
            all = Either(all, Joined(way.Of.Select(n => Of(arguments[n])), way with { Of = default }));
        }
        return all;
    }

    private IReadOnlyList<Way>? Made(Op op)
    {
        var row = OpTable.Elements(op.Kind, op.Method);
        switch (row.Gives)
        {
            case ElementResult.Float: return [Number];
            case ElementResult.Bool: return [new(ElementType.Bool, default, false, default)];
            case ElementResult.Position: return [new(ElementType.Int64, default, false, op.Axis >= 0 ? new([op.Operands[0]!.Axes[op.Axis]]) : default)];
            case ElementResult.Chosen or ElementResult.Computed or ElementResult.Counted:
                if (Joined(op.Operands.Where((_, i) => i >= row.Of.First && i <= row.Of.Last).Select(Of)) is not { } all) return null;
                if (row.Gives == ElementResult.Chosen) return all;
                return [.. all.Select(w => w.Least == ElementType.Float ? w : w with { IsComputed = true, Below = default, Least = row.Gives == ElementResult.Counted && w.Least == ElementType.Bool ? ElementType.Int64 : w.Least }).Distinct()];
            default: return null;
        }
    }
}
