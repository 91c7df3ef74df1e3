using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>A size: a polynomial with integer coefficients over positive whole symbols, in normal form, so that equality is structural.</summary>
/// <remarks>The normal form is a list of terms sorted by monomial, without zero coefficients; a monomial is its factors in ordinal order.</remarks>
public sealed class Dim : IEquatable<Dim>
{
    /// <summary>0.</summary>
    public static readonly Dim Zero = new([]);

    /// <summary>1.</summary>
    public static readonly Dim One = Const(1);

    private readonly Term[] terms;

    private Dim(Term[] terms) => this.terms = terms;

    private readonly struct Term(string[] factors, long coefficient)
    {
        public string[] Factors { get; } = factors;
        public long Coefficient { get; } = coefficient;
    }

    /// <summary>A number.</summary>
    public static Dim Const(long value) => value == 0 ? Zero : new([new([], value)]);

    /// <summary>A symbol.</summary>
    public static Dim Symbol(string name) => new([new([name], 1)]);

    /// <summary>A number.</summary>
    public static implicit operator Dim(long value) => Const(value);

    /// <summary>True for a number.</summary>
    public bool IsConst => terms.Length == 0 || terms.Length == 1 && terms[0].Factors.Length == 0;

    /// <summary>The terms of the sum, highest powers first.</summary>
    public IEnumerable<Dim> Terms => terms.OrderByDescending(t => t.Factors.Length).Select(t => new Dim([t]));

    /// <summary>The symbols that occur.</summary>
    public IEnumerable<string> Symbols => terms.SelectMany(t => t.Factors).Distinct();

    /// <summary>The number, or null where symbols occur.</summary>
    public long? Number => terms.Length == 0 ? 0 : IsConst ? terms[0].Coefficient : null;

    /// <summary>True if no admissible sizes (all at least 1) make the value negative; false means unknown.</summary>
    /// <remarks>With every symbol at its least value 1 the polynomial must not be negative, and no term may pull it down from there.</remarks>
    public bool IsNeverNegative => terms.Where(t => t.Factors.Length > 0).All(t => t.Coefficient > 0) && terms.Sum(t => t.Coefficient) >= 0;

    /// <summary>Sum.</summary>
    public static Dim operator +(Dim a, Dim b) => Collect(a.terms.Concat(b.terms));

    /// <summary>Difference.</summary>
    public static Dim operator -(Dim a, Dim b) => a + b * -1;

    /// <summary>Product.</summary>
    public static Dim operator *(Dim a, Dim b) => Collect(from x in a.terms from y in b.terms select new Term(Merge(x.Factors, y.Factors), x.Coefficient * y.Coefficient));

    /// <summary>The exact quotient by a single term, or null where some term of the dividend is not a multiple of it.</summary>
    public Dim? Over(Dim divisor)
    {
        if (Equals(divisor)) return One;
        if (divisor.terms.Length != 1) return null;
        var by = divisor.terms[0];
        var result = new List<Term>();
        foreach (var term in terms)
        {
            var rest = term.Factors.ToList();
            if (term.Coefficient % by.Coefficient != 0 || !by.Factors.All(rest.Remove)) return null;
            result.Add(new([.. rest], term.Coefficient / by.Coefficient));
        }
        return Collect(result);
    }

    /// <summary>Puts sizes in the place of symbols; null keeps the symbol.</summary>
    public Dim Substitute(Func<string, Dim?> replacement)
        => terms.Aggregate(Zero, (sum, t) => sum + t.Factors.Aggregate(Const(t.Coefficient), (product, f) => product * (replacement(f) ?? Symbol(f))));

    /// <summary>The number for given symbols; throws where it does not fit 64 bits.</summary>
    public long Evaluate(Func<string, long> value) => terms.Sum(t => t.Factors.Aggregate(t.Coefficient, (product, f) => checked(product * value(f))));

    /// <inheritdoc />
    public bool Equals(Dim? other)
        => other is not null && terms.Length == other.terms.Length && terms.Zip(other.terms, (a, b) => a.Coefficient == b.Coefficient && a.Factors.SequenceEqual(b.Factors)).All(same => same);

    /// <inheritdoc />
    public override bool Equals(object? other) => Equals(other as Dim);

    /// <inheritdoc />
    public override int GetHashCode() => terms.Aggregate(17, (h, t) => t.Factors.Aggregate(h * 31 + t.Coefficient.GetHashCode(), (g, f) => g * 31 + f.GetHashCode()));

    /// <summary>The polynomial with the highest powers first: <c>3·D</c>, <c>4·D² + 4·D</c>, <c>N + 1</c>.</summary>
    public override string ToString()
    {
        if (terms.Length == 0) return "0";
        var text = "";
        foreach (var term in terms.OrderByDescending(t => t.Factors.Length))
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
        foreach (var term in terms.OrderByDescending(t => t.Factors.Length))
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
        var all = a.Concat(b).ToArray();
        Array.Sort(all, StringComparer.Ordinal);
        return all;
    }

    private static Dim Collect(IEnumerable<Term> terms)
    {
        var sorted = terms.ToArray();
        Array.Sort(sorted, (x, y) => Compare(x.Factors, y.Factors));
        var result = new List<Term>(sorted.Length);
        foreach (var term in sorted)
        {
            if (result.Count > 0 && Compare(result[result.Count - 1].Factors, term.Factors) == 0)
            {
                var sum = result[result.Count - 1].Coefficient + term.Coefficient;
                result.RemoveAt(result.Count - 1);
                if (sum != 0) result.Add(new(term.Factors, sum));
            }
            else if (term.Coefficient != 0)
            {
                result.Add(term);
            }
        }
        return new([.. result]);
    }

    private static int Compare(string[] a, string[] b)
    {
        for (var i = 0; i < a.Length && i < b.Length; i++)
            if (string.CompareOrdinal(a[i], b[i]) is not 0 and var order) return order;
        return a.Length - b.Length;
    }
}
