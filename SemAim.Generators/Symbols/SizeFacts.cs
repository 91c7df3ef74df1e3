using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>What one module knows about its sizes: definitions (T = N + 1) and exact quotients (D % H == 0).</summary>
/// <remarks>
/// A quotient eliminates its numerator: D % H == 0 becomes D := H · «D / H», after which 3·D and 3·H·«D / H» have the same normal form.
/// A second quotient of the same numerator (D % 4 == 0) cannot be eliminated as well; it is remembered and answers that one division only.
/// </remarks>
public sealed partial class SizeFacts
{
    private readonly Dictionary<string, Dim> definitions = [];
    private readonly List<(Dim Numerator, Dim Denominator, Dim Quotient)> quotients = [];
    private readonly List<(string Name, Dim Size)> names = [];

    /// <summary>The size a name stands for, or null if the module does not know the name.</summary>
    public Dim? this[string name] => names.Where(n => n.Name == name).Select(n => Normalise(n.Size)).LastOrDefault();

    /// <summary>Names the module knows, in order of declaration.</summary>
    public IEnumerable<string> Names => names.Select(n => n.Name);

    /// <summary>Makes a symbol known.</summary>
    public void Declare(string symbol) => names.Add((symbol, Dim.Symbol(symbol)));

    /// <summary>Gives a size a name.</summary>
    public void Define(string name, Dim size) => names.Add((name, size));

    /// <summary>Records the fact that <paramref name="numerator"/> is a multiple of <paramref name="denominator"/>.</summary>
    public void RequireMultiple(Dim numerator, Dim denominator)
    {
        if (Divide(numerator, denominator) is not null) return;
        var quotient = Dim.Symbol($"{Bracketed(Show(numerator))} / {Bracketed(Show(denominator))}");
        quotients.Add((numerator, denominator, quotient));
        numerator = Normalise(numerator);
        if (numerator.Symbols.FirstOrDefault() is not { } symbol) return;
        if (numerator.Equals(Dim.Symbol(symbol)) && !denominator.Symbols.Contains(symbol) && !definitions.ContainsKey(symbol)) definitions[symbol] = denominator * quotient;
        else RequireZero(numerator - denominator * quotient);
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

    /// <summary>True where both are equal for all sizes that satisfy the facts.</summary>
    public bool Same(Dim a, Dim b) => Normalise(a - b) is var difference && (difference.Equals(Dim.Zero) || zeros.Count > 0 && Reduce(difference).Equals(Dim.Zero));

    /// <summary>The normal form under the facts.</summary>
    public Dim Normalise(Dim size)
    {
        while (size.Symbols.Any(definitions.ContainsKey)) size = size.Substitute(s => definitions.TryGetValue(s, out var d) ? d : null);
        return size;
    }

    /// <summary>The declared name of a size, or a multiple of one: D, T, 3·D; null if there is none.</summary>
    public string? Named(Dim size) => NamedDim(size)?.ToString();

    private Dim? NamedDim(Dim size)
    {
        var normal = Normalise(size);
        if (normal.IsConst) return normal;
        foreach (var (name, named) in names)
            if (Normalise(named).Equals(normal)) return Dim.Symbol(name);
        foreach (var (name, named) in names)
            if (!Normalise(named).IsConst && normal.Over(Normalise(named)) is { IsConst: true } times) return times * Dim.Symbol(name);
        return null;
    }

    /// <summary>The size in the author's words: D rather than H·(D / H), T rather than N + 1, 3·D rather than 3·H·(D / H).</summary>
    public string Show(Dim size) => Named(size) ?? Normalise(size).Terms.Aggregate(Dim.Zero, (sum, term) => sum + InNames(term)).ToString();

    /// <summary>The size as C# over the author's names.</summary>
    public string Code(Dim size)
    {
        var named = NamedDim(size) ?? Normalise(size).Terms.Aggregate(Dim.Zero, (sum, term) => sum + InNames(term));
        return named.Code(s => s);
    }

    // P itself rather than a member that merely repeats it
    private bool IsDeclared(Dim size) => names.Any(n => size.Equals(Dim.Symbol(n.Name)) && n.Size.Equals(size));

    private Dim InNames(Dim term)                                                // greedy: the names that stand for most factors first
    {
        foreach (var (name, named) in names.OrderByDescending(n => Normalise(n.Size).Symbols.Count()))
            if (Normalise(named) is { IsConst: false } factor && factor.Terms.Count() == 1 && !IsDeclared(factor) && !factor.Equals(Dim.Symbol(name)) && term.Over(factor) is { } rest) return InNames(rest) * Dim.Symbol(name);
        return term;
    }
}
