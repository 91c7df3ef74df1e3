using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Names, arithmetic and broadcasting.</summary>
public sealed partial class GraphChecker
{
    private Item Evaluate(Expr e)
    {
        switch (e)
        {
            case Expr.Int n: return new Item.Int(n.Value);
            case Expr.Size s: return facts[s.Name] is { } size ? new Item.Int(size) : throw new CheckFailure();
            case Expr.Local l: return names.TryGetValue(l.Name, out var item) ? item is Item.Unknown ? throw new CheckFailure() : item : throw new CheckFailure();
            case Expr.Host h: return new Item.Host(h.Code);
            case Expr.HostTemplate t: return new Item.Host(string.Concat(t.Texts.Select((text, i) => i < t.Parts.Count ? text + Operand(Evaluate(t.Parts[i])) : text)));
            case Expr.Null: return new Item.Nothing();
            case Expr.This: return new Item.Self();
            case Expr.Layer f: return LayerItem(f);
            case Expr.Element x: return ElementItem(x);
            case Expr.Tuple t: return new Item.Many([.. t.Items.Select(Try)], false);
            case Expr.Slice s: return new Item.Tensor(Slice(s));
            case Expr.Negate n:
                return Evaluate(n.Operand) switch
                {
                    Item.Int { Size: var negated } => new Item.Int(negated * -1),
                    Item.Tensor { Value: var value } => new Item.Tensor(Negated(n, value)),
                    Item.Host { Code: var code } => new Item.Host($"-({code})"),
                    _ => throw new CheckFailure(),
                };
            case Expr.Binary b: return Binary(b);
            case Expr.Call c: return Call(c);
            default: throw new CheckFailure();
        }
    }

    private Value Tensor(Expr e) => Evaluate(e) is Item.Tensor { Value: var v } ? v : throw new CheckFailure();

    // all of them are looked at before the first failure ends the operation
    private List<Value> Tensors(params IEnumerable<Expr> expressions)
    {
        var items = expressions.Select(Try).ToList();
        return [.. items.Select(i => i is Item.Tensor { Value: var v } ? v : throw new CheckFailure())];
    }

    private Item LayerItem(Expr.Layer f)
    {
        if (!scope.Layers.TryGetValue(f.Field, out var layer)) throw new CheckFailure();
        if (layer.Field.Kind is not (LayerKind.Weight or LayerKind.Constant)) return new Item.Layer(layer, null);
        if (layer.Shape is not { } shape) throw new CheckFailure();
        var value = Emit(OpKind.Weight, f.Id, shape, [], o => o.Text = layer.Field.Field);
        value.IsRootedInWeight = true;
        return new Item.Tensor(value);
    }

    private Item ElementItem(Expr.Element x)
    {
        if (Evaluate(x.Repeated) is not Item.Layer { Field: { Count: { } count } layer }) throw new CheckFailure();
        if (Evaluate(x.Index) is not Item.Int { Size: var index }) throw new CheckFailure();
        var (last, first) = (Extreme(index, highest: true), Extreme(index, highest: false));
        var looped = !last.Equals(index) || !first.Equals(index) || loops.Any(l => index.Has(l.Variable));
        if (IsCallersBusiness(first) || IsCallersBusiness(last)) return new Item.Layer(layer, index);
        // as declared: every symbol is at least 1
        var room = facts.Normalise(count - 1 - last);
        if (!facts.IsNeverNegative(room))
            throw new CheckFailure(looped ? "SEM0304" : "SEM0303", looped
                ? $"{layer.Field.Field}[{Written(x.Index, index)}] reaches {facts.Show(last)}; the last index is {facts.Show(count - 1)}"
                : $"`{layer.Field.Field}[{facts.Show(index)}]`: index {facts.Show(index)} is outside 0 … {facts.Show(count - 1)}", at: x.Id);
        if (!facts.IsNeverNegative(first))
            throw new CheckFailure(looped ? "SEM0304" : "SEM0303", $"{layer.Field.Field}[{Written(x.Index, index)}] {(looped ? "begins at" : "is")} {facts.Show(first)}; the first index is 0", at: x.Id);
        return new Item.Layer(layer, index);
    }

    // a private graph's own number: what it may be is seen where the graph is read into a caller
    private bool IsCallersBusiness(Dim index) => inlining.Count == 0 && graph.Inlined && graph.Parameters.Any(p => p.Kind == ParameterKind.Host && index.Has(p.Name));

    private string Written(Expr e, Dim value) => e switch
    {
        Expr.Binary b => $"{WrittenOperand(b.Left)} {b.Operator} {WrittenOperand(b.Right)}",
        Expr.Local l => l.Name,
        Expr.Size s => s.Name,
        Expr.Int n => n.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => facts.Show(value),
    };

    private string WrittenOperand(Expr e) => e is Expr.Binary { Operator: "+" or "-" or "/" } ? e is Expr.Binary { Operator: "/" } ? $"({Written(e, Dim.Zero)})" : Written(e, Dim.Zero) : Written(e, Dim.Zero);

    // loop variables at their last (or first) values, innermost first, since inner limits may name outer variables
    private Dim Extreme(Dim index, bool highest)
    {
        for (var i = loops.Count - 1; i >= 0; i--)
        {
            var (variable, first, last) = loops[i];
            // a term that falls with the variable is greatest where the variable is least
            var slope = index.Substitute(s => s == variable ? Dim.Symbol(s) + 1 : null) - index;
            var rising = facts.IsNeverNegative(slope);
            index = index.Substitute(s => s == variable ? highest == rising ? last : first : null);
        }
        return facts.Normalise(index);
    }

    private Value Emit(OpKind kind, int source, IReadOnlyList<Dim> axes, IEnumerable<Value?> operands, System.Action<Op>? set = null)
    {
        var op = new Op(kind, source) { Operands = [.. operands] };
        set?.Invoke(op);
        var type = OpTable.Elements(kind, op.Method).Gives switch { ElementResult.Bool => ElementType.Bool, ElementResult.Position => ElementType.Int64, ElementResult.Mask => ElementType.Mask, _ => ElementType.Float };
        var result = new Value(axes, type) { Producer = op };
        result.IsRootedInWeight = kind is OpKind.Reshape or OpKind.Permute or OpKind.Expand or OpKind.Select or OpKind.Narrow or OpKind.Unary or OpKind.Scalar or OpKind.Binary or OpKind.Compare or OpKind.Where or OpKind.Detach
            && op.Operands.All(o => o is { IsRootedInWeight: true });
        op.Results.Add(result);
        Carry(op);
        Ask(op);
        ops.Add(op);
        return result;
    }

    private Item Binary(Expr.Binary b)
    {
        var (left, right) = (Try(b.Left), Try(b.Right));
        if (left is Item.Unknown || right is Item.Unknown) throw new CheckFailure();
        switch (left, right)
        {
            case (Item.Int { Size: var x }, Item.Int { Size: var y }):
                return new Item.Int(b.Operator switch
                {
                    "+" => x + y,
                    "-" => x - y,
                    "*" => x * y,
                    "/" => scope.Divide(x, y, b, Report) ?? throw new CheckFailure(),
                    _ => throw new CheckFailure("SEM0020", $"sizes are not compared in a graph: a graph does not branch on them", at: b.Id),
                });
            case (Item.Tensor { Value: var v }, Item.Tensor { Value: var w }):
                return new Item.Tensor(Elementwise(b, v, w));
            case (Item.Tensor { Value: var v }, _):
                var with = b.Operator is "<" or ">" or "<=" or ">=" ? OpKind.Compare : OpKind.Scalar;
                Takes(with, b.Operator, 0, b.Operator, v, b.Left, b.Id);
                return new Item.Tensor(Emit(with, b.Id, v.Axes, [v], o => { o.Method = b.Operator; o.Text = Scalar(right); }));
            case (_, Item.Tensor { Value: var w }) when b.Operator is "<" or ">" or "<=" or ">=":
                var mirrored = b.Operator switch { "<" => ">", ">" => "<", "<=" => ">=", _ => "<=" };
                return new Item.Tensor(Emit(OpKind.Compare, b.Id, w.Axes, [w], o => { o.Method = mirrored; o.Text = Scalar(left); }));
            case (_, Item.Tensor { Value: var w }):
                var method = b.Operator is "+" or "*" ? b.Operator : "r" + b.Operator;
                Takes(OpKind.Scalar, method, 0, b.Operator, w, b.Right, b.Id);
                return new Item.Tensor(Emit(OpKind.Scalar, b.Id, w.Axes, [w], o => { o.Method = method; o.Text = Scalar(left); }));
            default: return new Item.Host($"({Operand(left)} {b.Operator} {Operand(right)})");
        }
    }

    private Value Negated(Expr.Negate n, Value value)
    {
        Takes(OpKind.Unary, "neg", 0, "-", value, n.Operand, n.Id);
        return Emit(OpKind.Unary, n.Id, value.Axes, [value], o => o.Method = "neg");
    }

    private string Scalar(Item item) => item switch
    {
        Item.Host { Code: var code } => code,
        Item.Int { Size: var size } => facts.Code(size),
        _ => throw new CheckFailure(),
    };

    // as part of a longer expression: a sum of sizes in brackets
    private string Operand(Item item) => Scalar(item) is var text && item is Item.Int && text.Contains(' ') ? $"({text})" : Scalar(item);

    private Value Elementwise(Expr.Binary b, Value l, Value r)
    {
        var (longer, shorter) = l.Axes.Count >= r.Axes.Count ? (l, r) : (r, l);
        var missing = longer.Axes.Count - shorter.Axes.Count;
        if (missing > 0 && shorter.Axes.Count > 0 && !shorter.IsRootedInWeight)
            throw new CheckFailure("SEM0204", $"{Operands(b)}: {Show(l.Axes)} and {Show(r.Axes)} have no common reading{(Brought(shorter, longer) is { } brought ? $"; bring `{Name(shorter == r ? b.Right : b.Left)}` to \"{brought}\" first" : "")}", at: b.Id);
        var axes = longer.Axes.ToList();
        for (var i = 0; i < shorter.Axes.Count; i++)
        {
            var (x, y) = (longer.Axes[missing + i], shorter.Axes[i]);
            if (facts.Same(x, y)) continue;
            if (facts.Same(y, Dim.One) || facts.Marked(y) is { } wide && facts.Same(wide, x)) continue;
            if (facts.Same(x, Dim.One) || facts.Marked(x) is { } other && facts.Same(other, y)) { axes[missing + i] = y; continue; }
            var (a, c) = longer == l ? (x, y) : (y, x);
            if (facts.Marked(a) is { } both && facts.Marked(c) is { } same && facts.Same(both, same))
                throw new CheckFailure("SEM0203", $"{Operands(b)}: axis {missing + i} is {facts.Show(a)} on both sides, 1 or {facts.Show(both)} each, so the result would have no certain size; combine each with a value of size {facts.Show(both)}", at: b.Id);
            // only a parameter may arrive with size 1, and only at an axis that the call binds
            var mark = new[] { (Param: r, Mine: c, Other: a), (Param: l, Mine: a, Other: c) }.Where(o => o.Param is { Producer: null, Name: not null } && IsBoundAtCall(o.Mine) && IsBoundAtCall(o.Other))
                .Select(o => $". Mark it #{facts.Show(o.Other)} in the [Shape] of `{o.Param.Name}` if broadcasting from 1 is meant").FirstOrDefault();
            var (lines, places) = Whence((l, missing + i - longer.Axes.Count + l.Axes.Count), (r, missing + i - longer.Axes.Count + r.Axes.Count));
            throw scope.Decide(a, c, new CheckFailure("SEM0203", $"{Operands(b)}: axis {missing + i} is {facts.Show(a)} on the left and {facts.Show(c)} on the right; they are only equal by luck{mark}{lines}", at: b.Id, related: places));
        }
        var kind = b.Operator is "<" or ">" or "<=" or ">=" ? OpKind.Compare : OpKind.Binary;
        Takes(kind, b.Operator, 0, b.Operator, l, b.Left, b.Id);
        Takes(kind, b.Operator, 1, b.Operator, r, b.Right, b.Id);
        return Emit(kind, b.Id, axes, [l, r], o => o.Method = b.Operator);
    }

    // what would fit, with axes of 1: each axis under the one it equals, where they come in that order; null where nothing does
    private string? Brought(Value shorter, Value longer)
    {
        var missing = longer.Axes.Count - shorter.Axes.Count;
        if (Fits(missing)) return string.Join(" ", Enumerable.Repeat("1", missing).Concat(shorter.Axes.Select(facts.Show)));
        var (next, placed) = (0, new List<string>());
        foreach (var axis in longer.Axes)
            if (next < shorter.Axes.Count && facts.Same(axis, shorter.Axes[next])) placed.Add(facts.Show(shorter.Axes[next++]));
            else placed.Add("1");
        if (next == shorter.Axes.Count) return string.Join(" ", placed);
        return Fits(0) ? string.Join(" ", shorter.Axes.Select(facts.Show).Concat(Enumerable.Repeat("1", missing))) : null;
        bool Fits(int from) => shorter.Axes.Select((a, i) => facts.Same(a, longer.Axes[from + i]) || facts.Same(a, Dim.One) || facts.Same(longer.Axes[from + i], Dim.One)).All(same => same);
    }

    private bool IsBoundAtCall(Dim size) => size is { IsTerm: true, Symbols: [var name] } && size.Equals(Dim.Symbol(name)) && callSymbols.ContainsKey(name);

    private static string Operands(Expr.Binary b) => $"`{Name(b)}`";

    /// <summary>An operand as a message names it.</summary>
    internal static string Name(Expr e) => e switch
    {
        Expr.Local l => l.Name,
        Expr.Size s => s.Name,
        Expr.Layer f => f.Field,
        Expr.Int n => n.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
        Expr.Host h => Qualified.Replace(h.Code, m => string.Join(".", m.Groups[1].Value.Split('.').Reverse().Take(2).Reverse())),
        Expr.Text t => $"\"{t.Value}\"",
        Expr.Null => "null",
        Expr.Element x => x.Name ?? $"{Name(x.Repeated)}[{Name(x.Index)}]",
        Expr.Slice s => $"{Primary(s.Value)}[\"{s.Pattern.Value}\"]",
        Expr.Binary b => $"{Part(b.Left, Rank(b.Operator))} {b.Operator} {Part(b.Right, Rank(b.Operator) + (b.Operator is "-" or "/" ? 1 : 0))}",
        Expr.Negate n => $"-{Primary(n.Operand)}",
        Expr.Call { Target: null or Expr.This } c => $"{(c.Owner == "OrderMask" ? "OrderMask." : "")}{c.Method}({string.Join(", ", c.Arguments.Where(a => a.Parameter is not ("name1" or "name2")).Select(a => Name(a.Value)))})",
        Expr.Call c => $"{Primary(c.Target)}.{c.Method}({string.Join(", ", c.Arguments.Where(a => a.Parameter is not ("name1" or "name2")).Select(a => Name(a.Value)))})",
        Expr.Tuple t => string.Join(", ", t.Items.Select(Name)),
        _ => "the value",
    };

    private static string Primary(Expr e) => e is Expr.Negate ? $"({Name(e)})" : Part(e, 3);

    // in brackets where it binds less than what stands around it
    private static string Part(Expr e, int around) => e is Expr.Binary b && Rank(b.Operator) < around ? $"({Name(e)})" : Name(e);

    private static int Rank(string sign) => sign switch { "*" or "/" => 2, "+" or "-" => 1, _ => 0 };

    // emitted code names types in full, authors do not
    private static readonly Regex Qualified = new(@"global::((?:\w+\.)*\w+)", RegexOptions.CultureInvariant);
}
