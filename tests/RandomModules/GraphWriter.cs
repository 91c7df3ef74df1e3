using System.Collections.Immutable;
using System.Text;

namespace SemAim.RandomModules;

/// <summary>Writes one graph, an operation a step, each on values whose axes it knows.</summary>
internal sealed partial class GraphWriter(ModuleWriter module, string name, bool isPrivate, bool isBlock, IReadOnlyList<Contract> siblings)
{
    private const int MostSteps = 9, Tries = 12, MostResults = 3, DeepestNesting = 2;

    private readonly Random random = module.Random;
    private readonly Slip slip = module.Slip;
    private readonly StringBuilder body = new();
    private readonly List<Taken> takes = [];
    private readonly Dictionary<string, Size> known = module.Sizes.Named.ToDictionary(s => s.Text);      // names that patterns may use for one size only
    private readonly HashSet<string> ints = [.. module.Sizes.Named.Select(s => s.Text)];                 // those of them that C# knows
    private readonly List<Value> values = [];
    private Size? samples;
    private string indent = "        ";
    private int depth, locals;
    private bool drops;

    // the round of the caller's loop, as a private graph takes it
    private string? index;

    /// <summary>The finished method.</summary>
    internal string Text { get; private set; } = "";

    /// <summary>Writes the graph and says what its callers may know.</summary>
    /// <param name="given">what a private graph is to take</param>
    internal Contract Write(IReadOnlyList<Taken>? given = null)
    {
        Take(given);
        var first = values[0];
        var steps = random.Next(2, MostSteps);
        for (var n = 0; n < steps; n++) Step();
        var results = isBlock ? [Block(first)] : Results();
        Finish(results);
        return new(name, takes, [.. results.Select(r => ((IReadOnlyList<Size>)r.Axes, r.Kind))], drops);
    }

    private void Finish(IReadOnlyList<Value> results)
    {
        var lead = results.Select(r => r.HasLead ? "... " : "").ToList();
        var promised = results.Select((r, i) => (lead[i] + string.Join(' ', r.Axes.Select(a => slip.At("another size is promised", a.Text, Wrong(a))))).Trim()).ToList();
        var parameters = takes.Select(t => $"[Shape(\"{(t.HasLead ? "... " : "")}{string.Join(' ', t.Axes.Select((a, i) => (i == t.Marked ? slip.At("an axis is not marked", "#", "") : "") + (t.IsMask ? a.Text : slip.At("a parameter has another size", a.Text, Wrong(a)))))}\")] {(t.IsMask ? "OrderMask? mask = null" : "Sym " + t.Name)}").Concat(index is null ? [] : [$"int {index}"]);
        Text = $"    {(isPrivate || random.Next(12) > 0 ? "[Graph]" : "[Graph(Capture = true)]")}\n    [return: Shape({string.Join(", ", promised.Select(p => $"\"{p}\""))})]\n    {(isPrivate ? "private" : "public")} {(results.Count == 1 ? "Sym" : $"({string.Join(", ", results.Select(_ => "Sym"))})")} {name}({string.Join(", ", parameters)})\n    {{\n"
            + body + $"        return {(results.Count == 1 ? Bare(results[0].Text) : $"({string.Join(", ", results.Select(r => Bare(r.Text)))})")};\n    }}\n";
    }

    // any values whose axes can be written, the later ones rather
    private List<Value> Results()
    {
        var able = values.Where(v => v.Axes.All(a => a.IsWritable)).ToList();
        var results = new List<Value> { able[^1] };
        while (results.Count < MostResults && random.Next(3) == 0) results.Add(able[random.Next(able.Count)]);
        return [.. results.Distinct()];
    }

    // the first value's shape again, with whatever else was computed in it
    private Value Block(Value first)
    {
        var last = values.Last(v => v.HasShapeOf(first) && v.IsNumber);
        foreach (var other in values.Where(v => v.IsNumber && v != last && v.IsLocal && !takes.Any(t => t.Name == v.Text)).TakeLast(2).ToList()) last = Absorbed(last, other);
        return last == first ? Keep($"{first.Text}.Gelu()", first) : last;
    }

    private void Take(IReadOnlyList<Taken>? given)
    {
        foreach (var t in given ?? Drawn()) takes.Add(t);
        foreach (var axis in takes.SelectMany(t => t.Axes).Where(a => a.IsName && !known.ContainsKey(a.Text))) known[axis.Text] = axis;
        foreach (var t in takes.Where(t => !t.IsMask && t.Marked < 0))
        {
            if (samples is null && t.Axes.Count > 0 && t.Axes[0] is { IsName: true } first && !ints.Contains(first.Text) && !t.HasLead) samples = first;
            values.Add(new(t.Name, [.. t.Axes]) { Kind = t.Kind, HasLead = t.HasLead, IsLocal = true, IsSampled = samples is not null && t.Axes.Count > 0 && t.Axes[0].Is(samples) && takes.First(p => !p.IsMask) == t });
        }
    }

    // what the calls of a public graph bind: samples, tokens
    private List<Taken> Drawn()
    {
        var (B, T) = (Bound("B"), Bound("T"));
        Size Width() => Any(module.Sizes.Widths.ToList());
        Size Length() => random.Next(3) == 0 ? Width() : T;
        var picture = module.Sizes.Products.Where(p => !p.Whole.IsName || module.Sizes.Facts.Any(f => f.Left == p.Whole && !p.Factor.IsNumber)).Select(p => p.Whole).ToList();
        IReadOnlyList<Size> Axes(int kind) => kind switch
        {
            0 or 1 or 2 => [B, Length(), Width()],
            3 => [B, Width()],
            4 => [B, Width(), Length(), Width()],
            5 when picture.Count > 0 && Any(picture) is var side => [B, random.Next(2) == 0 ? Size.Of(3) : Width(), side, side],
            6 => [B, Length(), Size.Of(random.Next(2, 5)) * Width()],
            7 => [Length(), Width()],
            _ => [B, T, Width()],
        };
        var kind = isBlock ? 0 : random.Next(9);
        var taken = new List<Taken> { new("x", Axes(kind), HasLead: false) };
        if (!isBlock && random.Next(9) == 0) taken[0] = new("x", random.Next(2) == 0 ? [Width()] : [T, Width()], HasLead: true);
        if (!taken[0].HasLead && random.Next(3) == 0)
            taken.Add(random.Next(6) switch
            {
                4 => new("bias", [.. taken[0].Axes], Marked: random.Next(taken[0].Axes.Count)),
                0 => new("y", [.. taken[0].Axes]),
                1 => new("condition", [taken[0].Axes[0], Width()]),
                2 => new("y", [taken[0].Axes[0], Bound("U"), taken[0].Axes[^1]]),
                3 => new("weight", []),
                _ => new("isKept", [.. taken[0].Axes], ElementKind.Truth),
            });
        // the first token is the class token, the others have ranks
        if (!isBlock && random.Next(6) == 0) taken = [new("x", [B, T + Size.Of(1), Width()]), new("rank", [B, T])];
        // an order speaks of tokens that the call binds
        if (taken[0].Axes is [_, var tokens, _] && tokens == T && random.Next(3) == 0) taken.Add(new("mask", [taken[0].Axes[0], T, T], IsMask: true));
        return taken;
    }

    private Size Bound(string name)
    {
        if (!known.TryGetValue(name, out var size)) size = Size.Named(name, [.. Enumerable.Range(0, Size.Points).Select(_ => (long)random.Next(1009, 9973))]);
        return size;
    }

    // an operation on some value, rather on the last one
    private void Step()
    {
        for (var n = 0; n < Tries; n++)
        {
            var able = values.Where(v => v.Axes.All(a => a.Least >= 1)).ToList();
            if (able.Count == 0) return;
            var on = random.Next(5) < 3 ? able[^1] : able[random.Next(able.Count)];
            if (Operation(on) is not { } result) continue;
            // a chain of calls in one expression
            while (!result.IsLocal && random.Next(2) == 0 && result.Axes.All(a => a.Least >= 1) && Operation(result) is { } longer) result = longer;
            Local(result);
            return;
        }
    }

    private Value? Operation(Value on)
    {
        if (on.Kind != ElementKind.Number) return on.Kind == ElementKind.Truth ? Choose(on) : Seldom() ? Reordered(on) : null;
        return random.Next(33) switch
        {
            0 or 1 => Linear(on),
            2 => Normalised(on),
            3 => Convolved(on),
            4 or 5 => Pointwise(on),
            6 => WithNumber(on),
            7 => WithValue(on),
            8 => WithWeight(on),
            9 => Centred(on),
            10 or 11 => Reordered(on),
            12 => Repeated(on),
            13 or 14 => Sliced(on),
            15 => Reduced(on),
            16 => AlongAxis(on),
            17 => Joined(on),
            18 => Product(on),
            19 => Attention(on),
            20 => Parts(on),
            21 => LookedUp(on),
            22 => Choose(on),
            26 => Learned(on),
            27 => Measured(),
            28 => Marked(on),
            29 => CrossAttention(on),
            30 => Copies(on),
            31 => OneOperand(on),
            23 => Dropped(on),
            24 => Called(on),
            _ => depth < DeepestNesting ? Controlled(on) : null,
        };
    }

    /// <summary>A value for an expression: with a name, or to be read at once.</summary>
    private Value Keep(string text, Value like) => like with { Text = text, IsLocal = false };

    private Value Keep(string text, Value from, params IReadOnlyList<Size> axes)
        => new(text, [.. axes]) { HasLead = from.HasLead, IsSampled = from.IsSampled && axes.Count > 0 && samples is not null && axes[0].Is(samples), IsWeight = false };

    // gives the value a name
    private Value Local(Value value, string stem = "v")
    {
        if (value.IsLocal) return value;
        // an old name for a new value of its shape
        if (depth == 0 && random.Next(8) == 0 && values.FindLast(v => v.IsLocal && v.Text[0] == 'v' && v.HasShapeOf(value) && v.Kind == value.Kind && v.IsWeight == value.IsWeight && v.IsSampled == value.IsSampled) is { } old)
        {
            Write($"{old.Text} = {Bare(value.Text)};");
            values.Remove(old);
            values.Add(value with { Text = old.Text, IsLocal = true });
            return values[^1];
        }
        var named = value with { Text = $"{stem}{++locals}", IsLocal = true };
        Write($"var {named.Text} = {Bare(value.Text)};");
        values.Add(named);
        return named;
    }

    private void Write(string line) => body.Append(indent).Append(line).Append('\n');

    // without the parentheses around all of it
    private static string Bare(string text)
    {
        if (text.Length < 2 || text[0] != '(' || text[^1] != ')') return text;
        for (var (i, open) = (0, 0); i < text.Length; i++)
        {
            open += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (open == 0 && i < text.Length - 1) return text;
        }
        return text.Contains(',', StringComparison.Ordinal) ? text : text[1..^1];
    }

    private T Any<T>(IReadOnlyList<T> list) => list[random.Next(list.Count)];

    private bool Often() => random.Next(4) > 0;

    private bool Seldom() => random.Next(6) == 0;

    // what an author might write instead of a size
    private IEnumerable<string> Wrong(Size size)
    {
        if (size.IsWritable) yield return (size + Size.Of(1)).Text;
        foreach (var other in known.Values.Where(k => !k.Is(size)).Take(4)) yield return other.Text;
        if (!size.IsNumber) yield return size.IsWritable ? (size * Size.Of(2)).Text : "2";
        else yield return "1";
    }

    // the same for the initialiser of a layer
    private string Wide(string kind, Size size) => slip.At(kind, module.Initial(size), [module.Initial(size) + " + 1", "2 * " + (size.IsName || size.IsNumber ? module.Initial(size) : $"({module.Initial(size)})"), .. module.Sizes.Parameters.Where(p => !p.Is(size)).Select(p => p.Text).Take(3)]);

    private IReadOnlyList<string> Names(IReadOnlyList<Size> axes, bool own = false) => Names(axes, [], own);

    /// <summary>Names for axes, each once: what the graph knows, numbers, or names of the pattern's own.</summary>
    private List<string> Names(IReadOnlyList<Size> axes, HashSet<string> used, bool own = false)
    {
        var names = new List<string>();
        foreach (var axis in axes)
        {
            var able = known.Where(k => k.Value.Is(axis)).Select(k => k.Key).ToList();
            var name = axis.IsNumber ? axis.Text : able.Count > 0 && !own && random.Next(8) > 0 ? Any(able) : Own(used);
            while (name != "1" && !used.Add(name)) name += "'";
            names.Add(name);
        }
        return names;
    }

    private string Own(HashSet<string> used)
    {
        var free = "abcdefghijklmopqrstuvwyz".Select(c => c.ToString()).Where(c => !used.Contains(c) && !known.ContainsKey(c) && !ints.Contains(c)).ToList();
        return Any(free);
    }

    // another name that the graph knows
    private IEnumerable<string> Misnamed(string name) => known.Keys.Where(k => k != name.TrimEnd('\'')).Take(4);

    /// <summary>One axis in brackets.</summary>
    private string Bracket(Value on, int axis, string? inside = null, bool slips = true)
    {
        var names = Names(on.Axes);
        string At(int bracketed) => (on.HasLead ? "... " : "") + string.Join(' ', names.Select((n, i) => i == bracketed ? $"[{inside ?? n}]" : n));
        var right = At(axis);
        if (!slips) return right;
        var wrong = Enumerable.Range(0, names.Count).Where(i => i != axis && names.Count > 1).Select(At).ToList();
        right = slip.At("another axis is bracketed", right, wrong);
        if (right.Contains(Slip.Begin, StringComparison.Ordinal)) return right;
        var i = random.Next(names.Count);
        return names[i] is var n && right.IndexOf(n, StringComparison.Ordinal) is >= 0 and var from && !char.IsDigit(n[0]) && (from + n.Length == right.Length || right[from + n.Length] is ' ' or ']') && (from == 0 || right[from - 1] is ' ' or '[')
            ? right[..from] + slip.At("an axis has another name", n, Misnamed(n)) + right[(from + n.Length)..] : right;
    }
}
