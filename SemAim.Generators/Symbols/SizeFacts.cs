using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>What one module knows about its sizes: definitions (T = N + 1) and exact quotients (D % H == 0).</summary>
/// <remarks>
/// A quotient eliminates its numerator: D % H == 0 becomes D := H · «D / H», after which 3·D and 3·H·«D / H» have the same normal form.
/// A second quotient of the same numerator (D % 4 == 0) cannot be eliminated as well; it is remembered and answers that one division only.
/// What follows from the facts (normal forms, texts) is remembered until another fact is declared.
/// </remarks>
public sealed partial class SizeFacts
{
    private readonly Dictionary<string, Dim> definitions = [];
    private readonly List<(Dim Numerator, Dim Denominator, Dim Quotient)> quotients = [];
    private readonly List<(string Name, Dim Size)> names = [];
    private readonly Dictionary<string, Dim> latest = [];
    private readonly Dictionary<Dim, Dim> normal = [];
    private readonly Dictionary<Dim, string> shown = [], coded = [], texts = [];
    private (string Name, Dim Declared, Dim Normal)[]? ordered, greedy;

    /// <summary>The size a name stands for, or null if the module does not know the name.</summary>
    public Dim? this[string name] => latest.TryGetValue(name, out var size) ? Normalise(size) : null;

    /// <summary>Names the module knows, in order of declaration.</summary>
    public IEnumerable<string> Names => names.Select(n => n.Name);

    /// <summary>Makes a symbol known.</summary>
    public void Declare(string symbol) => Define(symbol, Dim.Symbol(symbol));

    /// <summary>Gives a size a name.</summary>
    public void Define(string name, Dim size)
    {
        names.Add((name, size));
        latest[name] = size;
        Forget();
    }

    /// <summary>Records the fact that <paramref name="numerator"/> is a multiple of <paramref name="denominator"/>.</summary>
    public void RequireMultiple(Dim numerator, Dim denominator)
    {
        if (Divide(numerator, denominator) is not null) return;
        var below = Show(denominator);
        var quotient = Dim.Symbol($"{Bracketed(Show(numerator))} / {(below.Contains('·') && !below.Contains(' ') ? $"({below})" : Bracketed(below))}");
        quotients.Add((numerator, denominator, quotient));
        // D = H·e is a multiple of 2·H: then e is one of 2, and e := 2·q
        (numerator, denominator) = Cancelled(Normalise(numerator), Normalise(denominator));
        if (numerator.Symbols.FirstOrDefault() is not { } symbol) return;
        if (numerator.Equals(Dim.Symbol(symbol)) && !denominator.Has(symbol) && !definitions.ContainsKey(symbol)) definitions[symbol] = denominator * quotient;
        else RequireZero(numerator - denominator * quotient);
        Forget();
    }

    // without the factors that both have and that are never 0
    private (Dim, Dim) Cancelled(Dim a, Dim b)
    {
        foreach (var symbol in a.Symbols.Where(s => Least(s) > 0))
            while (a.Over(Dim.Symbol(symbol)) is { } x && b.Over(Dim.Symbol(symbol)) is { } y) (a, b) = (x, y);
        var number = a.Terms.Concat(b.Terms).Select(t => t.Evaluate(_ => 1)).Aggregate(0L, Gcd);
        return number > 1 && a.Over(number) is { } n && b.Over(number) is { } d ? (n, d) : (a, b);
    }

    private static long Gcd(long a, long b) => b == 0 ? System.Math.Abs(a) : Gcd(b, a % b);

    private void Forget()
    {
        normal.Clear();
        shown.Clear();
        coded.Clear();
        texts.Clear();
        least.Clear();
        (ordered, greedy) = (null, null);
    }

    private static string Bracketed(string text) => text.Contains(' ') ? $"({text})" : text;

    /// <summary>The exact quotient, or null where it need not be whole.</summary>
    public Dim? Divide(Dim numerator, Dim denominator)
    {
        var (n, d) = (Normalise(numerator), Normalise(denominator));
        if (n.Over(d) is { } exact) return exact;
        foreach (var (a, b, quotient) in quotients)
            if (Normalise(b).Equals(d) && n.Over(Normalise(a)) is { } times) return times * Normalise(quotient);
        return null;
    }

    /// <summary>The numerator and the denominator of a symbol that stands for an exact quotient, or null.</summary>
    public (Dim Numerator, Dim Denominator)? Quotient(string symbol)
    {
        foreach (var (numerator, denominator, quotient) in quotients)
            if (quotient.Has(symbol)) return (numerator, denominator);
        return null;
    }

    /// <summary>True where both are equal for all sizes that satisfy the facts.</summary>
    public bool Same(Dim a, Dim b)
    {
        if (a.Equals(b)) return true;
        var (x, y) = (Normalise(a), Normalise(b));
        return x.Equals(y) || zeros.Count > 0 && Reduce(x - y).Equals(Dim.Zero);
    }

    /// <summary>The normal form under the facts.</summary>
    public Dim Normalise(Dim size)
    {
        if (definitions.Count == 0 || size.IsConst) return size;
        if (normal.TryGetValue(size, out var known)) return known;
        var result = size;
        for (var next = Once(result); !ReferenceEquals(next, result); next = Once(result)) result = next;
        return normal[size] = result;
    }

    private Dim Once(Dim size) => size.Substitute(s => definitions.TryGetValue(s, out var d) ? d : null);

    /// <summary>The declared name of a size, or a multiple of one: D, T, 3·D; null if there is none.</summary>
    public string? Named(Dim size) => NamedDim(size)?.ToString();

    private Dim? NamedDim(Dim size)
    {
        var normalised = Normalise(size);
        if (normalised.IsConst) return normalised;
        foreach (var (name, _, named) in Ordered)
            if (named.Equals(normalised)) return Dim.Symbol(name);
        foreach (var (name, _, named) in Ordered)
            if (!named.IsConst && normalised.Over(named) is { IsConst: true } times) return times * Dim.Symbol(name);
        return null;
    }

    private (string Name, Dim Declared, Dim Normal)[] Ordered => ordered ??= [.. names.Select(n => (n.Name, n.Size, Normalise(n.Size)))];

    // products that stand for more than themselves, those of most factors first
    private (string Name, Dim Declared, Dim Normal)[] Greedy => greedy ??= [.. Ordered.OrderByDescending(n => n.Normal.Degree)
        .Where(n => !n.Normal.IsConst && n.Normal.IsTerm && !IsDeclared(n.Normal) && !n.Normal.Equals(Dim.Symbol(n.Name)))];

    /// <summary>The size in the author's words: D rather than H·(D / H), T rather than N + 1, 3·D rather than 3·H·(D / H).</summary>
    public string Show(Dim size) => shown.TryGetValue(size, out var text) ? text : shown[size] = WithoutPlaces(Fraction(size) ?? InNames(size).ToString());

    // half of a named size is E / 2, not twice the quotient that a fact declares
    private string? Fraction(Dim size)
    {
        var normalised = Normalise(size);
        if (NamedDim(size) is not null || !normalised.Symbols.Any(s => s.Contains(" / "))) return null;
        (string Name, long Parts)? least = null;
        foreach (var (name, _, named) in Ordered)
            if (named.Over(normalised) is { Number: > 1 and var parts } && (least is null || parts < least.Value.Parts)) least = (name, parts);
        return least is { } whole ? $"{whole.Name} / {whole.Parts.ToString(System.Globalization.CultureInfo.InvariantCulture)}" : null;
    }

    /// <summary>The size as C# over the author's names.</summary>
    public string Code(Dim size) => coded.TryGetValue(size, out var text) ? text : coded[size] = Measured(InNames(size).Code(Written(Identifier.EscapedAll)));

    /// <summary>The size as an attribute says it, over the author's names.</summary>
    public string Text(Dim size) => texts.TryGetValue(size, out var text) ? text : texts[size] = InNames(Widest(size)).Code(Written(s => s));

    // what messages show of a quotient, D / (2·H), is no C#: then from its numerator and denominator, as they were declared
    private System.Func<string, string> Written(System.Func<string, string> names)
        => symbol => symbol.IndexOfAny(Signs) >= 0 && Quotient(symbol) is var (numerator, denominator) ? $"{Bracketed(numerator.Code(Written(names)))} / {Bracketed(denominator.Code(Written(names)))}" : names(symbol);

    private static readonly char[] Signs = ['·', '²', '³', '^'];

    /// <summary>The size over the author's names.</summary>
    public Dim InNames(Dim size) => NamedDim(size) ?? Normalise(size).Terms.Aggregate(Dim.Zero, (sum, term) => sum + TermInNames(term));

    // P itself rather than a member that merely repeats it
    private bool IsDeclared(Dim size) => names.Any(n => size.Equals(Dim.Symbol(n.Name)) && n.Size.Equals(size));

    private Dim TermInNames(Dim term)                                            // greedy: the names that stand for most factors first
    {
        foreach (var (name, _, factor) in Greedy)
            if (term.Over(factor) is { } rest) return TermInNames(rest) * Dim.Symbol(name);
        return term;
    }
}
