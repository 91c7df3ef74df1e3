using System.Globalization;

namespace SemAim.RandomModules;

/// <summary>A size as the generator of modules thinks of it: a polynomial of names, and its values at a few large points, at which two sizes agree only where they are equal.</summary>
internal sealed class Size
{
    internal const int Points = 12;

    private readonly SortedDictionary<string, long> terms;           // the names of a monomial, joined by *, and its coefficient; "" is the number
    private readonly bool hasText;

    private Size(SortedDictionary<string, long> terms, long[] values, long least, bool hasText) => (this.terms, Values, Least, this.hasText) = (terms, values, least, hasText);

    internal static Size Of(long number) => new(number == 0 ? [] : new() { [""] = number }, [.. Enumerable.Repeat(number, Points)], number, hasText: true);

    /// <summary>A name with its values.</summary>
    internal static Size Named(string name, long[] values, long least = 1) => new(new(StringComparer.Ordinal) { [name] = 1 }, values, least, hasText: true);

    /// <summary>A size that nobody has a name for.</summary>
    internal static Size Nameless(long[] values, long least = 1) => new([], values, least, hasText: false);

    internal long[] Values { get; }

    /// <summary>No admissible size is smaller.</summary>
    internal long Least { get; }

    internal bool IsNumber => hasText && terms.Count <= 1 && (terms.Count == 0 || terms.ContainsKey(""));

    /// <summary>One name alone.</summary>
    internal bool IsName => hasText && terms.Count == 1 && terms.First() is { Value: 1 } term && term.Key.Length > 0 && !term.Key.Contains('*') && !term.Key.Contains('/');

    /// <summary>The size can be written, in contracts as in C#.</summary>
    internal bool IsWritable => hasText;

    /// <summary>As contracts and C# write it: <c>3*P*P</c>, <c>N+1</c>.</summary>
    internal string Text
    {
        get
        {
            if (!hasText) throw new InvalidOperationException("a size without a name is not written");
            var text = "";
            foreach (var (names, factor) in terms.OrderByDescending(t => t.Value > 0).ThenBy(t => t.Key.Length == 0).ThenBy(t => t.Key, StringComparer.Ordinal))
            {
                var number = Math.Abs(factor).ToString(CultureInfo.InvariantCulture);
                var term = names.Length == 0 ? number : number == "1" ? names : names.Contains('/') ? names + "*" + number : number + "*" + names;
                text += (factor < 0 ? "-" : text.Length > 0 ? "+" : "") + term;
            }
            return text.Length == 0 ? "0" : text;
        }
    }

    internal bool Is(Size other) => Values.SequenceEqual(other.Values);

    /// <summary>The other size goes into it without a rest.</summary>
    internal bool IsMultipleOf(Size other) => Values.Zip(other.Values).All(v => v.Second != 0 && v.First % v.Second == 0);

    /// <summary>The quotient of an exact division, without a name.</summary>
    internal Size Over(Size other) => Nameless([.. Values.Zip(other.Values, (a, b) => a / b)]);

    /// <summary>The same polynomial of other sizes; null where a name has none.</summary>
    internal Size? With(Func<string, Size?> named)
    {
        if (!hasText) return null;
        var sum = Of(0);
        foreach (var (names, factor) in terms)
        {
            var product = Of(factor);
            foreach (var name in names.Split('*', StringSplitOptions.RemoveEmptyEntries))
            {
                if (named(name) is not { } size) return null;
                product *= size;
            }
            sum += product;
        }
        return sum;
    }

    internal Size AtLeast(long least) => new(terms, Values, least, hasText);

    public static Size operator +(Size a, Size b) => Sum(a, b, 1);

    public static Size operator -(Size a, Size b) => Sum(a, b, -1);

    public static Size operator *(Size a, Size b)
    {
        var terms = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (x, i) in a.terms)
            foreach (var (y, j) in b.terms)
            {
                var names = string.Join('*', x.Split('*', StringSplitOptions.RemoveEmptyEntries).Concat(y.Split('*', StringSplitOptions.RemoveEmptyEntries)).Order(StringComparer.Ordinal));
                terms[names] = terms.GetValueOrDefault(names) + i * j;
            }
        return new(terms, [.. a.Values.Zip(b.Values, (x, y) => x * y)], a.Least * b.Least, a.hasText && b.hasText);
    }

    private static Size Sum(Size a, Size b, int sign)
    {
        var terms = new SortedDictionary<string, long>(a.terms, StringComparer.Ordinal);
        foreach (var (names, factor) in b.terms)
        {
            var sum = terms.GetValueOrDefault(names) + sign * factor;
            if (sum == 0) terms.Remove(names);
            else terms[names] = sum;
        }
        // of a difference nothing is known but where a number is taken away
        var least = sign > 0 ? a.Least + b.Least : b.IsNumber ? a.Least - b.Least : 0;
        return new(terms, [.. a.Values.Zip(b.Values, (x, y) => x + sign * y)], least, a.hasText && b.hasText);
    }

    public override string ToString() => hasText ? Text : "?";
}
