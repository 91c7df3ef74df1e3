using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>One choice of numbers for sizes.</summary>
/// <param name="Text">as a message names it: a published configuration, or <c>D = 4, H = 1</c></param>
/// <param name="Value">the number of a symbol, quotients among them; null where it is not chosen</param>
public sealed record SizePoint(string Text, Func<string, long?> Value)
{
    /// <summary>The size in numbers, or null where a symbol has none or the number does not fit.</summary>
    public long? Of(SizeFacts facts, Dim size)
    {
        var normal = facts.Normalise(size);
        if (normal.Symbols.Any(s => Value(s) is null)) return null;
        try { return normal.Evaluate(s => Value(s)!.Value); }
        catch (OverflowException) { return null; }
    }
}

/// <summary>Numbers for which the facts of a module hold: small ones in order, and random ones. They refute what does not hold; they never prove anything.</summary>
public sealed class AdmissibleSizes
{
    private const int RandomPoints = 16, MostTries = 6000, MostTried = 20000, MostNames = 8;
    private static readonly int[] Factors = [1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 12, 16];

    private readonly ModuleScope scope;
    private readonly List<string> names = [];
    private readonly List<ParsedFact> facts = [];
    private readonly bool isKnown;

    /// <summary>For the sizes that some polynomials name, and those that facts tie to them.</summary>
    public AdmissibleSizes(ModuleScope scope, params IEnumerable<Dim> about)
    {
        this.scope = scope;
        var open = new HashSet<string>();
        foreach (var d in about) Bases(scope.Facts.Normalise(d), open);
        isKnown = !open.Contains("…");
        // facts that speak of any of them speak of all their own
        for (var count = -1; count != facts.Count;)
        {
            count = facts.Count;
            foreach (var fact in scope.Parsed)
                if (!facts.Contains(fact) && Names(fact).ToList() is var mentioned && mentioned.Any(open.Contains))
                {
                    facts.Add(fact);
                    open.UnionWith(mentioned);
                }
        }
        names.AddRange(scope.Unit.Sizes.Select(s => s.Name).Where(open.Contains));
        names.AddRange(open.Where(n => !names.Contains(n)).OrderBy(n => n, StringComparer.Ordinal));
    }

    /// <summary>Published configurations, as far as they say the sizes asked for.</summary>
    public IEnumerable<SizePoint> Variants => VariantsOf(scope);

    /// <summary>Published configurations.</summary>
    public static IEnumerable<SizePoint> VariantsOf(ModuleScope scope)
        => scope.Unit.Variants.Select(v => new SizePoint(v.Name, s => Symbol(scope, s, n => v.Sizes.FirstOrDefault(z => z.Name == n)?.Value)));

    /// <summary>Small admissible sizes, those with the least sum first.</summary>
    public IEnumerable<SizePoint> Small()
    {
        if (!isKnown || names.Count is 0 or > MostNames) yield break;
        var tried = 0;
        for (var extra = 0; tried < MostTried; extra++)
        {
            foreach (var sizes in Sums(names.Count, extra))
            {
                if (++tried > MostTried) yield break;
                if (Point(sizes) is { } point) yield return point;
            }
        }
    }

    /// <summary>Random admissible sizes, the same at every call; fewer than sixteen where they are rare.</summary>
    public IReadOnlyList<SizePoint> Random()
    {
        var points = new List<SizePoint>();
        if (!isKnown || names.Count == 0) return points;
        var seed = 20240229u;
        int Next(int n)
        {
            seed = unchecked(seed * 1664525u + 1013904223u);
            return (int)((seed >> 16) % (uint)n);
        }
        for (var n = 0; n < MostTries && points.Count < RandomPoints; n++)
        {
            var sizes = new long[names.Count];
            for (var i = 0; i < sizes.Length; i++) sizes[i] = Factors[Next(Factors.Length)] * (long)Factors[Next(Factors.Length)];
            if (Point(sizes) is { } point) points.Add(point);
        }
        return points;
    }

    private SizePoint? Point(long[] sizes)
    {
        var chosen = (long[])sizes.Clone();
        long? Base(string name) => names.IndexOf(name) is >= 0 and var i ? chosen[i] : null;
        if (!facts.All(f => Holds(f, n => Number(new Expr.Size(0, n), Base)))) return null;
        return new(string.Join(", ", names.Select((n, i) => $"{SizeFacts.WithoutPlaces(n)} = {chosen[i].ToString(CultureInfo.InvariantCulture)}")), s => Symbol(scope, s, Base));
    }

    // 1 + the ways to share a surplus out
    private static IEnumerable<long[]> Sums(int count, int extra)
    {
        var sizes = new long[count];
        return Fill(0, extra);

        IEnumerable<long[]> Fill(int at, int left)
        {
            if (at == count - 1)
            {
                sizes[at] = 1 + left;
                yield return sizes;
                yield break;
            }
            for (var mine = left; mine >= 0; mine--)
            {
                sizes[at] = 1 + mine;
                foreach (var s in Fill(at + 1, left - mine)) yield return s;
            }
        }
    }

    // a quotient is what its parts give
    private static long? Symbol(ModuleScope scope, string symbol, Func<string, long?> sizes)
    {
        if (sizes(symbol) is { } given) return given;
        if (scope.Facts.Quotient(symbol) is not var (numerator, denominator)) return null;
        var parts = new SizePoint("", s => s == symbol ? null : Symbol(scope, s, sizes));
        return Plain(numerator) is { } n && Plain(denominator) is { } d && d != 0 ? n / d : null;

        // not through the normal form, which may name the quotient itself
        long? Plain(Dim size)
        {
            if (size.Symbols.Any(s => parts.Value(s) is null)) return null;
            try { return size.Evaluate(s => parts.Value(s)!.Value); }
            catch (OverflowException) { return null; }
        }
    }

    private void Bases(Dim size, HashSet<string> into)
    {
        foreach (var symbol in size.Symbols)
            if (scope.Facts.Quotient(symbol) is var (numerator, denominator))
            {
                foreach (var part in new[] { numerator, denominator }) if (!part.Has(symbol)) Bases(part, into);
            }
            else into.Add(symbol);
    }

    private IEnumerable<string> Names(ParsedFact fact) => new[] { fact.Left, fact.Modulus, fact.Right }.OfType<Expr>().SelectMany(e => Names(e, 0));

    private IEnumerable<string> Names(Expr e, int depth) => Expressions.SizeNames(e).SelectMany(n => scope.Unit.Members.FirstOrDefault(m => m.Name == n) is { } member && depth < MostNames ? Names(member.Value, depth + 1) : [n]);

    private long? Number(Expr e, Func<string, long?> sizes) => Expressions.Number(e, n => sizes(n) ?? (scope.Unit.Members.FirstOrDefault(m => m.Name == n) is { } member ? Number(member.Value, sizes) : null));

    /// <summary>Whether a fact holds for some numbers; false where one of them is unknown.</summary>
    public static bool Holds(ParsedFact fact, Func<string, long?> size)
    {
        if (Expressions.Number(fact.Left, size) is not { } left || Expressions.Number(fact.Right, size) is not { } right) return false;
        if (fact.Modulus is not null)
        {
            if (Expressions.Number(fact.Modulus, size) is not { } modulus || modulus == 0) return false;
            left %= modulus;
        }
        return Compare(left, fact.Operator, right);
    }

    /// <summary>Compares by an operator in C# spelling.</summary>
    public static bool Compare(long left, string sign, long right)
        => sign switch { "==" => left == right, "!=" => left != right, "<=" => left <= right, ">=" => left >= right, "<" => left < right, _ => left > right };
}
