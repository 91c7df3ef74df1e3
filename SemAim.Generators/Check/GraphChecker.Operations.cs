using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>The operations of values.</summary>
public sealed partial class GraphChecker
{
    private Value Slice(Expr.Slice s)
    {
        var x = Tensor(s.Value);
        var (text, at) = (s.Pattern.Value, s.Pattern.Id);
        var (axis, bracket) = Bracketed(text, x, s.Value, at, check: false);
        var size = x.Axes[axis];
        var inside = bracket.Bracket!;
        RunnableChecker.CheckArguments(s.Arguments, [.. Expressions.Names(inside)], text, e => Meant(e, Expressions.Names(inside)));
        var dots = inside.IndexOf("..", StringComparison.Ordinal);
        var given = Given(s.Arguments);
        Dim? Known(string name) => given.TryGetValue(name, out var passed) ? passed : LocalSize(name) ?? Solver(given).Known(name);
        Dim Position(string part)
        {
            part = part.Trim();
            var fromEnd = part.StartsWith("^", StringComparison.Ordinal);
            var body = fromEnd ? part.Substring(1) : part;
            if (SizeText.Parse(body) is not { } e) throw new CheckFailure("SEM0030", $"pattern \"{text}\": '{part}' is no index", bracket.Start, bracket.Length, at);
            var value = Expressions.Evaluate(e, Known, facts.Divide)
                ?? throw (Expressions.SizeNames(e).FirstOrDefault(n => Known(n) is null) is { } unknown
                    ? IsBroken(unknown) ? new CheckFailure() : UnknownSize(unknown, text.IndexOf(unknown, bracket.Start, StringComparison.Ordinal), unknown.Length, at)
                    : new CheckFailure("SEM0120", $"`{body}` may not be a whole number", bracket.Start, bracket.Length, at));
            var silent = Expressions.SizeNames(e).FirstOrDefault(n => !s.Arguments.Any(a => a.Value is Expr.Text { Value: var written } && written == n));
            if (silent is not null)
                throw new CheckFailure("SEM0216", $"the specification cannot run \"[{inside}]\": {silent} is unknown to the value; pass it: {Name(s.Value)}[\"{text}\", {silent}]", bracket.Start, bracket.Length, at, $"[\"{text}\", {silent}]");
            return fromEnd ? size - value : value;
        }
        if (dots < 0)
        {
            var position = Position(inside);
            Inside(position, size - 1 - position, s, text, $"index {inside}", axis, size, bracket, at);
            return Emit(OpKind.Select, s.Id, [.. x.Axes.Where((_, i) => i != axis)], [x], o => { o.Axis = axis; o.Dims = [position]; });
        }
        var (head, tail) = (inside.Substring(0, dots).Trim(), inside.Substring(dots + 2).Trim());
        var start = head.Length == 0 ? Dim.Zero : Position(head);
        var end = tail.Length == 0 ? size : Position(tail);
        Inside(start, size - start, s, text, $"range {inside}", axis, size, bracket, at);
        Inside(end, size - end, s, text, $"range {inside}", axis, size, bracket, at);
        Inside(end - start, Dim.Zero, s, text, $"range {inside}", axis, size, bracket, at);
        return Emit(OpKind.Narrow, s.Id, [.. x.Axes.Select((a, i) => i == axis ? end - start : a)], [x], o => { o.Axis = axis; o.Dims = [start, end - start]; });
    }

    // both must never be negative; definitely outside is SEM0207, undecided SEM0121
    private void Inside(Dim position, Dim room, Expr.Slice s, string text, string what, int axis, Dim size, PatternAxis bracket, int at)
    {
        foreach (var value in new[] { position, room })
        {
            var worst = Extreme(value, highest: false);
            if (facts.IsNeverNegative(worst) || IsCallersBusiness(worst)) continue;
            var variant = AdmissibleSizes.VariantsOf(scope).Select(v => v.Of(facts, size) is { } n ? $"; {v.Text}: {n.ToString(CultureInfo.InvariantCulture)}" : null).FirstOrDefault(n => n is not null);
            if (IsNegativeSomewhereKnown(worst) || facts.IsNegativeAtOnes(worst)) throw new CheckFailure("SEM0207", $"`{Name(s.Value)}[\"{text}\"]`: {what} is outside axis {axis} of size {facts.Show(size)}{variant}", bracket.Start, bracket.Length, at);
            throw Witness.MayBeNegative(scope, worst, new CheckFailure(null, "", bracket.Start, bracket.Length, at));
        }
    }

    // for all sizes, or for a published configuration
    private bool IsNegativeSomewhereKnown(Dim value) => facts.IsNeverNegative(value * -1 - 1) || AdmissibleSizes.VariantsOf(scope).Any(v => v.Of(facts, value) < 0);

    /// <summary>The bracketed axis of a pattern over a value. A known name in the brackets must fit <paramref name="acted"/>, or the axis itself.</summary>
    private (int Axis, PatternAxis Bracket) Bracketed(string text, Value x, Expr operand, int at, bool check = true, Func<int, Dim>? acted = null)
    {
        try
        {
            if (text.Contains("->")) throw Pattern.Malformed(text, "an arrow has no meaning here", text.IndexOf("->", StringComparison.Ordinal), 2);
            var pattern = Pattern.Parse(text);
            var brackets = pattern.Axes.Where(a => a.Bracket is not null).ToList();
            foreach (var plain in pattern.Axes) Pattern.RefuseMarks(text, plain);
            if (pattern.Axes.Count == 0) throw new CheckFailure("SEM0031", $"the pattern is empty; write the axes of `{Name(operand)}` with one of them in brackets: \"{string.Join(" ", x.Axes.Select((a, i) => i == x.Axes.Count - 1 ? $"[{facts.Show(a)}]" : facts.Show(a)))}\"");
            if (brackets.Count != 1)
                throw new CheckFailure("SEM0031", brackets.Count == 0 ? $"\"{text}\" marks no axis; write \"{Marked(pattern)}\"" : $"\"{text}\" marks {brackets.Count.ToString(CultureInfo.InvariantCulture)} axes; mark the one that is meant", brackets.Count == 0 ? 0 : brackets[1].Start, brackets.Count == 0 ? text.Length : brackets[1].Length);
            Solver().Match(pattern, x.Axes, text, Name(operand), origin: i => Whence(x, i));
            var axis = pattern.Axes.ToList().IndexOf(brackets[0]) + x.Axes.Count - pattern.Axes.Count;
            if (check)
            {
                var size = acted is null ? x.Axes[axis] : acted(axis);
                var name = brackets[0].Bracket!;
                if (Solver().Known(name) is { } says && !facts.Same(says, size))
                    throw new CheckFailure("SEM0201", $"axis {axis.ToString(CultureInfo.InvariantCulture)} of {(acted is null ? $"`{Name(operand)}`" : "the joined value")} has size {facts.Show(size)}, but \"{brackets[0]}\" says {facts.Named(says) ?? name}{Numbers(size, says, " is not ")}", brackets[0].Start, brackets[0].Length);
                if (!name.TrimEnd('\'').All(c => char.IsLetterOrDigit(c) || c is '_' or '*' or '+' or '-')) throw Pattern.Malformed(text, $"'{name}' is no name", brackets[0].Start, brackets[0].Length);
            }
            return (axis, brackets[0]);
        }
        catch (CheckFailure f) when (f.Id is not null && f.At == 0)
        {
            throw f.In(at);
        }
    }

    private static string Marked(Pattern pattern)
        => string.Join(" ", pattern.Axes.Select((a, i) => i == pattern.Axes.Count - 1 ? $"[{a}]" : a.ToString()));

    private (Pattern Left, Pattern Right, Expr.Text Text) Sides(Expr e)
    {
        if (e is Expr.Broken) throw new CheckFailure();
        if (e is not Expr.Text text) throw new CheckFailure("SEM0030", "a pattern is a constant text: write it in place, or declare it `const string`", at: e.Id);
        return At(text, () => Pattern.Sides(text.Value)) is var (left, right) ? (left, right, text) : default;
    }

    // a failure inside a text belongs to the text
    private static T At<T>(Expr.Text text, Func<T> run)
    {
        try { return run(); }
        catch (CheckFailure f) when (f.Id is not null && f.At == 0) { throw f.In(text.Id); }
    }

    private static Expr? Argument(Expr.Call c, string name) => c.Arguments.FirstOrDefault(a => a.Parameter == name)?.Value;

    private static bool Flag(Expr.Call c, string name) => Argument(c, name) switch
    {
        null or Expr.Host { Code: "false" } => false,
        Expr.Host { Code: "true" } => true,
        Expr.Broken => throw new CheckFailure(),
        var other => throw new CheckFailure("SEM0020", $"`{name}: {Name(other)}` cannot be part of a graph: the number of axes would depend on it; write true or false", at: other.Id),
    };

    private Item OnValue(Expr.Call c, Value x)
    {
        switch (c.Method)
        {
            case "Size":
                if (Argument(c, "axis") is not { } which || Evaluate(which) is not Item.Int { Size.Number: { } axis }) throw new CheckFailure("SEM0020", "Size takes a constant axis", at: c.Id);
                if (x.HasOpenRank) throw new CheckFailure("SEM0202", $"`{Name(c.Target!)}` leaves its leading axes open: {Show(x.Axes)}; name them in [Shape] to ask for a size", at: c.Id);
                if (axis < 0) axis += x.Axes.Count;
                if (axis < 0 || axis >= x.Axes.Count) throw new CheckFailure("SEM0202", $"`{Name(c.Target!)}` has {x.Axes.Count.ToString(CultureInfo.InvariantCulture)} axes; there is no axis {axis.ToString(CultureInfo.InvariantCulture)}", at: c.Id);
                return new Item.Int(x.Axes[(int)axis]);
            case "Rearrange": return new Item.Tensor(Rearrange(c, x));
            case "Split":
                var all = Rearrange(c, x);
                if (all.Axes[0].Number is not { } count) throw new CheckFailure("SEM0215", $"the pattern makes {facts.Show(all.Axes[0])} parts; the number of parts must be written as a number", at: Argument(c, "pattern")!.Id);
                return new Item.Many([.. Enumerable.Range(0, (int)count).Select(i => (Item)new Item.Tensor(Emit(OpKind.Select, c.Id, [.. all.Axes.Skip(1)], [all], o => { o.Axis = 0; o.Dims = [i]; })))], true);
            case "Expand": return new Item.Tensor(Expand(c, x));
            case "Mean" or "Sum" or "Max" or "Min" or "Var" when Argument(c, "pattern") is null:
                Takes(OpKind.Reduce, c.Method.ToLowerInvariant(), 0, c.Method, x, c.Target!, c.Id);
                return new Item.Tensor(Emit(OpKind.Reduce, c.Id, [], [x], o => o.Method = c.Method.ToLowerInvariant()));
            case "Mean" or "Sum" or "Var" or "Max" or "Min" or "ArgMax":
                var (reduced, _) = Bracketed(Text(c), x, c.Target!, Argument(c, "pattern")!.Id);
                var keep = Flag(c, "keep");
                Takes(OpKind.Reduce, c.Method.ToLowerInvariant(), 0, c.Method, x, c.Target!, c.Id);
                return new Item.Tensor(Emit(OpKind.Reduce, c.Id, [.. x.Axes.Select((a, i) => i == reduced ? Dim.One : a).Where((_, i) => keep || i != reduced)], [x],
                    o => { o.Method = c.Method.ToLowerInvariant(); o.Axis = reduced; o.Keep = keep; }));
            case "Softmax" or "Normalize":
                var (normalised, _) = Bracketed(Text(c), x, c.Target!, Argument(c, "pattern")!.Id);
                var towards = c.Method == "Softmax" ? OpKind.Softmax : OpKind.Normalize;
                Takes(towards, "", 0, c.Method, x, c.Target!, c.Id);
                return new Item.Tensor(Emit(towards, c.Id, x.Axes, [x], o => o.Axis = normalised));
            case "Sort":
                var (sorted, _) = Bracketed(Text(c), x, c.Target!, Argument(c, "pattern")!.Id);
                return new Item.Tensor(Emit(OpKind.Sort, c.Id, x.Axes, [x], o => o.Axis = sorted));
            case "Gather":
                var (along, _) = Bracketed(Text(c), x, c.Target!, Argument(c, "pattern")!.Id);
                var index = Tensor(Argument(c, "index")!);
                if (index.Axes.Count != along + 1 || !Same([.. x.Axes.Take(along)], [.. index.Axes.Take(along)]))
                    throw new CheckFailure("SEM0201", along == 0
                        ? $"`Gather`: the index has axes {Show(index.Axes)}, wanted is one axis: nothing stands before the bracket"
                        : $"`Gather`: the index has axes {Show(index.Axes)}, wanted are the leading axes {Show([.. x.Axes.Take(along)])} and one more", at: Argument(c, "index")!.Id);
                Takes(OpKind.Gather, "", 1, c.Method, index, Argument(c, "index")!, Argument(c, "index")!.Id, x.Axes[along]);
                return new Item.Tensor(Emit(OpKind.Gather, c.Id, [.. x.Axes.Select((a, i) => i == along ? index.Axes[along] : a)], [x, index], o => o.Axis = along));
            case "Pow":
                Takes(OpKind.Scalar, "pow", 0, c.Method, x, c.Target!, c.Id);
                return new Item.Tensor(Emit(OpKind.Scalar, c.Id, x.Axes, [x], o => { o.Method = "pow"; o.Text = Scalar(Evaluate(Argument(c, "exponent")!)); }));
            case "DropPath":
                if (flow.Into(x).Count == 0) throw Weightless("`DropPath`", $"`{Name(c.Target!)}`", 1, c.Target!.Id);
                Draw(c.Method, x, c.Target!);
                flow.Dropped.Add(flow.Into(x));
                Takes(OpKind.DropPath, "", 0, c.Method, x, c.Target!, c.Id);
                return new Item.Tensor(Emit(OpKind.DropPath, c.Id, x.Axes, [x], o => o.Text = Scalar(Evaluate(Argument(c, "rate")!))));
            case "Detach": return new Item.Tensor(Emit(OpKind.Detach, c.Id, x.Axes, [x]));
            case "Gelu" or "Relu" or "Silu" or "QuickGelu" or "Tanh" or "Sigmoid" or "Exp" or "Log" or "Sqrt" or "Abs":
                Takes(OpKind.Unary, c.Method.ToLowerInvariant(), 0, c.Method, x, c.Target!, c.Id);
                return new Item.Tensor(Emit(OpKind.Unary, c.Id, x.Axes, [x], o => o.Method = c.Method.ToLowerInvariant()));
            default: throw new CheckFailure("SEM0021", $"`{c.Method}` is not a graph operation; move it out of [Graph], or mark the helper [Graph]", at: c.Id);
        }
    }

    private static string Text(Expr.Call c) => Argument(c, "pattern") switch
    {
        Expr.Text t => t.Value,
        Expr.Broken => throw new CheckFailure(),
        var other => throw new CheckFailure("SEM0030", "a pattern is a constant text: write it in place, or declare it `const string`", at: other?.Id ?? c.Id),
    };

    private Value Rearrange(Expr.Call c, Value x)
    {
        var (left, right, text) = Sides(Argument(c, "pattern") ?? throw new CheckFailure());
        return At(text, () =>
        {
            if (x.HasOpenRank) throw OpenRank(c, x);
            RunnableChecker.CheckArguments(c.Arguments, RunnableChecker.Used(left, right), text.Value, e => Meant(e, RunnableChecker.Used(left, right)));
            var ellipsis = left.HasEllipsis && right.HasEllipsis;
            PatternSolver.SameAxes(left, right);
            var solver = Solver(Given(c.Arguments));
            var bound = solver.Match(left, x.Axes, text.Value, Name(c.Target!), origin: i => Whence(x, i));
            RunnableChecker.Check(c, left, right, text, Spoken);
            List<Dim> prefix = ellipsis ? [.. x.Axes.Take(x.Axes.Count - left.Axes.Count + 1)] : [];
            Dim SizeOf(Token t) => solver.Known(t.Text, bound) ?? throw PatternSolver.Invented(t);
            var from = left.Axes.Where(a => !a.IsEllipsis).SelectMany(a => a.Tokens).Where(t => t.Text != "1").ToList();
            var to = right.Axes.Where(a => !a.IsEllipsis).SelectMany(a => a.Tokens).Where(t => t.Text != "1").ToList();
            var split = Emit(OpKind.Reshape, c.Id, [.. prefix, .. from.Select(SizeOf)], [x], o => o.Dims = [.. prefix, .. from.Select(SizeOf)]);
            int[] order = [.. Enumerable.Range(0, prefix.Count), .. to.Select(t => prefix.Count + from.FindIndex(f => f.Text == t.Text))];
            var permuted = Emit(OpKind.Permute, c.Id, [.. order.Select(i => split.Axes[i])], [split], o => o.Order = order);
            List<Dim> merged = [.. prefix, .. right.Axes.Where(a => !a.IsEllipsis).Select(a => a.Tokens.Aggregate(Dim.One, (p, t) => p * SizeOf(t)))];
            var rearranged = Emit(OpKind.Reshape, c.Id, merged, [permuted], o => o.Dims = merged);
            rearranged.IsBySample = KeepsSamples(left, right.Axes, x, SizeOf);
            rearranged.HasPartsBySample = !ellipsis && KeepsSamples(left, [.. right.Axes.Skip(1)], x, SizeOf);
            return rearranged;
        });
    }

    private CheckFailure OpenRank(Expr.Call c, Value x)
        => new("SEM0202", $"`{Name(c.Target!)}` leaves its leading axes open: {Show(x.Axes)}; name them in [Shape] to rearrange or expand it", 0, Text(c).Length);

    // how C# says a size: by its name, or as an axis of a parameter
    private string? Spoken(string name)
    {
        if (names.TryGetValue(name, out var item)) return item is Item.Int ? name : null;
        if (facts[name] is not null) return name;
        foreach (var p in graph.Parameters)
            if (p is { Kind: ParameterKind.Value, Shape: { } shape } && shape.Text.Split([' '], StringSplitOptions.RemoveEmptyEntries) is var axes && axes[0] != "..." && System.Array.IndexOf(axes, name) is >= 0 and var at)
                return $"{p.Name}.Size({at.ToString(CultureInfo.InvariantCulture)})";
        return null;
    }

    // the name of a pattern that has the size of an expression
    private (string Name, bool IsSpoken)? Meant(Expr e, IEnumerable<string> used)
        => Try(e) is Item.Int { Size: var size } && used.FirstOrDefault(n => Solver().Known(n) is { } known && facts.Same(known, size)) is { } name ? (name, Spoken(name) == name) : null;

    private Value Expand(Expr.Call c, Value x)
    {
        var (left, right, text) = Sides(Argument(c, "pattern") ?? throw new CheckFailure());
        return At(text, () =>
        {
            if (x.HasOpenRank) throw OpenRank(c, x);
            RunnableChecker.CheckArguments(c.Arguments, RunnableChecker.Used(left, right), text.Value, e => Meant(e, RunnableChecker.Used(left, right)));
            var solver = Solver(Given(c.Arguments));
            var bound = solver.Match(left, x.Axes, text.Value, Name(c.Target!), origin: i => Whence(x, i));
            if (left.Axes.Count != right.Axes.Count) throw Pattern.Malformed(text.Value, "an expand keeps the number of axes", 0, text.Value.Length);
            if (left.HasEllipsis != right.HasEllipsis) throw Pattern.Malformed(text.Value, "'...' stands on both sides or on none", (left.HasEllipsis ? left : right).Axes[0].Start, 3);
            var shift = left.HasEllipsis ? x.Axes.Count - left.Axes.Count : 0;
            var axes = left.HasEllipsis ? x.Axes.Take(shift + 1).ToList() : [];
            foreach (var (axis, i) in right.Axes.Select((a, i) => (a, i + shift)).Skip(left.HasEllipsis ? 1 : 0))
            {
                var size = axis.Tokens.Aggregate(Dim.One, (p, t) => p * (solver.Known(t.Text, bound) ?? throw (Expressions.Names(t.Text).FirstOrDefault(n => solver.Known(n, bound) is null) is { } unknown
                    ? IsBroken(unknown) || strangers.Contains(unknown) ? new CheckFailure() : UnknownSize(unknown, t.Start + t.Text.IndexOf(unknown, StringComparison.Ordinal), unknown.Length)
                    : new CheckFailure("SEM0120", $"`{t.Text}` may not be a whole number", t.Start, t.Length))));
                if (!facts.Same(size, x.Axes[i]) && !facts.Same(x.Axes[i], Dim.One))
                    throw new CheckFailure("SEM0218", $"axis {i.ToString(CultureInfo.InvariantCulture)} of `{Name(c.Target!)}` has size {facts.Show(x.Axes[i])}; only an axis of size 1 can be repeated to {facts.Show(size)}", axis.Start, axis.Length);
                axes.Add(size);
            }
            RunnableChecker.Check(c, left, right, text, Spoken);
            return Emit(OpKind.Expand, c.Id, axes, [x], o => o.Dims = axes);
        });
    }

    private Item OnNothing(Expr.Call c)
    {
        switch (c.Owner, c.Method)
        {
            case ("OrderMask", "UpTo" or "Before"):
                var rank = Tensor(Argument(c, "rank")!);
                if (rank.Axes.Count != 2) throw new CheckFailure("SEM0202", $"ranks have axes B N, `{Name(Argument(c, "rank")!)}` has {Show(rank.Axes)}", at: Argument(c, "rank")!.Id);
                Dim[] axes = [rank.Axes[0], rank.Axes[1] + 1, rank.Axes[1] + 1];
                var together = Argument(c, "ties") is Expr.Host { Code: var ties } && ties.EndsWith("Together", StringComparison.Ordinal);
                return new Item.Tensor(Emit(c.Method == "UpTo" ? OpKind.MaskUpTo : OpKind.MaskBefore, c.Id, axes, [rank], o => o.Text = together ? "Together" : ""));
            case ("Ops", "Attend"): return new Item.Tensor(Attend(c));
            case ("Ops", "Concat"): return new Item.Tensor(Concat(c));
            case ("Ops", "Einsum"): return new Item.Tensor(Einsum(c));
            case ("Ops", "Where"):
                var (condition, yes, no) = (Tensor(Argument(c, "condition")!), Tensor(Argument(c, "a")!), Tensor(Argument(c, "b")!));
                if (!Same(yes.Axes, no.Axes) || !Same(condition.Axes, yes.Axes)) throw new CheckFailure("SEM0204", $"`Where`: {Show(condition.Axes)}, {Show(yes.Axes)} and {Show(no.Axes)} have no common reading", at: c.Id);
                Takes(OpKind.Where, "", 0, c.Method, condition, Argument(c, "condition")!, Argument(c, "condition")!.Id);
                return new Item.Tensor(Emit(OpKind.Where, c.Id, yes.Axes, [condition, yes, no]));
            case var _ when c.Arguments.Any(a => a.Value is Expr.Broken): throw new CheckFailure();
            default: throw new CheckFailure("SEM0021", $"`{c.Owner}.{c.Method}` is not a graph operation; move it out of [Graph], or mark the helper [Graph]", at: c.Id);
        }
    }

    private Value Attend(Expr.Call c)
    {
        Expr Of(string name) => Argument(c, name) ?? throw new CheckFailure();
        var operands = Tensors(Of("q"), Of("k"), Of("v"));
        var (q, k, v) = (operands[0], operands[1], operands[2]);
        var mask = Argument(c, "mask") is { } m ? Evaluate(m) as Item.Tensor : null;
        foreach (var (value, at) in new[] { (q, "q"), (k, "k"), (v, "v") })
            if (value.Axes.Count != 4 || value.HasOpenRank) throw new CheckFailure("SEM0202", $"`Attend` works on B H T E, `{Name(Of(at))}` has {value.Axes.Count.ToString(CultureInfo.InvariantCulture)} axes: {Show(value.Axes)}", at: Of(at).Id);
        foreach (var axis in new[] { 0, 1, 3 })
            if (!facts.Same(q.Axes[axis], k.Axes[axis])) throw Disagree(axis, k, q, "k");
        foreach (var axis in new[] { 0, 1, 2, 3 })
            if (!facts.Same(k.Axes[axis], v.Axes[axis])) throw Disagree(axis, v, k, "v");
        if (mask is not null && !Same(mask.Value.Axes, [q.Axes[0], q.Axes[2], k.Axes[2]]))
            throw new CheckFailure("SEM0209", $"`Attend`: the mask orders {Show(mask.Value.Axes)}, these operands need {Show([q.Axes[0], q.Axes[2], k.Axes[2]])}", at: Argument(c, "mask")!.Id);
        foreach (var (value, at, i) in new[] { (q, "q", 0), (k, "k", 1), (v, "v", 2) }) Takes(OpKind.Attend, "", i, "Attend", value, Of(at), Of(at).Id);
        return Emit(OpKind.Attend, c.Id, q.Axes, [q, k, v, mask?.Value]);

        CheckFailure Disagree(int axis, Value got, Value want, string which)
            => new("SEM0201", $"axis {axis.ToString(CultureInfo.InvariantCulture)} of `{Name(Of(which))}` has size {facts.Show(got.Axes[axis])}, but Attend needs {facts.Show(want.Axes[axis])} as in `{Name(Of(which == "k" ? "q" : "k"))}`{Numbers(got.Axes[axis], want.Axes[axis], " is not ")}{Whence(got, axis).Line}", at: Of(which).Id, related: Whence(got, axis).Places);
    }

    private Value Concat(Expr.Call c)
    {
        var parts = ((Argument(c, "values") as Expr.Tuple) ?? throw new CheckFailure()).Items;
        var values = Tensors(parts);
        if (values.Count == 0) throw new CheckFailure("SEM0202", "`Concat` joins at least one value", at: c.Id);
        var text = Text(c);
        foreach (var (value, i) in values.Select((v, i) => (v, i)))
            if (value.Axes.Count != values[0].Axes.Count) throw new CheckFailure("SEM0202", $"`Concat`: `{Name(parts[i])}` has {Show(value.Axes)}, the first operand {Show(values[0].Axes)}", at: parts[i].Id);
        Dim Joined(int axis) => values.Select(v => v.Axes[axis]).Aggregate((x, y) => x + y);
        var solver = Solver();
        // the operand that the pattern speaks of is right, the others are held against it: a class token before it is repeated comes first as often as last
        var described = values.FindIndex(v => Describes(v));
        var (at, _) = Bracketed(text, values[Math.Max(described, 0)], parts[Math.Max(described, 0)], Argument(c, "pattern")!.Id, acted: Joined);
        var first = values[Math.Max(described, 0)];
        for (var i = 0; i < values.Count; i++)
            for (var a = 0; a < first.Axes.Count; a++)
                if (a != at && !facts.Same(values[i].Axes[a], first.Axes[a]))
                    throw new CheckFailure("SEM0205", $"`{Name(c)}`: outside the joined axis, axis {a.ToString(CultureInfo.InvariantCulture)} is {facts.Show(first.Axes[a])} in one and {facts.Show(values[i].Axes[a])} in another{(facts.Same(values[i].Axes[a], Dim.One) ? $"; repeat `{Name(parts[i])}` first, with Expand" : "")}{Whence((first, a), (values[i], a)).Lines}", at: parts[i].Id, related: Whence((first, a), (values[i], a)).Places);
        return Emit(OpKind.Concat, c.Id, [.. first.Axes.Select((a, i) => i == at ? Joined(at) : a)], values, o => o.Axis = at);

        bool Describes(Value v)
        {
            try { solver.Match(Pattern.Parse(text), v.Axes, text, ""); }
            catch (CheckFailure) { return false; }
            return true;
        }
    }

    private Value Einsum(Expr.Call c)
    {
        var text = new Expr.Text(Argument(c, "pattern")?.Id ?? c.Id, Text(c));
        var operands = new List<Expr>();
        foreach (var a in c.Arguments)
            if (a.Parameter == "values" && a.Value is Expr.Tuple t) operands.AddRange(t.Items);
            else if (a.Parameter != "pattern") operands.Add(a.Value);
        var values = Tensors(operands);
        return At(text, () =>
        {
            var arrow = text.Value.IndexOf("->", StringComparison.Ordinal);
            if (arrow < 0) throw Pattern.Malformed(text.Value, "there is no '->'", 0, text.Value.Length);
            var sides = new List<Pattern>();
            for (int start = 0, i = 0; i <= arrow; i++)
                if (i == arrow || text.Value[i] == ',') { sides.Add(Pattern.Parse(text.Value, start, i)); start = i + 1; }
            var right = Pattern.Parse(text.Value, arrow + 2, text.Value.Length);
            foreach (var axis in sides.Append(right).SelectMany(p => p.Axes))
                if (axis.IsGroup || axis.Bracket is not null || axis.IsEllipsis || !axis.Tokens[0].Text.TrimEnd('\'').All(c => char.IsLetterOrDigit(c) || c == '_')) throw Pattern.Malformed(text.Value, "an einsum has single names only", axis.Start, axis.Length);
            if (right.Axes.GroupBy(a => a.Tokens[0].Text).FirstOrDefault(g => g.Count() > 1) is { } twice)
                throw new CheckFailure("SEM0214", $"axis '{twice.Key}' is written twice; if it is a second axis of the same size write {twice.Key}'", twice.ElementAt(1).Start, twice.ElementAt(1).Length, fix: twice.Key + "'");
            if (sides.Count != values.Count) throw new CheckFailure("SEM0202", $"pattern \"{text.Value}\" describes {sides.Count.ToString(CultureInfo.InvariantCulture)} operands, {values.Count.ToString(CultureInfo.InvariantCulture)} are given", 0, text.Value.Length);
            var solver = Solver();
            var bound = new Dictionary<string, (Dim Size, int Operand)>();
            // a name twice in one operand
            for (var i = 0; i < sides.Count; i++)
                if (sides[i].Axes.Count == values[i].Axes.Count)
                    foreach (var (name, places) in sides[i].Axes.Select((a, n) => (Name: a.Tokens[0].Text, At: n)).GroupBy(a => a.Name).Select(g => (g.Key, g.Select(a => a.At).ToList())))
                        foreach (var other in places.Skip(1))
                            if (!facts.Same(values[i].Axes[places[0]], values[i].Axes[other]))
                                throw new CheckFailure("SEM0208", $"`Einsum(\"{text.Value}\")`: '{name}' is {facts.Show(values[i].Axes[places[0]])} and {facts.Show(values[i].Axes[other])} in the {Ordinal(i)} operand{Numbers(values[i].Axes[places[0]], values[i].Axes[other], " is not ")}", sides[i].Axes[other].Start, sides[i].Axes[other].Length);
            // a name that is right in one operand and wrong in another, before either is held against what the module says
            for (var i = 1; i < sides.Count; i++)
                for (var k = 0; k < i; k++)
                    if (sides[i].Axes.Count == values[i].Axes.Count && sides[k].Axes.Count == values[k].Axes.Count)
                        for (var a = 0; a < sides[i].Axes.Count; a++)
                            for (var b = 0; b < sides[k].Axes.Count; b++)
                            {
                                var (name, here, there) = (sides[i].Axes[a].Tokens[0].Text, values[i].Axes[a], values[k].Axes[b]);
                                if (sides[k].Axes[b].Tokens[0].Text != name || facts.Same(here, there)) continue;
                                var token = solver.Known(name) is { } says && facts.Same(says, here) ? sides[k].Axes[b].Tokens[0] : sides[i].Axes[a].Tokens[0];
                                if (solver.Known(name) is { } neither && !facts.Same(neither, here) && !facts.Same(neither, there)) continue;
                                throw new CheckFailure("SEM0208", $"`Einsum(\"{text.Value}\")`: '{name}' is {facts.Show(there)} in the {Ordinal(k)} operand and {facts.Show(here)} in the {Ordinal(i)}{Numbers(there, here, " is not ")}{Whence((values[k], b), (values[i], a)).Lines}", token.Start, token.Length, related: Whence((values[k], b), (values[i], a)).Places);
                            }
            for (var i = 0; i < sides.Count; i++)
            {
                foreach (var (name, size) in solver.Match(sides[i], values[i].Axes, text.Value, Name(operands[i]), einsum: true).Select(p => (p.Key, p.Value)))
                    if (bound.TryGetValue(name, out var first) && !facts.Same(first.Size, size))
                    {
                        var token = sides[i].Axes.First(a => a.Tokens[0].Text == name);
                        throw new CheckFailure("SEM0208", $"`Einsum(\"{text.Value}\")`: '{name}' is {facts.Show(first.Size)} in the {Ordinal(first.Operand)} operand and {facts.Show(size)} in the {Ordinal(i)}", token.Start, token.Length);
                    }
                    else if (!bound.ContainsKey(name)) bound[name] = (size, i);
            }
            var names = sides.SelectMany(p => p.Axes).Select(a => a.Tokens[0].Text).Distinct().ToList();
            if (names.Count > EinsumLetters.Most) throw Pattern.Malformed(text.Value, $"an einsum has {EinsumLetters.Most.ToString(CultureInfo.InvariantCulture)} names at most", 0, text.Value.Length);
            var letters = EinsumLetters.Of(names);
            string Letters(Pattern p) => string.Concat(p.Axes.Select(a => letters[a.Tokens[0].Text]));
            var left = string.Join(",", sides.Select(Letters));
            if (right.Axes.FirstOrDefault(a => !letters.ContainsKey(a.Tokens[0].Text)) is { } strange)
                throw new CheckFailure("SEM0213", $"axis '{strange.Tokens[0].Text}' appears from nowhere; no operand of the einsum has it", strange.Start, strange.Length);
            var axes = right.Axes.Select(a => bound.TryGetValue(a.Tokens[0].Text, out var b) ? b.Size : solver.Known(a.Tokens[0].Text)!).ToList();
            for (var i = 0; i < values.Count; i++) Takes(OpKind.Einsum, "", i, "Einsum", values[i], operands[i], operands[i].Id);
            return Emit(OpKind.Einsum, c.Id, axes, values, o => o.Text = $"{left}->{Letters(right)}");
        });
    }

    private static string Ordinal(int i) => i switch { 0 => "first", 1 => "second", 2 => "third", _ => (i + 1).ToString(CultureInfo.InvariantCulture) + "th" };
}
