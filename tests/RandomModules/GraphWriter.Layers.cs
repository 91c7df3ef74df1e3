namespace SemAim.RandomModules;

/// <summary>Layers, arithmetic and attention.</summary>
internal sealed partial class GraphWriter
{
    private static readonly string[] Activations = ["Gelu", "Relu", "Silu", "QuickGelu", "Tanh", "Sigmoid", "Exp", "Abs", "Detach"];

    // e to the power of e to the power of … has no digits that two ways to compute it share
    private static readonly string[] Bounded = ["Tanh", "Sigmoid", "Gelu", "Relu", "Silu", "Detach"];

    private Value? Linear(Value on)
    {
        if (on.Axes.Length == 0 || !Fits(on.Axes[^1])) return null;
        var wide = Any(module.Sizes.Widths.ToList()) is var w && random.Next(3) == 0 ? w * Size.Of(random.Next(2, 4)) : w;
        return Linear(on, wide);
    }

    private Value Linear(Value on, Size wide)
    {
        var layer = module.Field("Linear", "fc", $"{Wide("a layer has another width", on.Axes[^1])}, {Wide("a layer has another width", wide)}{(Seldom() ? ", bias: false" : "")}");
        layer = slip.At("another layer is taken", layer, module.Fields("Linear").Where(f => f != layer).TakeLast(2));
        return Keep(Skipped($"{layer}.Forward({Bare(on.Text)})", on.Text), on, [.. on.Axes[..^1], wide]) with { IsSampled = on.IsSampled && on.Axes.Length > 1 };
    }

    // an author forgets the step
    private string Skipped(string step, string on) => slip.At("a step is left out", step, on);

    private Value? Normalised(Value on)
    {
        if (on.Axes.Length == 0 || !Fits(on.Axes[^1])) return null;
        var layer = module.Field("LayerNorm", "norm", Wide("a layer has another width", on.Axes[^1]) + (Seldom() ? ", 1e-5" : ""));
        return Keep($"{layer}.Forward({Bare(on.Text)})", on) with { IsWeight = false };
    }

    // constructor sizes alone make layers
    private bool Fits(Size size) => size.IsWritable && size.Least >= 1 && Names(size).All(n => module.Sizes.Named.Any(k => k.Text == n));

    private static IEnumerable<string> Names(Size size) => size.Text.Split(['*', '+', '-', '/'], StringSplitOptions.RemoveEmptyEntries).Where(n => !char.IsDigit(n[0]));

    private Value? Convolved(Value on)
    {
        if (on.HasLead || on.Axes is not [_, var from, var rows, var columns] || !Fits(from) || !rows.IsWritable || !columns.IsWritable) return null;
        var to = Any(module.Sizes.Widths.ToList());
        var tiles = module.Sizes.Products.Where(p => p.Whole.Is(rows) && p.Whole.Is(columns) && !p.Factor.IsNumber).ToList();
        if (tiles.Count > 0 && Often())
        {
            var (_, factor, rest) = Any(tiles);
            var layer = module.Field("Conv2d", "conv", $"{Wide("a layer has another width", from)}, {Wide("a layer has another width", to)}, {Wide("a convolution has another kernel", factor)}, {Wide("a convolution has another kernel", factor)}");
            return Keep($"{layer}.Forward({Bare(on.Text)})", on, on.Axes[0], to, rest, rest);
        }
        var kernel = Math.Min(Math.Min(rows.Least, columns.Least), random.Next(1, 3));
        var narrow = module.Field("Conv2d", "conv", $"{Wide("a layer has another width", from)}, {Wide("a layer has another width", to)}, {slip.At("a convolution has another kernel", $"{kernel}", $"{kernel + 1}")}, 1");
        var less = Size.Of(kernel - 1);
        return Keep($"{narrow}.Forward({Bare(on.Text)})", on, on.Axes[0], to, rows - less, columns - less);
    }

    private Value Pointwise(Value on) => Keep($"{on.Text}.{Any(depth > 0 ? Bounded : Activations)}()", on) with { IsWeight = on.IsWeight };

    private Value WithNumber(Value on)
    {
        var number = random.Next(6) switch
        {
            0 => $"Math.Sqrt({Any(ints.ToList())})",
            1 => module.Hyper("double scale"),
            2 => "2",
            _ => "0.5",
        };
        var text = random.Next(6) switch
        {
            0 => $"({on.Text} + {number})",
            1 => $"({on.Text} - {number})",
            2 => $"({number} - {on.Text})",
            3 => $"({on.Text} / {number})",
            4 => $"{on.Text}.Pow(2)",
            _ => $"({number} * {on.Text})",
        };
        return Keep(text, on);
    }

    private Value? WithValue(Value on)
    {
        var others = values.Where(v => v.IsNumber && (v.HasShapeOf(on) || v.Axes.Length == 0 && !v.HasLead || v.IsWeight && !v.HasLead && !on.HasLead && v.Axes.Length < on.Axes.Length && v.HasAxes(on.Axes[^v.Axes.Length..])) && v.Text != on.Text).ToList();
        if (others.Count == 0) return null;
        var other = Any(others);
        // the author meant another value
        var wrong = values.Where(v => v.IsNumber && v.Axes.Length > 0 && !v.HasLead && !v.HasShapeOf(on)).Select(v => v.Text).Take(3);
        return Keep($"({on.Text} {Any(["+", "-", "*"])} {slip.At("another value is taken", other.Text, wrong)})", on) with { IsSampled = on.IsSampled, IsWeight = on.IsWeight && other.IsWeight };
    }

    private Value? WithWeight(Value on)
    {
        var most = 0;
        while (most < on.Axes.Length && Fits(on.Axes[^(most + 1)])) most++;
        if (most == 0) return null;
        var axes = on.Axes[^random.Next(1, most + 1)..];
        var isConstant = Seldom();
        var weight = module.Field(isConstant ? "Constant" : "Weight", isConstant ? "table" : "gamma", $"[{string.Join(", ", axes.Select(a => Seldom() && axes.Length > 1 ? "1" : Wide("a weight has another size", a)))}], Inits.{Any(["Ones", "Zeros", "Normal(0.5)"])}");
        return Keep($"({on.Text} {Any(["+", "*", "-"])} {weight}{(Often() ? "" : ".Value")})", on) with { IsWeight = false };
    }

    // less or by what an axis has on the whole
    private Value? Centred(Value on)
    {
        if (on.Axes.Length == 0) return null;
        var named = Local(on);
        var axis = random.Next(on.Axes.Length);
        var statistic = Any(["Mean", "Sum", "Max", "Min", "Var"]);
        var keep = slip.At("an axis is not kept", ", keep: true", "");
        return Keep($"({named.Text} {Any(["-", "+", "*"])} {named.Text}.{statistic}(\"{Bracket(named, axis)}\"{keep}))", named) with { IsWeight = false, IsSampled = named.IsSampled && axis > 0 };
    }

    private Value? Attention(Value on)
    {
        var heads = module.Sizes.Products.Where(p => p.Whole.IsName && !p.Factor.IsNumber).ToList();
        if (heads.Count == 0 || on.HasLead || on.Axes is not [var first, var tokens, var width] || !Fits(width) || tokens.IsNumber || first.IsNumber) return null;
        var (whole, factor, rest) = Any(heads);
        var mask = takes.FirstOrDefault(t => t.IsMask && t.Axes[0].Is(first) && t.Axes[1].Is(tokens));
        var layer = module.Field("Linear", "qkv", $"{Wide("a layer has another width", width)}, {slip.At("another number of parts is made", $"3 * {whole.Text}", $"2 * {whole.Text}", whole.Text, $"4 * {whole.Text}")}");
        var all = Names([first, tokens, factor, rest]);
        var (b, t, h, e) = (all[0], all[1], all[2], all[3]);
        var passed = ints.Contains(h) ? h : ints.Contains(e) ? e : null;
        if (passed is null) return null;
        var inside = slip.At("axes are swapped", $"3 {h} {e}", $"{h} {e} 3", $"{h} 3 {e}");
        var made = slip.At("axes are swapped", $"3 {b} {h} {t} {e}", $"3 {b} {t} {h} {e}", $"3 {h} {b} {t} {e}", $"3 {b} {h} {e} {t}");
        var (q, k, v) = ($"q{++locals}", $"k{locals}", $"u{locals}");
        Write($"var ({q}, {k}, {v}) = {layer}.Forward({Bare(on.Text)}).Split(\"{b} {t} ({inside}) -> {made}\"{slip.At("a size is not passed", ", " + passed, "")});");
        var masked = mask is not null && Often() ? ", mask" : Order(first, tokens) is { } order && Often() ? $", {order}" : "";
        var y = Keep(random.Next(3) == 0 && masked.Length == 0
            ? $"Einsum(\"b h t s, b h s e -> b h t e\", (Einsum(\"b h t e, b h s e -> b h t s\", {q}, {k}) / Math.Sqrt({rest.Text})).Softmax(\"b h t [s]\"), {v})"
            : $"Attend({slip.At("operands are swapped", $"{q}, {k}", $"{k}, {q}")}, {v}{masked})", on, first, factor, tokens, rest);
        if (Seldom()) return y;
        var merged = slip.At("axes are swapped", $"{b} {t} ({h} {e})", $"{b} {t} ({e} {h})", $"{b} {h} ({t} {e})", $"{t} {b} ({h} {e})");
        return Keep($"{y.Text}.Rearrange(\"{b} {h} {t} {e} -> {merged}\")", on, first, tokens, whole) with { IsSampled = on.IsSampled };
    }

    // who sees whom by the ranks that the graph takes
    private string? Order(Size first, Size tokens)
    {
        if (takes.FirstOrDefault(t => t.Name == "rank") is not { } rank || !rank.Axes[0].Is(first) || !(rank.Axes[1] + Size.Of(1)).Is(tokens)) return null;
        return $"OrderMask.{Any(["UpTo", "Before", "UpTo"])}(rank{(random.Next(8) == 0 ? ", Ties.Together" : "")})";
    }

    // queries of one value, keys and values of another
    private Value? CrossAttention(Value on)
    {
        var heads = module.Sizes.Products.Where(p => p.Whole.IsName && !p.Factor.IsNumber && ints.Contains(p.Factor.Text)).ToList();
        if (heads.Count == 0 || on.HasLead || on.Axes is not [var first, var tokens, var width] || !Fits(width) || tokens.IsNumber || first.IsNumber) return null;
        var memories = values.Where(v => v.IsNumber && !v.HasLead && v.Axes.Length == 3 && v.Axes[0].Is(first) && Fits(v.Axes[2]) && !v.Axes[1].IsNumber).ToList();
        if (memories.Count == 0) return null;
        var ((whole, factor, rest), memory) = (Any(heads), Any(memories));
        var used = new HashSet<string>();
        var all = Names([first, tokens, factor, rest], used);
        var (b, t, e, m) = (all[0], all[1], all[3], Names([memory.Axes[1]], used)[0]);
        var h = factor.Text;
        if (all[2] != h) return null;
        string Headed(Value x, Size wide, string at) => $"{module.Field("Linear", "fc", $"{Wide("a layer has another width", wide)}, {Wide("a layer has another width", whole)}")}.Forward({Bare(x.Text)}).Rearrange(\"{b} {at} ({h} {e}) -> {slip.At("axes are swapped", $"{b} {h} {at} {e}", $"{b} {at} {h} {e}", $"{h} {b} {at} {e}")}\"{slip.At("a size is not passed", ", " + h, "")})";
        var (q, k, v) = ($"q{++locals}", $"k{locals}", $"u{locals}");
        Write($"var {q} = {Headed(on, width, t)};");
        Write($"var {k} = {Headed(memory, memory.Axes[2], m)};");
        Write($"var {v} = {Headed(memory, memory.Axes[2], m)};");
        var mask = tokens.Is(memory.Axes[1]) ? takes.Any(x => x.IsMask && x.Axes[0].Is(first) && x.Axes[1].Is(tokens)) ? "mask" : Order(first, tokens) : null;
        var operands = slip.At("operands are swapped", $"{q}, {k}, {v}", $"{k}, {q}, {v}", $"{q}, {v}, {k}", $"{v}, {k}, {q}");
        return Keep($"Attend({operands}{(mask is not null && Often() ? ", " + mask : "")}).Rearrange(\"{b} {h} {t} {e} -> {slip.At("axes are swapped", $"{b} {t} ({h} {e})", $"{b} {h} ({t} {e})", $"{b} {t} ({e} {h})")}\")", on, first, tokens, whole) with { IsSampled = on.IsSampled };
    }

    // a learned value
    private Value? Learned(Value on)
    {
        var widths = module.Sizes.Widths.ToList();
        List<Size> axes = on.Axes.Length > 0 && Fits(on.Axes[^1]) && random.Next(2) == 0 ? [on.Axes[^1]] : [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Any(widths))];
        if (axes.Count == 1 && Often()) axes.Insert(0, Any(widths));
        var weight = module.Field("Weight", "book", $"[{string.Join(", ", axes.Select(a => Wide("a weight has another size", a)))}], Inits.{Any<string>(axes.Count > 1 ? ["Normal(0.5)", "XavierUniform", "Uniform(1.0)"] : ["Normal(0.5)", "Ones"])}");
        return new($"{weight}.Value", [.. axes]) { IsWeight = true };
    }

    // the parameter one of whose axes may be 1
    private Value? Marked(Value on)
        => takes.FirstOrDefault(t => t.Marked >= 0 && !on.HasLead && on.HasAxes(t.Axes)) is { } bias ? Keep($"({on.Text} {Any(["+", "*", "-"])} {bias.Name})", on) : null;

    private Value? Dropped(Value on)
    {
        if (!on.IsSampled || on.IsWeight || on.HasLead) return null;
        drops = true;
        return Keep($"{on.Text}.DropPath({module.Hyper("double rate")})", on);
    }
}
