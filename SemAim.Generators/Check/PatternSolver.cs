using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Matches patterns with the symbolic axes of a value.</summary>
/// <remarks>
/// A name that the module or the graph knows must have exactly that size; a primed name is another axis of the same size. Any other
/// name is local to the pattern and gets its size from the value, one per group. Numbers are sizes.
/// </remarks>
/// <param name="facts">what the module knows</param>
/// <param name="local">sizes that the graph binds</param>
/// <param name="numbers">an addition to a message with the numbers of a variant, or nothing</param>
/// <param name="broken">names whose definitions were refused already</param>
/// <param name="decide">makes "cannot prove" of a mismatch that shows nowhere</param>
/// <param name="asked">true for a quotient whose promise was asked for already</param>
public sealed class PatternSolver(SizeFacts facts, Func<string, Dim?> local, Func<Dim, Dim, string, string> numbers, ICollection<string> broken, Func<Dim, Dim, CheckFailure, CheckFailure> decide, Func<Dim, Dim, bool>? asked = null)
{
    /// <summary>Binds every name on the left; the result maps each token to its size.</summary>
    public Dictionary<string, Dim> Match(Pattern pattern, IReadOnlyList<Dim> axes, string text, string operand, bool einsum = false, Func<int, (string Line, Ir.Related[] Related)>? origin = null)
    {
        foreach (var axis in pattern.Axes)
            foreach (var token in axis.Tokens)
                if (broken.Contains(token.Text.TrimEnd('\''))) throw new CheckFailure();
        var positions = Spread(pattern, axes, text, operand, einsum);
        var bound = new Dictionary<string, Dim>();
        foreach (var i in Enumerable.Range(0, axes.Count).Where(i => positions[i] is not null).OrderBy(i => positions[i]!.Tokens.Count))   // single names help the groups
        {
            var (axis, size) = (positions[i]!, axes[i]);
            if (axis.Bracket is not null) continue;
            var fresh = axis.Tokens.Where(t => Known(t.Text, bound) is null).ToList();
            var known = axis.Tokens.Select(t => Known(t.Text, bound)).Where(s => s is not null).Aggregate(Dim.One, (a, b) => a * b!);
            if (fresh.Count > 1) throw new CheckFailure("SEM0211", $"cannot tell the sizes of {string.Join(" and ", fresh.Select(f => $"'{f.Text}'"))} apart: both are new in \"{axis}\"", axis.Start, axis.Length);
            if (fresh.Count == 1)
            {
                RefuseArithmetic(fresh[0]);
                if (axis.Tokens.Count == 1) bound[fresh[0].Text] = size;
                else if (facts.Divide(size, known) is { } rest) bound[fresh[0].Text] = rest;
                else if (asked?.Invoke(size, known) == true) throw new CheckFailure();
                else throw new CheckFailure("SEM0210", $"an axis of size {facts.Show(size)} cannot be split into {axis}: {Quotient(size, known)} need not be a whole number{Example(size, known)}", axis.Start, axis.Length);
            }
            else if (!facts.Same(size, known))
            {
                var (line, related) = origin?.Invoke(i) ?? ("", []);
                var meant = WithFactor(text, axis, size, known);
                throw decide(size, known, new CheckFailure("SEM0201", $"axis {i} of `{operand}` has size {facts.Show(size)}, but \"{axis}\" says {Says(axis, known)}{(facts.Marked(size) is null ? numbers(size, known, " is not ") : "; it may be 1, so give the axis a name of its own")}{line}{(meant.Length > 0 ? $"\n    did you mean \"{meant}\"?" : "")}", axis.Start, axis.Length, fix: meant, related: related));
            }
        }
        return bound;
    }

    // the pattern with the factor that a group forgot, as an axis of its own in front: (H E) of 3·D, meant was (3 H E) -> 3 …
    private string WithFactor(string text, PatternAxis axis, Dim size, Dim known)
    {
        if (!axis.IsGroup || facts.Normalise(size).Over(facts.Normalise(known)) is not { Number: > 1 and var factor }) return "";
        var number = factor.ToString(CultureInfo.InvariantCulture);
        var meant = text.Insert(axis.Start + 1, number + " ");
        var arrow = meant.IndexOf("->", StringComparison.Ordinal);
        return arrow < axis.Start ? "" : meant.Insert(arrow + 2, " " + number);
    }

    /// <summary>The size of each axis that a right-hand side makes.</summary>
    public List<Dim> Build(Pattern pattern, Dictionary<string, Dim> bound)
        => [.. pattern.Axes.Select(a => a.Tokens.Aggregate(Dim.One, (size, t) => size * (Known(t.Text, bound) ?? throw Invented(t))))];

    /// <summary>A name from nowhere.</summary>
    public static CheckFailure Invented(Token t) => new("SEM0213", $"axis '{t.Text}' appears from nowhere; a rearrange cannot invent an axis (use Expand to repeat)", t.Start, t.Length);

    /// <summary>Checks that a rearrange keeps every axis and writes none twice.</summary>
    public static void SameAxes(Pattern left, Pattern right)
    {
        foreach (var side in new[] { left, right })
            if (side.Axes.SelectMany(a => a.Tokens).GroupBy(t => t.Text).FirstOrDefault(g => g.Count() > 1 && g.Key != "1") is { } twice)
                throw new CheckFailure("SEM0214", $"axis '{twice.Key}' is written twice; if it is a second axis of the same size write {twice.Key}'", twice.ElementAt(1).Start, twice.Key.Length);
        var (from, to) = (left.Axes.SelectMany(a => a.Tokens).ToList(), right.Axes.SelectMany(a => a.Tokens).ToList());
        foreach (var t in from)
            if (t.Text != "1" && to.All(o => o.Text != t.Text)) throw new CheckFailure("SEM0212", $"axis '{t.Text}' disappears; a rearrange keeps every axis (use Sum or Mean to reduce it)", t.Start, t.Length);
        foreach (var t in to)
            if (t.Text != "1" && from.All(o => o.Text != t.Text)) throw Invented(t);
    }

    /// <summary>The size of a token: a number, a known name, a primed name, a product or a sum; null for a name that is new here.</summary>
    public Dim? Known(string token, Dictionary<string, Dim>? bound = null)
    {
        if (long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number;
        if (bound is not null && bound.TryGetValue(token, out var size)) return size;
        if (token.Length > 1 && token[0] == '#') token = token.Substring(1);
        if (local(token) is { } l) return l;
        if (facts[token] is { } f) return f;
        if (token.EndsWith("'", StringComparison.Ordinal)) return Known(token.TrimEnd('\''), bound);
        if (token.IndexOfAny(['+', '-', '*', '/']) < 0) return null;
        return Ir.SizeText.Parse(token) is { } e ? Expressions.Evaluate(e, n => bound is not null && bound.TryGetValue(n, out var b) ? b : local(n) ?? facts[n], facts.Divide) : null;
    }

    /// <summary>The axes of a pattern by the positions of a value; null where <c>...</c> covers.</summary>
    public IReadOnlyList<PatternAxis?> Spread(Pattern pattern, IReadOnlyList<Dim> axes, string text, string operand, bool einsum = false)
    {
        // the side that is wrong, not the whole text
        var start = pattern.Axes.Count == 0 ? -1 : pattern.Axes[0].Start;
        var length = pattern.Axes.Count == 0 ? 0 : pattern.Axes[pattern.Axes.Count - 1].Start + pattern.Axes[pattern.Axes.Count - 1].Length - start;
        if (axes.Count > 0 && axes[0].Equals(Ir.Value.OpenAxes) && (!pattern.HasEllipsis || pattern.Axes.Count > axes.Count))
            throw new CheckFailure("SEM0202", $"pattern \"{text}\" names axes of `{operand}` that its contract leaves open: {Shapes.Show(facts, axes)}; {(einsum ? "" : "begin the pattern with ... or ")}name the axes in [Shape]", start, length);
        if (pattern.HasEllipsis && pattern.Axes.Count - 1 <= axes.Count)
            return [.. Enumerable.Repeat<PatternAxis?>(null, axes.Count - pattern.Axes.Count + 1), .. pattern.Axes.Skip(1)];
        if (pattern.Axes.Count == axes.Count) return pattern.Axes;
        var arrow = text.Contains("->");
        throw new CheckFailure("SEM0202", $"pattern \"{text}\" {(einsum ? "gives this operand" : arrow ? "starts with" : "has")} {Count(pattern.Axes.Count)}, but `{operand}` has {axes.Count.ToString(CultureInfo.InvariantCulture)}: {Shapes.Show(facts, axes)}", start, length);
    }

    private void RefuseArithmetic(Token token)
    {
        if (token.Text.IndexOfAny(['+', '-', '*', '/']) < 0) return;
        var unknown = Expressions.SizeNames(Ir.SizeText.Parse(token.Text) ?? new Ir.Expr.Broken(0)).FirstOrDefault(n => local(n) is null && facts[n] is null) ?? token.Text;
        throw new CheckFailure("SEM0101", $"size `{unknown}` is not known here; known are {string.Join(", ", facts.Names)}{Nearest.Suggest(unknown, facts.Names)}", token.Start, token.Length);
    }

    private string Says(PatternAxis axis, Dim known) => facts.Named(known) ?? (axis.Tokens.Any(t => t.Text.EndsWith("'", StringComparison.Ordinal)) ? facts.Show(known) : string.Join("·", axis.Tokens.Select(t => t.Text)));

    private string Quotient(Dim size, Dim known) => $"{(facts.Show(size) is var s && s.Contains(' ') ? $"({s})" : s)} / {(facts.Show(known) is var k && (k.Contains(' ') || k.Contains('·')) ? $"({k})" : k)}";

    private static string Count(int n) => n == 1 ? "1 axis" : n.ToString(CultureInfo.InvariantCulture) + " axes";

    private string Example(Dim size, Dim known)
    {
        if (numbers(size, known, " / ") is { Length: > 0 } variant) return variant;
        var (a, b) = (facts.Normalise(size), facts.Normalise(known));
        var names = a.Symbols.Concat(b.Symbols).Distinct().ToList();
        if (names.Any(n => n.Contains(" "))) return "";
        var (x, y) = (a.Evaluate(_ => 1), b.Evaluate(_ => 1));
        return y == 0 || x % y == 0 ? "" : $"; {string.Join(" = ", names)}{(names.Count > 0 ? " = 1 gives " : "")}{x} / {y}";
    }
}

/// <summary>Axes as text.</summary>
public static class Shapes
{
    /// <summary><c>B T 3·D</c>; <c>scalar</c> without axes.</summary>
    public static string Show(SizeFacts facts, IReadOnlyList<Dim> axes)
        => axes.Count == 0 ? "scalar" : string.Join(" ", axes.Select(a => facts.Show(a) is var s && s.Contains(' ') ? $"({s})" : s));
}
