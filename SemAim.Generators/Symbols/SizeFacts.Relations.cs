using System;
using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>Equations and inequalities between sizes, as the module declares them.</summary>
public sealed partial class SizeFacts
{
    private const int MostRewrites = 64;

    private readonly List<Dim> zeros = [];
    private readonly List<Dim> slacks = [];
    private readonly Dictionary<string, long?> least = [];

    /// <summary>Records that a polynomial is 0 for all admissible sizes.</summary>
    /// <remarks>
    /// An equation that says what a size is (N == G*G) eliminates it, as a quotient does: then 3·N is a multiple of 3·G. That the size is positive stays known.
    /// </remarks>
    public void RequireZero(Dim polynomial)
    {
        if (Solved(Normalise(polynomial)) is var (symbol, size))
        {
            definitions[symbol] = size;
            slacks.Add(size - 1);
            Forget();
            return;
        }
        zeros.Add(polynomial);
        slacks.Add(polynomial);
        slacks.Add(polynomial * -1);
        least.Clear();
    }

    // the declared size that stands alone in one term, and what it is
    private (string Symbol, Dim Size)? Solved(Dim zero)
    {
        foreach (var term in zero.Terms.Where(t => t.Symbols.Count == 1 && t.Degree == 1))
        {
            var (symbol, factor) = (term.Symbols[0], term.Evaluate(_ => 1));
            if (Math.Abs(factor) != 1 || Quotient(symbol) is not null || (zero - term).Has(symbol) || !names.Any(n => n.Name == symbol && n.Size.Equals(Dim.Symbol(symbol)))) continue;
            return (symbol, (zero - term) * -factor);
        }
        return null;
    }

    /// <summary>Records that a polynomial is never negative.</summary>
    public void RequireNeverNegative(Dim polynomial)
    {
        slacks.Add(polynomial);
        least.Clear();
    }

    /// <summary>True if no admissible sizes make the value negative: by its coefficients, or by one or two of the declared inequalities.</summary>
    public bool IsNeverNegative(Dim value)
    {
        var normalised = Normalise(value);
        if (normalised.IsNeverNegativeFrom(Least)) return true;
        for (var i = 0; i < slacks.Count; i++)
        {
            var rest = Normalise(normalised - slacks[i]);
            if (rest.IsNeverNegativeFrom(Least)) return true;
            // 4·G - 8 says that G - 2 is not negative
            var slack = Normalise(slacks[i]);
            foreach (var factor in slack.Terms.Select(t => Math.Abs(t.Evaluate(_ => 1))).Where(c => c > 1).Distinct())
                if ((normalised * factor - slack).IsNeverNegativeFrom(Least)) return true;
            for (var k = i; k < slacks.Count; k++)
                if (Normalise(rest - slacks[k]).IsNeverNegativeFrom(Least)) return true;
        }
        return false;
    }

    /// <summary>The least value of a symbol; null for a quotient that may be negative, such as (S - 3) / 2 where nothing says that S is at least 3.</summary>
    private long? Least(string symbol)
    {
        if (quotients.Count == 0 || Quotient(symbol) is not var (numerator, _)) return 1;
        if (numerator.Equals(Dim.Symbol(numerator.Symbols.FirstOrDefault() ?? ""))) return 1;                        // a size, and a multiple of another
        if (least.TryGetValue(symbol, out var known)) return known;
        least[symbol] = null;                                                                                        // until it is known, it proves nothing
        return least[symbol] = IsNeverNegative(numerator - 1) ? 1 : IsNeverNegative(numerator) ? 0 : null;
    }

    /// <summary>True if the value is negative where every free size is 1, and these sizes are admissible.</summary>
    public bool IsNegativeAtOnes(Dim value)
        => Normalise(value).Evaluate(_ => 1) < 0 && zeros.All(z => Normalise(z).Evaluate(_ => 1) == 0) && slacks.All(s => Normalise(s).Evaluate(_ => 1) >= 0);

    /// <summary>True where an equation is declared: then two sizes with different normal forms may still be equal.</summary>
    public bool HasEquations => zeros.Count > 0;

    // rewrites by the leading terms of the equations (highest degree first, so it ends); sound, and complete for what authors declare
    private Dim Reduce(Dim difference)
    {
        for (var n = 0; n < MostRewrites; n++)
        {
            if (difference.Equals(Dim.Zero)) return difference;
            var next = zeros.Select(Normalise).Where(z => !z.Equals(Dim.Zero)).Select(z => Rewrite(difference, z)).FirstOrDefault(d => d is not null);
            if (next is null) return difference;
            difference = next;
        }
        return difference;
    }

    private static Dim? Rewrite(Dim difference, Dim zero)
    {
        var lead = zero.Terms.First();
        var scale = Math.Abs(lead.Evaluate(_ => 1));
        foreach (var term in difference.Terms)
            if ((term * scale).Over(lead) is { } times) return difference * scale - times * zero;
        return null;
    }
}
