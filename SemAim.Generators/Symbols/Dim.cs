using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>A size: a polynomial with integer coefficients over positive whole symbols, in normal form, so that equality is structural.</summary>
/// <remarks>
/// The normal form is a list of terms sorted by monomial, without zero coefficients; a monomial is its factors in ordinal order. Sizes are made and compared
/// by the ten thousand while a project is compiled, so these operations are plain loops.
/// </remarks>
public sealed class Dim : IEquatable<Dim>
{
    private const int MostTerms = 64;
    private static readonly string[] NoFactors = [];

    /// <summary>0.</summary>
    public static readonly Dim Zero = new([]);

    /// <summary>1.</summary>
    public static readonly Dim One = new([new(NoFactors, 1)]);

    private readonly Term[] terms;
    private readonly int hash;
    private string? shown;

    private Dim(Term[] terms)
    {
        this.terms = terms;
        var h = 17;
        foreach (var t in terms)
        {
            h = unchecked(h * 31 + t.Coefficient.GetHashCode());
            foreach (var f in t.Factors) h = unchecked(h * 31 + f.GetHashCode());
        }
        hash = h;
    }

    private readonly struct Term(string[] factors, long coefficient)
    {
        public string[] Factors { get; } = factors;
        public long Coefficient { get; } = coefficient;
    }

    /// <summary>A number.</summary>
    public static Dim Const(long value) => value == 0 ? Zero : value == 1 ? One : new([new(NoFactors, value)]);

    /// <summary>A symbol.</summary>
    public static Dim Symbol(string name) => new([new([name], 1)]);

    /// <summary>A number.</summary>
    public static implicit operator Dim(long value) => Const(value);

    /// <summary>True for a number.</summary>
    public bool IsConst => terms.Length == 0 || terms.Length == 1 && terms[0].Factors.Length == 0;

    /// <summary>True for a product, with or without a number.</summary>
    public bool IsTerm => terms.Length == 1;

    /// <summary>Factors of the longest term.</summary>
    public int Degree
    {
        get
        {
            var degree = 0;
            foreach (var t in terms) degree = Math.Max(degree, t.Factors.Length);
            return degree;
        }
    }

    /// <summary>The terms of the sum, highest powers first.</summary>
    public IEnumerable<Dim> Terms => terms.Length == 1 ? [this] : terms.OrderByDescending(t => t.Factors.Length).Select(t => new Dim([t]));

    /// <summary>The symbols that occur.</summary>
    public IReadOnlyList<string> Symbols
    {
        get
        {
            var symbols = new List<string>();
            foreach (var t in terms)
                foreach (var f in t.Factors)
                    if (!symbols.Contains(f)) symbols.Add(f);
            return symbols;
        }
    }

    /// <summary>True where a symbol occurs.</summary>
    public bool Has(string symbol)
    {
        foreach (var t in terms)
            foreach (var f in t.Factors)
                if (f == symbol) return true;
        return false;
    }

    /// <summary>The number, or null where symbols occur.</summary>
    public long? Number => terms.Length == 0 ? 0 : IsConst ? terms[0].Coefficient : null;

    /// <summary>True if no sizes of at least 1 make the value negative; false means unknown.</summary>
    public bool IsNeverNegative => IsNeverNegativeFrom(_ => 1);

    /// <summary>True if no admissible sizes make the value negative; false means unknown.</summary>
    /// <remarks>With each symbol written as its least value and a rest that is not negative, no term may be negative: S·q − S is S·(q − 1).</remarks>
    /// <param name="least">the least value of a symbol, or null where it has none</param>
    public bool IsNeverNegativeFrom(Func<string, long?> least)
    {
        foreach (var t in terms)
            foreach (var f in t.Factors)
                if (least(f) is null) return false;
        foreach (var t in Substitute(s => Symbol(s) + least(s)!.Value).terms)
            if (t.Coefficient < 0) return false;
        return true;
    }

    /// <summary>Sum.</summary>
    public static Dim operator +(Dim a, Dim b)
    {
        if (a.terms.Length == 0) return b;
        if (b.terms.Length == 0) return a;
        var sum = new List<Term>(a.terms.Length + b.terms.Length);
        var (i, k) = (0, 0);
        while (i < a.terms.Length || k < b.terms.Length)
        {
            var order = i == a.terms.Length ? 1 : k == b.terms.Length ? -1 : Compare(a.terms[i].Factors, b.terms[k].Factors);
            if (order < 0) sum.Add(a.terms[i++]);
            else if (order > 0) sum.Add(b.terms[k++]);
            else
            {
                var coefficient = unchecked(a.terms[i].Coefficient + b.terms[k].Coefficient);
                if (coefficient != 0) sum.Add(new(a.terms[i].Factors, coefficient));
                i++;
                k++;
            }
        }
        return sum.Count == 0 ? Zero : new([.. sum]);
    }

    /// <summary>Difference.</summary>
    public static Dim operator -(Dim a, Dim b) => a + b * -1;

    /// <summary>Product.</summary>
    public static Dim operator *(Dim a, Dim b)
    {
        if (a.terms.Length == 0 || b.terms.Length == 0) return Zero;
        if (ReferenceEquals(a, One)) return b;
        if (ReferenceEquals(b, One)) return a;
        var product = new List<Term>(a.terms.Length * b.terms.Length);
        foreach (var x in a.terms)
            foreach (var y in b.terms) product.Add(new(Merge(x.Factors, y.Factors), unchecked(x.Coefficient * y.Coefficient)));
        return Collect(product);
    }

    /// <summary>The exact quotient, or null where there is none: by a single term where all terms are multiples of it, by a sum term by term, the highest first.</summary>
    public Dim? Over(Dim divisor)
    {
        if (Equals(divisor)) return One;
        if (divisor.terms.Length != 1) return divisor.terms.Length == 0 ? null : OverSum(divisor);
        var by = divisor.terms[0];
        var result = new List<Term>(terms.Length);
        foreach (var term in terms)
        {
            if (term.Coefficient % by.Coefficient != 0 || Without(term.Factors, by.Factors) is not { } rest) return null;
            result.Add(new(rest, term.Coefficient / by.Coefficient));
        }
        return Collect(result);
    }

    // each step takes the highest power away: of a multiple nothing is left
    private Dim? OverSum(Dim divisor)
    {
        var (lead, quotient, rest) = (divisor.Terms.First(), Zero, this);
        for (var steps = 0; rest.terms.Length > 0; steps++)
        {
            if (steps > MostTerms || rest.terms.Length > MostTerms || rest.Terms.First().Over(lead) is not { } next) return null;
            quotient += next;
            rest -= next * divisor;
        }
        return quotient;
    }

    /// <summary>What decides whether this is a multiple of a term: without the terms that are one. S - P is a multiple of P where S is.</summary>
    public Dim Modulo(Dim divisor)
    {
        if (divisor.terms.Length != 1) return this;
        var rest = Collect([.. terms.Where(t => new Dim([t]).Over(divisor) is null)]);
        return rest.terms.Length > 0 && rest.terms.All(t => t.Coefficient < 0) ? rest * -1 : rest;
    }

    // what is left of sorted factors, or null where some are not among them
    private static string[]? Without(string[] factors, string[] taken)
    {
        if (taken.Length == 0) return factors;
        if (taken.Length > factors.Length) return null;
        var rest = new string[factors.Length - taken.Length];
        var (kept, next) = (0, 0);
        foreach (var f in factors)
        {
            if (next < taken.Length && f == taken[next]) { next++; continue; }
            if (kept == rest.Length) return null;
            rest[kept++] = f;
        }
        return next == taken.Length ? rest : null;
    }

    /// <summary>Puts sizes in the place of symbols; null keeps the symbol.</summary>
    public Dim Substitute(Func<string, Dim?> replacement)
    {
        var sum = Zero;
        var changed = false;
        foreach (var t in terms)
        {
            var product = Const(t.Coefficient);
            foreach (var f in t.Factors)
            {
                var by = replacement(f);
                changed |= by is not null;
                product *= by ?? Symbol(f);
            }
            sum += product;
        }
        return changed ? sum : this;
    }

    /// <summary>The number for given symbols; throws where it does not fit 64 bits.</summary>
    public long Evaluate(Func<string, long> value)
    {
        var sum = 0L;
        foreach (var t in terms)
        {
            var product = t.Coefficient;
            foreach (var f in t.Factors) product = checked(product * value(f));
            sum = checked(sum + product);
        }
        return sum;
    }

    /// <inheritdoc />
    public bool Equals(Dim? other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (other is null || hash != other.hash || terms.Length != other.terms.Length) return false;
        for (var i = 0; i < terms.Length; i++)
            if (terms[i].Coefficient != other.terms[i].Coefficient || Compare(terms[i].Factors, other.terms[i].Factors) != 0) return false;
        return true;
    }

    /// <inheritdoc />
    public override bool Equals(object? other) => Equals(other as Dim);

    /// <inheritdoc />
    public override int GetHashCode() => hash;

    // highest powers first, but never a minus in front where there is something to subtract from: S - P
    private IEnumerable<Term> Written
    {
        get
        {
            var ordered = terms.OrderByDescending(t => t.Factors.Length).ToList();
            return ordered[0].Coefficient < 0 ? ordered.OrderBy(t => t.Coefficient < 0) : ordered;
        }
    }

    /// <summary>The polynomial with the highest powers first: <c>3·D</c>, <c>4·D² + 4·D</c>, <c>N + 1</c>.</summary>
    public override string ToString() => shown ??= Text();

    private string Text()
    {
        if (terms.Length == 0) return "0";
        var text = "";
        foreach (var term in Written)
        {
            var size = Math.Abs(term.Coefficient);
            var factors = term.Factors.GroupBy(f => f).Select(g => (terms.Length + term.Factors.Length > 2 || size > 1) && g.Key.Contains(" ") ? (Text: $"({g.Key})", Power: g.Count()) : (Text: g.Key, Power: g.Count()))
                .Select(f => f.Text + f.Power switch { 1 => "", 2 => "²", 3 => "³", var n => "^" + n.ToString(CultureInfo.InvariantCulture) });
            var parts = size == 1 && term.Factors.Length > 0 ? factors : new[] { size.ToString(CultureInfo.InvariantCulture) }.Concat(factors);
            text += (text == "" ? term.Coefficient < 0 ? "-" : "" : term.Coefficient < 0 ? " - " : " + ") + string.Join("·", parts);
        }
        return text;
    }

    /// <summary>The size as C#; each symbol as <paramref name="symbol"/> says it.</summary>
    public string Code(Func<string, string> symbol)
    {
        if (terms.Length == 0) return "0";
        var text = "";
        foreach (var term in Written)
        {
            var size = Math.Abs(term.Coefficient);
            var factors = term.Factors.Select(f => symbol(f) is var s && s.Contains(' ') && (term.Factors.Length > 1 || size > 1 || terms.Length > 1) ? $"({s})" : s);
            var parts = size == 1 && term.Factors.Length > 0 ? factors : new[] { size.ToString(CultureInfo.InvariantCulture) }.Concat(factors);
            text += (text == "" ? term.Coefficient < 0 ? "-" : "" : term.Coefficient < 0 ? " - " : " + ") + string.Join(" * ", parts);
        }
        return text;
    }

    private static string[] Merge(string[] a, string[] b)
    {
        if (a.Length == 0) return b;
        if (b.Length == 0) return a;
        var all = new string[a.Length + b.Length];
        var (i, k) = (0, 0);
        for (var n = 0; n < all.Length; n++) all[n] = k == b.Length || i < a.Length && string.CompareOrdinal(a[i], b[k]) <= 0 ? a[i++] : b[k++];
        return all;
    }

    private static Dim Collect(List<Term> terms)
    {
        if (terms.Count > 1) terms.Sort(static (x, y) => Compare(x.Factors, y.Factors));
        var result = new List<Term>(terms.Count);
        foreach (var term in terms)
        {
            if (result.Count > 0 && Compare(result[result.Count - 1].Factors, term.Factors) == 0)
            {
                var sum = unchecked(result[result.Count - 1].Coefficient + term.Coefficient);
                result.RemoveAt(result.Count - 1);
                if (sum != 0) result.Add(new(term.Factors, sum));
            }
            else if (term.Coefficient != 0)
            {
                result.Add(term);
            }
        }
        return result.Count == 0 ? Zero : new([.. result]);
    }

    private static int Compare(string[] a, string[] b)
    {
        if (ReferenceEquals(a, b)) return 0;
        for (var i = 0; i < a.Length && i < b.Length; i++)
            if (!ReferenceEquals(a[i], b[i]) && string.CompareOrdinal(a[i], b[i]) is not 0 and var order) return order;
        return a.Length - b.Length;
    }
}
