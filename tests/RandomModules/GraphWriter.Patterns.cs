using System.Collections.Immutable;

namespace SemAim.RandomModules;

/// <summary>What patterns do: split, permute, merge, repeat, slice, reduce, join, multiply.</summary>
internal sealed partial class GraphWriter
{
    // axes in another order, one of them split, two of them merged
    private Value? Reordered(Value on)
    {
        if (on.Axes.Length == 0) return null;
        var groups = on.Axes.Select(a => (IReadOnlyList<Size>)[a]).ToList();
        for (var n = random.Next(3); n > 0; n--)
        {
            var able = on.Axes.SelectMany((a, i) => module.Sizes.Products.Concat(Factors(a)).Where(p => p.Whole.Is(a)).Select(p => (i, p))).ToList();
            if (able.Count > 0 && Any(able) is var (at, (_, factor, rest))) groups[at] = random.Next(2) == 0 ? [factor, rest] : [rest, factor];
        }
        var used = new HashSet<string>();
        var left = groups.Select(g => Names(g, used)).ToList();
        // what the value does not tell: in each group all names but one
        var passed = left.Where(g => g.Count(n => !char.IsDigit(n[0])) > 1).Select(g => g.FirstOrDefault(ints.Contains)).OfType<string>().Distinct().Take(2).ToList();
        if (left.Any(g => g.Count > 1 && g.Count(n => !char.IsDigit(n[0]) && !passed.Contains(n)) > 1)) return null;

        var atoms = left.SelectMany((g, i) => g.Select((n, j) => (Name: n, Size: groups[i][j], IsFirst: i == 0 && j == 0))).ToList();
        var order = atoms.ToList();
        if (Often())
            for (var n = random.Next(1, 3); n > 0; n--)
            {
                var (i, j) = (random.Next(order.Count), random.Next(order.Count));
                (order[i], order[j]) = (order[j], order[i]);
            }
        var right = order.Where(a => a.Name != "1").Select(a => new List<(string Name, Size Size, bool IsFirst)> { a }).ToList();
        for (var n = random.Next(3); n > 0 && right.Count > 1; n--)
        {
            var merge = random.Next(right.Count - 1);
            right[merge].AddRange(right[merge + 1]);
            right.RemoveAt(merge + 1);
        }
        if (Seldom()) right.Insert(random.Next(right.Count + 1), [("1", Size.Of(1), false)]);
        if (right.Count == 0) return null;
        string Side(IEnumerable<IEnumerable<string>> axes) => string.Join(' ', axes.Select(g => g.ToList() is { Count: > 1 } group ? $"({string.Join(' ', group)})" : g.First()));
        var text = Side(right.Select(g => g.Select(a => a.Name)));
        var swaps = Enumerable.Range(0, right.Count - 1).Select(i => Side(right.Select((g, n) => right[n == i ? i + 1 : n == i + 1 ? i : n].Select(a => a.Name))));
        var pattern = $"{(on.HasLead ? "... " : "")}{Side(left.Select(g => g.Select(n => slip.At("an axis has another name", n, Misnamed(n)))))} -> {(on.HasLead ? "... " : "")}{slip.At("axes are swapped", text, swaps)}";
        var argument = passed.Count == 0 ? "" : slip.At("a size is not passed", ", " + string.Join(", ", passed), string.Concat(passed.Skip(1).Select(p => ", " + p)));
        if (on.HasLead) return null;
        ImmutableArray<Size> axes = [.. right.Select(g => g.Select(a => a.Size).Aggregate(Size.Of(1), (a, b) => a * b))];
        return on with
        {
            Text = $"{on.Text}.Rearrange(\"{pattern}\"{argument})",
            Axes = axes,
            IsLocal = false,
            IsSampled = on.IsSampled && right[0][0].IsFirst,
        };
    }

    // 3·D is 3 times D
    private IEnumerable<(Size Whole, Size Factor, Size Quotient)> Factors(Size size)
    {
        if (size.IsNumber || !size.IsWritable) yield break;
        foreach (var factor in known.Values.Concat([Size.Of(2), Size.Of(3)]))
            if (!size.Is(factor) && size.IsMultipleOf(factor) && known.Values.Concat([Size.Of(2), Size.Of(3)]).FirstOrDefault(r => (r * factor).Is(size)) is { } rest) yield return (size, factor, rest);
    }

    // a learned value for every sample
    private Value? Repeated(Value on)
    {
        if (on.HasLead || on.Axes.Length == 0) return null;
        var source = values.FirstOrDefault(v => v.Axes.Length > 0 && !v.HasLead && takes.Any(t => t.Name == v.Text));
        if (source is null || samples is null || !source.Axes[0].Is(samples)) return null;
        var batch = Samples(source);
        var widths = module.Sizes.Widths.ToList();
        List<Size> rest = random.Next(2) == 0 && on.Axes.Length > 1 && on.Axes[1..].All(Fits) ? [.. on.Axes[1..]] : [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Any(widths))];
        if (Seldom()) rest[0] = Size.Of(1);
        var weight = module.Field("Weight", "token", $"[1, {string.Join(", ", rest.Select(a => Wide("a weight has another size", a)))}], Inits.Normal(0.5)");
        var names = Names([samples, .. rest]);
        names = [batch, .. names.Skip(1)];
        if (names.Skip(1).Contains(batch)) return null;
        var left = $"1 {string.Join(' ', names.Skip(1).Select(n => slip.At("an axis has another name", n, Misnamed(n))))}";
        return new($"{weight}.Value.Expand(\"{left} -> {string.Join(' ', names)}\"{slip.At("a size is not passed", ", " + batch, "")})", [samples, .. rest]);
    }

    // the number of samples as a local that C# knows
    private string Samples(Value source)
    {
        if (ints.FirstOrDefault(n => known[n].Is(samples!)) is { } old) return old;
        var name = random.Next(2) == 0 && !isBlock ? samples!.Text : "n";
        body.Insert(0, $"        var {name} = {source.Text}.Size(0);\n");
        known[name] = samples!;
        ints.Add(name);
        return name;
    }

    private Value? Sliced(Value on)
    {
        if (on.Axes.Length == 0) return null;
        var axis = random.Next(on.Axes.Length);
        var size = on.Axes[axis];
        var (inside, left, argument) = ("", (Size?)null, "");
        switch (random.Next(6))
        {
            case 0 or 1 when size.Least >= 1:
                var at = random.Next((int)Math.Min(size.Least, 3));
                inside = random.Next(2) == 0 ? slip.At("an index is one further", $"{at}", $"{at + 1}") : slip.At("an index is one further", $"^{at + 1}", $"^{at + 2}", "^0");
                break;
            case 2 when size.Least >= 2 || Seldom():
                inside = random.Next(2) == 0 ? slip.At("a range begins one further", "1..", "2..", "0..") : slip.At("a range begins one further", "..^1", "..^2", "..");
                left = size - Size.Of(1);
                break;
            case 3 when size.Least >= 1:
                inside = slip.At("a range ends one further", "..1", "..2", "..0");
                left = Size.Of(1);
                break;
            default:
                // names that are known not to be greater
                var less = module.Sizes.Facts.FirstOrDefault(f => f.Kind == "<" && f.Right.Is(size))?.Left;
                if (less is not null && random.Next(2) == 0)
                {
                    (inside, left) = random.Next(6) switch
                    {
                        0 => ($"{slip.At("an index is one further", less.Text, less.Text + "+1")}", null),
                        1 => ($"..{less.Text}+{slip.At("a range ends one further", "1", "2")}", less + Size.Of(1)),
                        2 => ($"..^{less.Text}", size - less),
                        3 => ($"^{less.Text}..", less),
                        4 => ($"{less.Text}..", size - less),
                        _ => ($"^{less.Text}{slip.At("an index is one further", "", "-1")}", null),
                    };
                    if (left is not null && !left.Is(less) && left.Least < 1) left = left.AtLeast(1);
                    argument = slip.At("a size is not passed", $", {less.Text}", "");
                    break;
                }
                var some = module.Sizes.Facts.Where(f => f.Kind is "<=" or "<" && f.Right.Is(size)).Select(f => f.Left).Concat(known.Values.Where(k => ints.Contains(k.Text) && (size - k) is { IsWritable: true } rest && !rest.Text.Contains('-', StringComparison.Ordinal) && rest.Text != "0")).ToList();
                if (some.Count == 0) return null;
                var bound = Any(some);
                var from = random.Next(2) == 0;
                (inside, left) = from ? ($"{bound.Text}..", size - bound) : ($"..{slip.At("a range has another end", bound.Text, [bound.Text + "+1", .. ints.Where(n => n != bound.Text).Take(2)])}", bound);
                argument = slip.At("a size is not passed", $", {bound.Text}", "");
                break;
        }
        if (inside.Length == 0) return null;
        var text = $"{on.Text}[\"{Bracket(on, axis, inside, slips: false)}\"{argument}]";
        return on with { Text = text, Axes = left is null ? on.Axes.RemoveAt(axis) : on.Axes.SetItem(axis, left), IsLocal = false, IsSampled = on.IsSampled && axis > 0 };
    }

    private Value? Reduced(Value on)
    {
        if (on.Axes.Length == 0 || Seldom()) return Keep($"{on.Text}.{Any(["Mean", "Sum"])}()", on, []) with { HasLead = false };
        var axis = random.Next(on.Axes.Length);
        var keep = random.Next(2) == 0;
        ImmutableArray<Size> axes = keep ? on.Axes.SetItem(axis, Size.Of(1)) : on.Axes.RemoveAt(axis);
        return Keep($"{on.Text}.{Any(["Mean", "Sum", "Max", "Min", "Var"])}(\"{Bracket(on, axis)}\"{(keep ? slip.At("an axis is not kept", ", keep: true", "") : slip.At("an axis is kept", "", ", keep: true"))})", on, axes) with { IsSampled = on.IsSampled && axis > 0 };
    }

    private Value? AlongAxis(Value on)
    {
        if (on.Axes.Length == 0) return null;
        var axis = random.Next(on.Axes.Length);
        return Keep($"{on.Text}.{Any(["Softmax", "Normalize"])}(\"{Bracket(on, axis)}\")", on) with { IsWeight = false, IsSampled = on.IsSampled && axis > 0 };
    }

    private Value? Joined(Value on)
    {
        if (on.Axes.Length == 0 || on.HasLead) return null;
        var able = values.Where(v => v.IsNumber && !v.HasLead && v.Axes.Length == on.Axes.Length)
            .SelectMany(v => Enumerable.Range(0, on.Axes.Length).Where(axis => v.HasAxes(on.Axes.SetItem(axis, v.Axes[axis]))).Select(axis => (v, axis))).ToList();
        if (able.Count == 0) return null;
        var (other, at) = Any(able);
        var joined = on.Axes[at] + other.Axes[at];
        var inside = known.Where(k => k.Value.Is(joined)).Select(k => k.Key).FirstOrDefault();
        var names = Names(on.Axes.SetItem(at, Size.Of(0)), own: false);
        var used = new HashSet<string>(names);
        var pattern = string.Join(' ', names.Select((n, i) => i == at ? $"[{(inside is not null && used.Add(inside) && Often() ? inside : Own(used))}]" : slip.At("an axis has another name", n, Misnamed(n))));
        var wrong = values.Where(v => v.IsNumber && v.Axes.Length == on.Axes.Length && !v.HasLead && !able.Any(a => a.v == v)).Select(v => v.Text).Take(3);
        var (first, second) = (Bare(on.Text), slip.At("another value is taken", other.Text, wrong));
        return Keep($"Concat(\"{pattern}\", {(random.Next(2) == 0 ? $"{first}, {second}" : $"{second}, {first}")})", on, on.Axes.SetItem(at, joined)) with { IsSampled = on.IsSampled && other.IsSampled && at > 0 };
    }

    // a sum of products over some of the axes that two values share
    private Value? Product(Value on)
    {
        if (on.HasLead || on.Axes.Length is 0 or > 4) return null;
        var others = values.Where(v => v.IsNumber && !v.HasLead && v.Axes.Length is > 0 and < 5 && v.Axes.Any(a => on.Axes.Any(a.Is)) && v.Axes.Length + on.Axes.Length < 8).ToList();
        if (others.Count == 0) return null;
        var other = Any(others);
        var used = new HashSet<string>();
        var first = Names(on.Axes, used);
        var second = new List<string>();
        foreach (var axis in other.Axes)
        {
            var same = first.Where((n, i) => on.Axes[i].Is(axis) && !second.Contains(n)).ToList();
            second.Add(same.Count > 0 && Often() ? Any(same) : Names([axis], used)[0]);
        }
        if (first.Concat(second).Any(n => char.IsDigit(n[0]))) return null;
        var all = first.Select((n, i) => (Name: n, Size: on.Axes[i])).Concat(second.Select((n, i) => (Name: n, Size: other.Axes[i]))).DistinctBy(a => a.Name).ToList();
        var result = all.Where(a => random.Next(3) > 0 || !(first.Contains(a.Name) && second.Contains(a.Name))).Take(5).ToList();
        if (Seldom() && result.Count > 1) (result[0], result[^1]) = (result[^1], result[0]);
        var left = string.Join(' ', first.Select(n => slip.At("another letter in an einsum", n, all.Where(a => a.Name != n).Select(a => a.Name))));
        var right = string.Join(' ', second.Select(n => slip.At("another letter in an einsum", n, all.Where(a => a.Name != n).Select(a => a.Name))));
        var text = $"Einsum(\"{left}, {right} -> {string.Join(' ', result.Select(a => slip.At("another letter in an einsum", a.Name, all.Where(b => b.Name != a.Name).Select(b => b.Name))))}\", {slip.At("operands are swapped", $"{Bare(on.Text)}, {other.Text}", $"{other.Text}, {Bare(on.Text)}")})";
        return Keep(text, on, [.. result.Select(a => a.Size)]) with { IsSampled = on.IsSampled && result.Count > 0 && result[0].Name == first[0] && (!other.IsSampled || second[0] == first[0]) };
    }

    // two to four parts, of which one goes on
    private Value? Parts(Value on)
    {
        if (on.HasLead || on.Axes.Length == 0 || on.Axes[^1] is var width && !Fits(width)) return null;
        var count = random.Next(2, 5);
        var part = Any(module.Sizes.Widths.ToList());
        var layer = module.Field("Linear", "fc", $"{Wide("a layer has another width", width)}, {slip.At("another number of parts is made", $"{count} * {module.Initial(part)}", $"{count + 1} * {module.Initial(part)}", $"{module.Initial(part)}")}");
        var names = Names([.. on.Axes[..^1], part]);
        if (names.Contains($"{count}")) return null;
        var parts = Enumerable.Range(0, count).Select(_ => $"p{++locals}").ToList();
        var (front, last) = (string.Join(' ', names.SkipLast(1)), names[^1]);
        Write($"var ({string.Join(", ", parts)}) = {layer}.Forward({Bare(on.Text)}).Split(\"{front} ({slip.At("another number of parts is made", $"{count}", $"{count + 1}")} {slip.At("an axis has another name", last, Misnamed(last))}) -> {count} {front}{(front.Length > 0 ? " " : "")}{last}\");");
        foreach (var p in parts) values.Add(new(p, on.Axes.SetItem(on.Axes.Length - 1, part)) { IsLocal = true, IsSampled = on.IsSampled });
        return Keep($"({parts[0]} {Any(["*", "+"])} {parts[^1]}.{Any(Activations)}())", values[^1]);
    }

    // positions that sort or are greatest, and what stands there
    private Value? LookedUp(Value on)
    {
        if (on.HasLead || on.Axes.Length == 0) return null;
        var axis = random.Next(on.Axes.Length);
        var named = Local(on);
        if (random.Next(3) == 0) return Keep($"{named.Text}.ArgMax(\"{Bracket(named, axis)}\")", named, named.Axes.RemoveAt(axis)) with { Kind = ElementKind.Index, IsSampled = false };
        if (axis != on.Axes.Length - 1) return null;
        var index = Local(Keep($"{named.Text}.Sort(\"{Bracket(named, axis)}\")", named) with { Kind = ElementKind.Index, IsWeight = false });
        var some = module.Sizes.Facts.Where(f => f.Kind == "<=" && f.Right.Is(on.Axes[axis])).Select(f => f.Left).FirstOrDefault();
        var argument = index.Text;
        var axes = index.Axes;
        if (some is not null && Often())
        {
            argument = $"{index.Text}[\"{Bracket(index, axis, $"..{some.Text}", slips: false)}\", {some.Text}]";
            axes = axes.SetItem(axis, some);
        }
        // what is looked up may have more axes behind
        var from = values.Where(v => v.IsNumber && !v.HasLead && v.Axes.Length >= on.Axes.Length && v.Axes.Take(axis).Zip(on.Axes).All(p => p.First.Is(p.Second)) && v.Axes[axis].Is(on.Axes[axis])).ToList();
        if (from.Count == 0) return null;
        var source = Any(from);
        return Keep($"{source.Text}.Gather(\"{Bracket(source, axis)}\", {slip.At("another value is taken", argument, values.Where(v => v.Kind == ElementKind.Index && !v.HasAxes(axes)).Select(v => v.Text).Take(2))})", source, [.. axes, .. source.Axes[(axis + 1)..]]) with { IsSampled = false };
    }

    // the size of an axis as a local
    private Value? Measured()
    {
        var able = takes.Where(t => !t.IsMask && !t.HasLead && t.Marked < 0).SelectMany(t => t.Axes.Select((a, i) => (t.Name, Axis: a, At: i))).Where(a => a.Axis.IsName && !ints.Contains(a.Axis.Text)).ToList();
        if (able.Count == 0) return null;
        var (name, axis, at) = Any(able);
        body.Insert(0, $"        var {axis.Text} = {name}.Size({at});\n");
        ints.Add(axis.Text);
        return null;
    }

    // a sum over one operand's axes, over its diagonal, or a product of three
    private Value? OneOperand(Value on)
    {
        if (on.HasLead || on.Axes.Length is 0 or > 4) return null;
        var used = new HashSet<string>();
        var names = Names(on.Axes, used);
        if (names.Any(n => char.IsDigit(n[0]))) return null;
        var axes = names.Zip(on.Axes).ToList();
        if (axes.Count > 1 && axes[0].Second.Is(axes[1].Second) && random.Next(2) == 0) axes[1] = names[0] is var first ? (first, axes[1].Second) : axes[1];
        var result = axes.DistinctBy(a => a.First).Where(_ => random.Next(3) > 0).ToList();
        var left = string.Join(' ', axes.Select(a => a.First));
        var others = Seldom() ? 2 : 0;
        var named = Local(on);
        return Keep($"Einsum(\"{string.Join(", ", Enumerable.Repeat(left, others + 1))} -> {string.Join(' ', result.Select(a => slip.At("another letter in an einsum", a.First, names.Where(n => n != a.First))))}\", {string.Join(", ", Enumerable.Repeat(named.Text, others + 1))})", named, [.. result.Select(a => a.Second)]) with { IsSampled = named.IsSampled && result.Count > 0 && result[0].First == names[0] };
    }

    private Value? Choose(Value on)
    {
        if (on.Kind == ElementKind.Truth)
        {
            if (on.Axes.Length > 0 && !on.HasLead && random.Next(3) == 0)
            {
                // how many hold
                var axis = random.Next(on.Axes.Length);
                return Keep($"{Local(on).Text}.Sum(\"{Bracket(on, axis)}\")", on, on.Axes.RemoveAt(axis)) with { Kind = ElementKind.Index };
            }
            var able = values.Where(v => v.IsNumber && v.HasShapeOf(on)).ToList();
            return able.Count == 0 ? null : Keep($"Where({Condition(on, able)}, {Any(able).Text}, {Any(able).Text})", on) with { Kind = ElementKind.Number, IsWeight = false };
        }
        var named = Local(on);
        var others = values.Where(v => v.IsNumber && v.HasShapeOf(named)).ToList();
        if (Seldom()) return Keep($"({named.Text} {Any(["<", ">"])} {Any(others).Text})", named) with { Kind = ElementKind.Truth, IsWeight = false };
        var wrong = values.Where(v => v.IsNumber && v.Axes.Length > 0 && !v.HasShapeOf(named)).Select(v => v.Text).Take(3);
        return Keep($"Where({named.Text} {Any(["<", ">", "<=", ">="])} {(random.Next(2) == 0 ? "0.5" : Any(others).Text)}, {named.Text}, {slip.At("another value is taken", Any(others).Text, wrong)})", named) with { IsWeight = false };
    }

    // and, or
    private string Condition(Value on, List<Value> able) => random.Next(3) > 0 ? Bare(on.Text) : $"{on.Text} {Any(["*", "+"])} ({Any(able).Text} > 0.25)";
}
