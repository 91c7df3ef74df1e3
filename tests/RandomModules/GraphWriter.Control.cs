namespace SemAim.RandomModules;

/// <summary>Loops, branches, and calls of graphs and modules.</summary>
internal sealed partial class GraphWriter
{
    private Value? Controlled(Value on)
    {
        if (on.Axes.Length == 0 || !on.IsNumber) return null;
        return random.Next(4) switch
        {
            0 => Looped(on),
            1 => OverCopies(on),
            2 => OverPositions(on),
            _ => Branched(on),
        };
    }

    // a value goes round and keeps its shape
    private Value? Looped(Value on)
    {
        var counts = module.Sizes.Counts.Concat(module.Sizes.Parameters).ToList();
        return Around(on, i => $"for (var {i} = 0; {i} {slip.At("a loop goes one round more", "<", "<=")} {(random.Next(3) == 0 ? "2" : Any(counts).Text)}; {i}++)", null);
    }

    // the copies of a block, one after the other
    private Value? OverCopies(Value on)
    {
        if (module.Sizes.Counts.Count == 0) return null;
        var blocks = module.Others.Where(m => m.IsBlock).ToList();
        if (blocks.Count == 0) return null;
        var block = Any(blocks);
        var named = Local(on);
        if (Arguments(block, block.Contracts[0], named) is not var (sizes, call, _)) return null;
        var count = module.Sizes.Counts[0];
        var repeat = module.Field($"Repeat<{block.Name}>", "blocks", $"{slip.At("a repeat has another count", count.Text, count.Text + " + 1", count.Text + " - 1")}, i => new {block.Name}({sizes})");
        var contract = block.Contracts[0];
        drops |= contract.Drops;
        if (contract.Drops && !named.IsSampled) return null;
        var rest = call.Length > 0 ? ", " + call : "";
        if (module.Sizes.HasHalves && random.Next(2) == 0)
        {
            // pairs, or from both ends
            var at = slip.At("an index is one further", Any(["2 * # + 1", "2 * #", "#", $"{count.Text} - 1 - #", $"{count.Text} / 2 + #"]), "2 * # + 2", $"{count.Text} - #", $"{count.Text} / 2 + # + 1");
            return Around(named, i => $"for (var {i} = 0; {i} < {slip.At("a loop goes one round more", $"{count.Text} / 2", $"{count.Text} / 2 + 1", count.Text)}; {i}++)", carried => $"{repeat}[{at}].{contract.Name}({carried}{rest})");
        }
        return random.Next(2) == 0
            ? Around(named, _ => $"foreach (var block in {repeat})", carried => $"block.{contract.Name}({carried}{rest})")
            : Around(named, i => $"for (var {i} = 0; {i} {slip.At("a loop goes one round more", "<", "<=")} {count.Text}; {i}++)", carried => $"{repeat}[{slip.At("an index is one further", "#", "# + 1", $"{count.Text} - #")}].{contract.Name}({carried}{rest})");
    }

    // copies of a layer of the language, or of a private graph that knows the round
    private Value? Copies(Value on)
    {
        if (module.Sizes.Counts.Count == 0 || depth >= DeepestNesting || on.HasLead || on.Axes.Length == 0 || !Fits(on.Axes[^1])) return null;
        var (count, width) = (module.Sizes.Counts[0], on.Axes[^1]);
        var layer = Any(["Linear", "LayerNorm"]);
        var repeat = module.Field($"Repeat<{layer}>", "layers", $"{slip.At("a repeat has another count", count.Text, count.Text + " + 1", count.Text + " - 1")}, _ => new {layer}({Wide("a layer has another width", width)}{(layer == "Linear" ? $", {Wide("a layer has another width", width)}" : "")})");
        if (!isPrivate && depth == 0 && random.Next(3) == 0 && on.Axes.All(a => a.IsWritable) && on.Axes.SelectMany(Names).All(n => ints.Contains(n) || on.Axes.Any(a => a.IsName && a.Text == n)))
        {
            var part = new GraphWriter(module, module.Fresh("Part"), isPrivate: true, isBlock: true, []) { index = "i" };
            var text = part.Indexed(on, repeat);
            module.Add(text);
            return Around(on, i => $"for (var {i} = 0; {i} {slip.At("a loop goes one round more", "<", "<=")} {count.Text}; {i}++)", carried => $"{part.Name}({carried}, {slip.At("an index is one further", "#", "# + 1")})");
        }
        return random.Next(2) == 0 ? Around(on, _ => $"foreach (var layer in {repeat})", carried => $"layer.Forward({carried})")
            : Around(on, i => $"for (var {i} = {slip.At("a loop begins elsewhere", "1", "0")}; {i} {slip.At("a loop goes one round more", "<=", "<=")} {count.Text}; {i}++)", carried => $"{repeat}[{slip.At("an index is one further", "# - 1", "#")}].Forward({carried})");
    }

    private string Name => name;

    private string Indexed(Value on, string repeat)
    {
        Take([new("x", on.Axes)]);
        var result = Keep($"{repeat}[i].Forward(x).{Any(Activations)}()", values[0]);
        Finish([result]);
        return Text;
    }

    private Value Around(Value on, Func<string, string> head, Func<string, string>? call)
    {
        var i = $"i{++locals}";
        var carried = $"h{locals}";
        Write($"var {carried} = {Bare(on.Text)};");
        Write(head(i));
        Write("{");
        var value = on with { Text = carried, IsLocal = true };
        Nested(() =>
        {
            values.Add(value);
            var inner = value;
            if (call is not null) inner = Local(Keep(call(carried).Replace("#", i, StringComparison.Ordinal), value) with { IsWeight = false });
            else Step();
            var used = values.Where(v => v.IsNumber && v.IsLocal && v != value && v != inner).TakeLast(1).ToList();
            foreach (var other in used) inner = Absorbed(inner, other);
            Write($"{carried} = {Bare(call is null || random.Next(2) == 0 ? Skipped(Changed(inner, value).Text, inner.Text) : inner.Text)};");
        });
        Write("}");
        // a loop may go round without a weight: what comes out is no weight's view any more
        var result = value with { IsWeight = false };
        values.Add(result);
        return result;
    }

    // the same shape by a layer and back
    private Value Changed(Value inner, Value like)
    {
        if (Fits(inner.Axes[^1]) && random.Next(2) == 0) return Keep($"({inner.Text} + {Linear(inner, like.Axes[^1]).Text}.Gelu())", like);
        return Keep($"{inner.Text}.{Any(Bounded)}()", like);
    }

    // whatever its shape, a value is used: by its mean
    private Value Absorbed(Value into, Value other)
        => other.HasShapeOf(into) ? Keep($"({into.Text} + {other.Text})", into) : Keep($"({into.Text} + 0.1 * {other.Text}.Mean())", into);

    private void Nested(Action write)
    {
        var (before, outside) = (indent, values.ToList());
        indent += "    ";
        depth++;
        write();
        depth--;
        indent = before;
        values.Clear();
        values.AddRange(outside);
    }

    // one position of an axis after the other
    private Value? OverPositions(Value on)
    {
        if (on.HasLead || on.Axes.Length < 2) return null;
        var able = Enumerable.Range(0, on.Axes.Length).Where(a => on.Axes[a].IsName && ints.Contains(on.Axes[a].Text)).ToList();
        if (able.Count == 0) return null;
        var axis = Any(able);
        var named = Local(on);
        var i = $"i{++locals}";
        var sum = $"h{locals}";
        var names = Names(named.Axes);
        string At(string inside) => string.Join(' ', names.Select((n, k) => k == axis ? $"[{inside}]" : n));
        var rest = named.Axes.RemoveAt(axis);
        Write($"var {sum} = {named.Text}[\"{At("0")}\"];");
        Write($"for (var {i} = {slip.At("a loop begins elsewhere", "1", "0")}; {i} {slip.At("a loop goes one round more", "<", "<=")} {named.Axes[axis].Text}; {i}++)");
        Write($"    {sum} = {sum} {Any(["+", "*"])} {named.Text}[\"{At(slip.At("an index is one further", i, i + "+1"))}\", {i}];");
        var result = new Value(sum, rest) { IsLocal = true, IsSampled = named.IsSampled && axis > 0 };
        values.Add(result);
        return result;
    }

    private Value Branched(Value on)
    {
        var mask = takes.Any(t => t.IsMask) && random.Next(2) == 0;
        var condition = mask ? Any(["mask is null", "mask is not null"]) : random.Next(6) switch
        {
            0 => $"{module.Hyper("double rate")} > 0",
            1 => $"{module.Hyper("Act act")} == Act.{Any(["Gelu", "Relu"])}",
            2 => $"!{module.Hyper("bool gated")} && {module.Hyper("Act act")} != Act.Relu",
            3 => $"{module.Hyper("double rate")} > 0.1 || {module.Hyper("bool gated")}",
            _ => module.Hyper("bool gated"),
        };
        var chosen = $"h{++locals}";
        Write($"var {chosen} = {Bare(on.Text)};");
        var value = on with { Text = chosen, IsLocal = true };
        Write($"if ({condition})");
        Write("{");
        Nested(() =>
        {
            values.Add(value);
            Step();
            var inner = value;
            foreach (var other in values.Where(v => v.IsNumber && v.IsLocal && v != value).TakeLast(1).ToList()) inner = Absorbed(inner, other);
            Write($"{chosen} = {Bare(Skipped(Changed(inner, value).Text, inner.Text))};");
        });
        Write("}");
        if (random.Next(3) == 0)
        {
            Write("else");
            Write($"    {chosen} = {Bare(Changed(value, value).Text)};");
        }
        var result = value with { IsWeight = false };
        values.Add(result);
        return result;
    }

    private Value? Called(Value on) => random.Next(3) switch
    {
        0 when !isPrivate && depth == 0 => Private(on),
        1 when siblings.Count > 0 => Sibling(on),
        _ => Module(on),
    };

    // a graph of this module that callers do not see
    private Value? Private(Value on)
    {
        if (on.HasLead || on.Axes.Any(a => !a.IsWritable || a.Text.Contains('/', StringComparison.Ordinal)) || on.Axes.SelectMany(Names).Any(n => !ints.Contains(n) && !on.Axes.Any(a => a.IsName && a.Text == n))) return null;
        var label = module.Fresh("Part");
        // what a call binds here is bound there by the same name
        var part = new GraphWriter(module, label, isPrivate: true, isBlock: false, []);
        var taken = new List<Taken> { new("x", on.Axes) };
        var contract = part.Write(taken);
        if (contract.Drops && !on.IsSampled) return null;
        if (Here(contract, on) is not { } names) return null;
        drops |= contract.Drops;
        module.Add(part.Text);
        return Given(contract, $"{label}({Bare(on.Text)})", names);
    }

    private Value? Sibling(Value on)
    {
        var contract = Any(siblings);
        if (contract.Takes.Count(t => !t.IsMask) > 1 || Here(contract, on) is not { } names) return null;
        if (contract.Drops && !on.IsSampled) return null;
        drops |= contract.Drops;
        return Given(contract, $"{contract.Name}({Bare(on.Text)})", names);
    }

    // a call within the module keeps the module's sizes
    private Substitution? Here(Contract contract, Value on)
    {
        var names = new Substitution(module.Sizes, known.Values);
        foreach (var size in module.Sizes.Named) names.Bind(size.Text, size);
        return names.Match(contract.Takes[0], on, open: _ => false) ? names : null;
    }

    private Value? Module(Value on)
    {
        if (module.Others.Count == 0) return null;
        var other = Any(module.Others);
        var contract = Any(other.Contracts);
        var named = Local(on);
        if (Arguments(other, contract, named) is not var (sizes, rest, names)) return null;
        if (contract.Drops && !named.IsSampled) return null;
        drops |= contract.Drops;
        var layer = module.Field(other.Name, "part", sizes);
        return Given(contract, $"{layer}.{contract.Name}({named.Text}{(rest.Length > 0 ? ", " + rest : "")})", names);
    }

    // constructor arguments with which a module takes a value, the other arguments of the call, and what its sizes are here
    private (string Sizes, string Others, Substitution Names)? Arguments(ModuleWriter other, Contract contract, Value on)
    {
        var widths = module.Sizes.Parameters.Append(Size.Of(1)).Append(Size.Of(2)).ToList();
        for (var n = 0; n < Tries; n++)
        {
            var names = new Substitution(other.Sizes, known.Values);
            if (!names.Match(contract.Takes[0], on, open: p => other.Sizes.Parameters.Any(o => o.Text == p))) return null;
            foreach (var p in other.Sizes.Parameters) names.Bind(p.Text, Any(widths));
            if (other.Sizes.Parameters.Any(p => !Fits(names.Of(p)!)) || !other.Sizes.Facts.All(names.Holds) || !names.Match(contract.Takes[0], on, open: _ => false)) continue;
            var rest = new List<string>();
            foreach (var t in contract.Takes.Skip(1))
            {
                if (t.IsMask)
                {
                    if (takes.Any(m => m.IsMask && m.Axes[0].Is(on.Axes[0]) && m.Axes[1].Is(on.Axes[1])) && Often()) rest.Add("mask");
                    else if (Order(on.Axes[0], on.Axes[1]) is { } order && Often()) rest.Add(order);
                    continue;
                }
                if (t.Marked >= 0)
                {
                    rest.Add(on.Text);
                    continue;
                }
                if (values.Where(v => v.IsLocal).OrderBy(_ => random.Next()).FirstOrDefault(v => names.Match(t, v, open: _ => false)) is not { } found) return null;
                rest.Add(slip.At("another value is taken", found.Text, values.Where(v => v.Kind == t.Kind && v.Axes.Length > 0 && !v.HasShapeOf(found)).Select(v => v.Text).Take(3)));
            }
            var sizes = other.Sizes.Parameters.Select(p => module.Initial(names.Of(p)!)).ToList();
            var swaps = Enumerable.Range(0, sizes.Count - 1).Select(i => string.Join(", ", sizes.Select((_, k) => sizes[k == i ? i + 1 : k == i + 1 ? i : k])));
            var at = random.Next(sizes.Count);
            var wrong = sizes.Select((s, k) => k == at ? Wide("a module is made of another size", names.Of(other.Sizes.Parameters[k])!) : s);
            var text = slip.At("constructor arguments are swapped", string.Join(", ", sizes), swaps) is var right && right.Contains(Slip.Begin, StringComparison.Ordinal) ? right : string.Join(", ", wrong);
            var hypers = other.Hypers.Select(h => h.Split(' ') switch { ["bool", ..] => random.Next(2) == 0 ? module.Hyper("bool gated") : "true", ["double", "rate"] => module.Hyper("double rate"), ["Act", ..] => random.Next(2) == 0 ? module.Hyper("Act act") : "Act.Relu", _ => "0.5" });
            return (string.Join(", ", [text, .. hypers]), string.Join(", ", rest), names);
        }
        return null;
    }

    // what a call gives: the first result goes on, all have names
    private Value? Given(Contract contract, string text, Substitution names)
    {
        var results = contract.Gives.Select(g => (Axes: g.Axes.Select(names.Of).ToList(), g.Kind)).ToList();
        if (results.Any(r => r.Axes.Any(a => a is null))) return null;
        Value Of(int i, string name) => new(name, [.. results[i].Axes.Select(a => a!)]) { Kind = results[i].Kind, IsSampled = false };
        if (results.Count == 1) return Of(0, text);
        var parts = results.Select(_ => $"r{++locals}").ToList();
        Write($"var ({string.Join(", ", parts)}) = {text};");
        for (var i = 0; i < parts.Count; i++) values.Add(Of(i, parts[i]) with { IsLocal = true });
        return values[^1];
    }
}
