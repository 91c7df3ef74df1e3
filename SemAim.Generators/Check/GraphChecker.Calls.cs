using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Calls of layers and graphs.</summary>
public sealed partial class GraphChecker
{
    private Item Call(Expr.Call c)
    {
        if (c.Target is null) return OnNothing(c);
        switch (Evaluate(c.Target))
        {
            case Item.Tensor { Value: var x }: return OnValue(c, x);
            case Item.Self: return OwnGraph(c);
            case Item.Layer { Field: var layer, Index: var index }: return OnLayer(c, layer, index);
            default: throw new CheckFailure();
        }
    }

    private Item OnLayer(Expr.Call c, ResolvedLayer layer, Dim? index)
    {
        if (layer.Count is not null && index is null) throw new CheckFailure("SEM0021", $"`{Name(c.Target!)}` holds {facts.Show(layer.Count)} copies; take one: `{layer.Field.Field}[i]`", at: c.Id);
        if (!layer.IsComplete) throw new CheckFailure();
        void Set(Op o) { o.Text = layer.Field.Field; o.Index = index; }
        switch (layer.Field.Kind)
        {
            case LayerKind.Linear:
                var x = Last(c, layer, "in");
                Takes(OpKind.Linear, "", 0, Callee(c), x, c.Arguments[0].Value, c.Arguments[0].Value.Id, related: Place(layer));
                return new Item.Tensor(Emit(OpKind.Linear, c.Id, [.. x.Axes.Take(x.Axes.Count - 1), layer.Sizes["out"]], [x], o => { Set(o); o.Keep = !layer.Sizes.ContainsKey("bias"); o.Dims = [layer.Sizes["in"], layer.Sizes["out"]]; }));
            case LayerKind.LayerNorm:
                var y = Last(c, layer, "width");
                Takes(OpKind.LayerNorm, "", 0, Callee(c), y, c.Arguments[0].Value, c.Arguments[0].Value.Id, related: Place(layer));
                return new Item.Tensor(Emit(OpKind.LayerNorm, c.Id, y.Axes, [y], o => { Set(o); o.Dims = [layer.Sizes["width"]]; }));
            case LayerKind.Conv2d:
                var z = Tensor(c.Arguments[0].Value);
                if (z.Axes.Count != 4) throw new CheckFailure("SEM0301", $"`{Name(c)}`: x wants 4 axes (B in y x), the value has {z.Axes.Count.ToString(CultureInfo.InvariantCulture)}: {Show(z.Axes)}", at: c.Arguments[0].Value.Id, related: Place(layer));
                if (!facts.Same(z.Axes[1], layer.Sizes["in"])) throw Mismatch(c, 1, z, layer, layer.Sizes["in"], $"{layer.Field.Field} was made with {facts.Show(layer.Sizes["in"])} channels");
                Dim Positions(int axis)
                {
                    var (size, kernel) = (z.Axes[axis], layer.Sizes["kernel"]);
                    var room = facts.Normalise(size - kernel);
                    // one promise may answer both: S % P == 0 says that S is P at least
                    var steps = scope.Divide(room, layer.Sizes["stride"], c, Report) ?? throw new CheckFailure();
                    if (!facts.IsNeverNegative(room))
                        throw IsNegativeSomewhereKnown(room)
                            ? new CheckFailure("SEM0201", $"axis {axis.ToString(CultureInfo.InvariantCulture)} of `{Name(c.Arguments[0].Value)}` has size {facts.Show(size)}, less than the kernel {facts.Show(kernel)} of {layer.Field.Field}{Numbers(size, kernel, " is less than ")}", at: c.Arguments[0].Value.Id, related: Places(layer, z, axis))
                            : Witness.MayBeNegative(scope, room, new CheckFailure(null, "", at: c.Arguments[0].Value.Id));
                    return steps + 1;
                }
                Takes(OpKind.Conv2d, "", 0, Callee(c), z, c.Arguments[0].Value, c.Arguments[0].Value.Id, related: Place(layer));
                Dim[] axes = [z.Axes[0], layer.Sizes["out"], Positions(2), Positions(3)];
                return new Item.Tensor(Emit(OpKind.Conv2d, c.Id, axes, [z], o => { Set(o); o.Dims = [layer.Sizes["in"], layer.Sizes["out"], layer.Sizes["kernel"]]; }));
            default:
                if (!scope.Contracts.TryGetValue(layer.Field.Type, out var contract) || !contract.IsCompiled) throw new CheckFailure();
                if (contract.Graphs.FirstOrDefault(g => g.Name == c.Method) is not { } callee) throw new CheckFailure();
                Dim? Size(string n) => layer.Sizes.TryGetValue(n, out var s) ? s : contract.Members.FirstOrDefault(m => m.Name == n) is { } member ? Expressions.Evaluate(member.Value, Size, facts.Divide) : null;
                return Instantiate(c, callee, contract.FullName, layer, Size, (operands, hosts, results, bounds) =>
                {
                    var op = new Op(OpKind.Call, c.Id) { Operands = operands, Host = hosts, Callee = contract, Method = c.Method, Bound = bounds };
                    Set(op);
                    foreach (var r in results) op.Results.Add(new Value(r) { Producer = op });
                    Carry(op);
                    Ask(op);
                    ops.Add(op);
                    return op.Results;
                });
        }
    }

    private Value Last(Expr.Call c, ResolvedLayer layer, string size)
    {
        var x = Tensor(c.Arguments[0].Value);
        if (x.Axes.Count == 0) throw new CheckFailure("SEM0301", $"`{Name(c)}`: x wants at least 1 axis, the value is a scalar", at: c.Arguments[0].Value.Id, related: Place(layer));
        if (!facts.Same(x.Axes[x.Axes.Count - 1], layer.Sizes[size])) throw Mismatch(c, x.Axes.Count - 1, x, layer, layer.Sizes[size], $"{layer.Field.Field} was made for {facts.Show(layer.Sizes[size])}");
        return x;
    }

    private CheckFailure Mismatch(Expr.Call c, int axis, Value x, ResolvedLayer layer, Dim want, string origin)
        => scope.Decide(x.Axes[axis], want, new("SEM0201", $"axis {axis.ToString(CultureInfo.InvariantCulture)} of `{Name(c.Arguments[0].Value)}` has size {facts.Show(x.Axes[axis])}, but {origin}{Numbers(x.Axes[axis], want, " is not ")}{Origin(x, axis)}", at: c.Arguments[0].Value.Id, related: Places(layer, x, axis)));

    private static Related Place(ResolvedLayer layer) => new("", RelatedKind.Layer, layer.Field.Field);

    // the layer that disagrees and the one that made the value
    private Related[] Places(ResolvedLayer layer, Value x, int axis) => Maker(x, axis) is { } maker && maker != layer ? [Place(layer), Place(maker)] : [Place(layer)];

    // the layer that an axis comes from, through what keeps it
    private ResolvedLayer? Maker(Value x, int axis)
    {
        while (x.Producer is { } op)
        {
            var from = axis;
            switch (op.Kind)
            {
                case OpKind.Weight or OpKind.Call: return Layer(op);
                case OpKind.Linear when axis == x.Axes.Count - 1: return Layer(op);
                case OpKind.Conv2d when axis > 0: return Layer(op);
                case OpKind.Binary or OpKind.Compare:
                    // the operand that has the axis in full
                    if (op.Operands.FirstOrDefault(o => o is not null && axis - x.Axes.Count + o.Axes.Count is >= 0 and var at && facts.Same(o.Axes[at], x.Axes[axis])) is not { } whole) return null;
                    (axis, x) = (axis - x.Axes.Count + whole.Axes.Count, whole);
                    continue;
                case OpKind.Select: from = axis < op.Axis ? axis : axis + 1; break;
                case OpKind.Permute: from = op.Order[axis]; break;
                case OpKind.Narrow or OpKind.Concat when axis == op.Axis: return null;
                case OpKind.Expand when !facts.Same(op.Operands[0]!.Axes[axis], x.Axes[axis]): return null;
                case OpKind.Linear or OpKind.Narrow or OpKind.Concat or OpKind.Expand or OpKind.Unary or OpKind.Scalar or OpKind.Softmax or OpKind.Normalize or OpKind.LayerNorm or OpKind.Detach or OpKind.DropPath: break;
                default: return null;
            }
            (x, axis) = (op.Operands[0]!, from);
        }
        return null;
        ResolvedLayer? Layer(Op op) => scope.Layers.TryGetValue(op.Text, out var layer) ? layer : null;
    }

    /// <summary>Where the size of an axis comes from, as a line of its own; empty where that is unknown.</summary>
    private string Origin(Value x, int axis)
        => Maker(x, axis) is { Field.Kind: not LayerKind.Module } maker && (maker.Field.Kind != LayerKind.Conv2d || axis == 1) ? $"\n    {facts.Show(x.Axes[axis])} comes from {maker.Field.Field} = {Construction(maker)}" : "";

    private (string Line, Related[] Places) Whence(Value x, int axis) => Origin(x, axis) is { Length: > 0 } line ? (line, [Place(Maker(x, axis)!)]) : ("", []);

    // where two sizes that should be one come from
    private (string Lines, Related[] Places) Whence((Value Value, int Axis) one, (Value Value, int Axis) other)
    {
        var (first, second) = (Whence(one.Value, one.Axis), Whence(other.Value, other.Axis));
        return (first.Line == second.Line ? first.Line : first.Line + second.Line, [.. first.Places.Union(second.Places)]);
    }

    private string Construction(ResolvedLayer layer)
    {
        string Size(Dim? size) => size is null ? "?" : scope.FactText(size).Replace("*", " * ");
        var name = layer.Field.Type.Substring(layer.Field.Type.LastIndexOf('.') + 1);
        return layer.Field.Kind is LayerKind.Weight or LayerKind.Constant
            ? $"new {layer.Field.Kind}([{string.Join(", ", (layer.Shape ?? []).Select(Size))}])"
            : $"new {name}({string.Join(", ", layer.Field.Sizes.Where(a => a.Parameter != "bias").Select(a => Size(layer.Sizes.TryGetValue(a.Parameter, out var s) ? s : null)))})";
    }

    /// <summary>A graph of this module: a call; a private one is read against its arguments, and the call carries its operations.</summary>
    private Item OwnGraph(Expr.Call c)
    {
        if (scope.Unit.Graphs.FirstOrDefault(g => g.Name == c.Method) is not { } callee) throw new CheckFailure();
        if (scope.Recursive.Contains(callee.Name)) throw new CheckFailure();
        var contract = GraphContract.Of(callee);
        if (scope.Contracts.TryGetValue(scope.Unit.FullName, out var own) && own.Graphs.FirstOrDefault(g => g.Name == callee.Name) is { } summarised) contract = contract with { Summary = summarised.Summary };
        if (!callee.Inlined)
            return Instantiate(c, contract, "", null, n => facts[n], (operands, hosts, results, bounds) =>
            {
                var op = new Op(OpKind.Call, c.Id) { Operands = operands, Host = hosts, Method = c.Method, Bound = bounds };
                foreach (var r in results) op.Results.Add(new Value(r) { Producer = op });
                Carry(op);
                Ask(op);
                ops.Add(op);
                return op.Results;
            });
        var arguments = new Dictionary<string, Item>();
        var call = new Op(OpKind.Call, c.Id) { Method = c.Method, Body = new() };
        var promised = Instantiate(c, contract, "", null, n => facts[n], (operands, hosts, results, bounds) =>
        {
            (call.Operands, call.Host, call.Bound) = (operands, hosts, bounds);
            Ask(call);
            return [.. results.Select(r => new Value(r))];
        }, arguments);
        var outer = ops;
        ops = call.Body!.Ops;
        Item result;
        try { result = Inline(callee, arguments); }
        finally { ops = outer; }
        // what its contract does not keep is reported where it stands
        if (!Keeps(result, promised)) throw new CheckFailure();
        call.Results = call.Body.Results = [.. (result is Item.Many { Items: var several } ? several : [result]).Select(i => ((Item.Tensor)i).Value)];
        ops.Add(call);
        return result;
    }

    private bool Keeps(Item result, Item promised) => (result, promised) switch
    {
        (Item.Tensor { Value: var r }, Item.Tensor { Value: var p }) => Same(r.Axes, p.Axes),
        (Item.Many { Items: var r }, Item.Many { Items: var p }) => r.Count == p.Count && r.Zip(p, Keeps).All(same => same),
        _ => false,
    };

    private Item Inline(GraphUnit callee, Dictionary<string, Item> arguments)
    {
        var (outer, outerSymbols) = (names, callSymbols.ToList());
        names = arguments;
        // the callee's B is the caller's batch: its shapes are read against the arguments
        foreach (var p in callee.Parameters)
            if (p.Shape is not null && arguments[p.Name] is Item.Tensor { Value: var v })
                foreach (var (axis, size) in Pattern.Parse(p.Shape.Text).Axes.Zip(v.Axes, (a, s) => (a, s)))
                    if (axis.Tokens.Count == 1 && IsName(axis.Tokens[0].Text) && facts[axis.Tokens[0].Text] is null) callSymbols[axis.Tokens[0].Text] = size;
        inlining.Add(callee.Name);
        var count = callee.Body.Count;
        Item result = new Item.Unknown();
        try
        {
            if (Execute(callee.Body, returns: true) is { } returned) result = returned.Item;
        }
        finally
        {
            inlining.RemoveAt(inlining.Count - 1);
            names = outer;
            callSymbols.Clear();
            foreach (var s in outerSymbols) callSymbols[s.Key] = s.Value;
        }
        return result is Item.Unknown || count == 0 ? throw new CheckFailure() : result;
    }

    /// <summary>Applies a contract: constructor sizes are substituted, sizes bound at the call are bound by the arguments.</summary>
    private Item Instantiate(Expr.Call c, GraphContract callee, string owner, ResolvedLayer? made, Func<string, Dim?> size, Func<List<Value?>, Dictionary<string, string>, List<List<Dim>>, List<Dim>, List<Value>> make, Dictionary<string, Item>? items = null)
    {
        var given = new Dictionary<string, Dim>();
        var binders = new Dictionary<string, Expr>();                // which argument said them
        var order = new List<Dim>();
        List<Dim>? prefix = null;
        Dim? Known(string n) => given.TryGetValue(n, out var b) ? b : size(n);
        Dim? Of(string token) => SizeText.Parse(token.TrimStart('#')) is { } e ? Expressions.Evaluate(e, Known, facts.Divide) : null;
        var operands = new List<Value?>();
        var hosts = new Dictionary<string, string>();
        var evaluated = new Dictionary<string, Item>();
        foreach (var p in callee.Parameters)
            if (Argument(c, p.Name) is { } written) evaluated[p.Name] = Try(written);
        if (evaluated.Values.Any(v => v is Item.Unknown)) throw new CheckFailure();
        Related[] Where(GraphParameter p) => made is null ? [new(owner, RelatedKind.Parameter, $"{callee.Name}.{p.Name}")] : [new(owner, RelatedKind.Parameter, $"{callee.Name}.{p.Name}"), Place(made)];
        var values = new List<(GraphParameter Parameter, Expr At, Value Value, List<PatternAxis> Tokens, int Offset)>();
        foreach (var p in callee.Parameters)
        {
            var argument = Argument(c, p.Name);
            if (p.Kind == ParameterKind.Host)
            {
                var host = argument is not null ? evaluated[p.Name] : p.Default.Length == 0 ? null
                    : p.Type == "int" && int.TryParse(p.Default, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? new Item.Int(Dim.Const(number)) : new Item.Host(p.Default);
                if (host is not null) hosts[p.Name] = Scalar(host);
                if (items is not null) items[p.Name] = host ?? new Item.Unknown();
                continue;
            }
            var item = argument is null ? new Item.Nothing() : evaluated[p.Name];
            if (items is not null) items[p.Name] = item;
            if (item is not Item.Tensor { Value: var value })
            {
                if (item is not Item.Nothing) throw new CheckFailure();
                operands.Add(null);
                continue;
            }
            if (p.Shape is null || !Pattern.IsWellFormed(p.Shape.Text)) throw new CheckFailure();              // refused in the callee
            operands.Add(value);
            var pattern = Pattern.Parse(p.Shape.Text);
            var ellipsis = pattern.HasEllipsis;
            var tokens = pattern.Axes.Skip(ellipsis ? 1 : 0).ToList();
            var offset = value.Axes.Count - tokens.Count;
            if (offset < 0 || !ellipsis && offset != 0)
                throw new CheckFailure("SEM0301", $"`{Name(c)}`: {p.Name} wants {(ellipsis ? "at least " : "")}{Count(tokens.Count)} ({p.Shape.Text}), the value has {value.Axes.Count.ToString(CultureInfo.InvariantCulture)}: {Show(value.Axes)}", at: argument!.Id, related: Where(p));
            if (value.HasOpenRank && (!ellipsis || offset < 1))
                throw new CheckFailure("SEM0301", $"`{Name(c)}`: {p.Name} wants {p.Shape.Text}, the value leaves its leading axes open: {Show(value.Axes)}; name them in [Shape]", at: argument!.Id, related: Where(p));
            if (ellipsis)
            {
                var leading = value.Axes.Take(offset).ToList();
                if (prefix is null) { prefix = leading; }
                else if (!Same(prefix, leading)) throw new CheckFailure("SEM0201", $"the leading axes of `{Name(argument!)}` are {Show(leading)}, those of the first argument {Show(prefix)}", at: argument!.Id, related: Where(p));
            }
            if (p.Shape.IsPinned && IsNarrow(value)) throw Rounded($"{p.Name} of {Callee(c)}", argument!, Where(p)).In(argument!.Id);
            values.Add((p, argument!, value, tokens, offset));
            // a name that stands alone is bound by the first argument that has it
            for (var i = 0; i < tokens.Count; i++)
                if (tokens[i].Tokens[0].Text is var token && IsName(token) && Known(token) is null) (given[token], binders[token]) = (value.Axes[offset + i], argument!);
        }
        // what is 1 or a size tells that size only where nothing else does
        foreach (var (_, _, value, tokens, offset) in values)
            for (var i = 0; i < tokens.Count; i++)
                if (tokens[i].Tokens[0].Text is var marked && marked[0] == '#' && marked.TrimStart('#') is var token && IsName(token) && Known(token) is null && !facts.Same(value.Axes[offset + i], Dim.One))
                    given[token] = facts.Marked(value.Axes[offset + i]) ?? value.Axes[offset + i];
        // what the callee binds, in its order; a size that only an omitted or marked axis has is 1
        var names = new HashSet<string>();
        foreach (var token in callee.Parameters.Where(p => p.Shape is not null).SelectMany(p => p.Shape!.Text.Split([' '], StringSplitOptions.RemoveEmptyEntries)).Select(t => t.TrimStart('#')))
            if (IsName(token) && size(token) is null && names.Add(token)) order.Add(given.TryGetValue(token, out var b) ? b : Dim.One);
        foreach (var (p, argument, value, tokens, offset) in values)
            for (var i = 0; i < tokens.Count; i++)
            {
                var (token, got) = (tokens[i].Tokens[0].Text, value.Axes[offset + i]);
                if (token[0] == '#' && facts.Same(got, Dim.One)) continue;
                if (Of(token) is not { } want) throw new CheckFailure();                       // refused in the callee
                if (facts.Same(want, got) || token[0] == '#' && facts.Marked(got) is { } wide && facts.Same(want, wide)) continue;
                throw value.Type == ElementType.Mask
                    ? new CheckFailure("SEM0209", $"`{Name(c)}`: the mask orders {Show(value.Axes)}, these operands need {string.Join(" ", tokens.Select(t => Of(t.Tokens[0].Text) is { } d ? facts.Show(d) : t.Tokens[0].Text))}", at: argument.Id, related: Where(p))
                    : scope.Decide(got, want, new CheckFailure("SEM0201", $"axis {(offset + i).ToString(CultureInfo.InvariantCulture)} of `{Name(argument)}` has size {facts.Show(got)}, but {p.Name} of {Callee(c)} wants {facts.Show(want)}{Binder(token, argument)} ({p.Shape!.Text}){Numbers(got, want, " is not ")}{Origin(value, offset + i)}", at: argument.Id, related: Where(p)));
            }
        string Binder(string token, Expr argument) => binders.TryGetValue(token, out var binder) && binder != argument ? $", the size of {token} in `{Name(binder)}`" : "";
        var arguments = values.Select(v => (v.Parameter, v.At, v.Value)).ToList();
        Takes(c, callee, arguments, Of, Where);
        // a private graph is read against its arguments: what draws in it is looked at there
        if (items is null) DrawCall(Callee(c), callee, name => size(name) is not null, values.Select(v => (v.Parameter, v.At, v.Value)));
        if (!callee.Results.All(r => Pattern.IsWellFormed(r.Text))) throw new CheckFailure();
        var results = callee.Results.Select(r => Pattern.Parse(r.Text).Axes.SelectMany(a => a.IsEllipsis ? prefix ?? [] : [Of(a.Tokens[0].Text) ?? throw new CheckFailure()]).ToList()).ToList();
        if (results.Count == 0) throw new CheckFailure();
        var outputs = make(operands, hosts, results, order);
        if (outputs[0].Producer is { Kind: OpKind.Call } call) Gives(call, callee, arguments, Of);
        return outputs.Count == 1 ? new Item.Tensor(outputs[0]) : new Item.Many([.. outputs.Select(v => (Item)new Item.Tensor(v))], false);
    }

    private static string Count(int axes) => axes == 1 ? "1 axis" : axes.ToString(CultureInfo.InvariantCulture) + " axes";

    private static string Callee(Expr.Call c) => $"{(c.Target is null or Expr.This ? "" : Name(c.Target) + ".")}{c.Method}";
}
