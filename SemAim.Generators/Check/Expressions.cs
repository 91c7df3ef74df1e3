using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Evaluates size expressions to polynomials.</summary>
public static class Expressions
{
    /// <summary>The polynomial, or null where a name is unknown or a quotient need not be whole.</summary>
    public static Dim? Evaluate(Expr e, Func<string, Dim?> size, Func<Dim, Dim, Dim?> divide, Func<Expr, Dim?>? other = null)
    {
        switch (e)
        {
            case Expr.Int n: return n.Value;
            case Expr.Size s: return size(s.Name);
            case Expr.Negate n: return Evaluate(n.Operand, size, divide, other) is { } v ? v * -1 : null;
            case Expr.Binary b:
                if (Evaluate(b.Left, size, divide, other) is not { } left || Evaluate(b.Right, size, divide, other) is not { } right) return null;
                return b.Operator switch { "+" => left + right, "-" => left - right, "*" => left * right, "/" => divide(left, right), _ => null };
            default: return other?.Invoke(e);
        }
    }

    /// <summary>The number, or null where a name has none, a quotient is not whole or the result does not fit.</summary>
    public static long? Number(Expr e, Func<string, long?> size)
    {
        switch (e)
        {
            case Expr.Int n: return n.Value;
            case Expr.Size s: return size(s.Name);
            case Expr.Negate n: return -Number(n.Operand, size);
            case Expr.Binary b:
                if (Number(b.Left, size) is not { } x || Number(b.Right, size) is not { } y) return null;
                try { return b.Operator switch { "+" => checked(x + y), "-" => checked(x - y), "*" => checked(x * y), "/" when y != 0 && x % y == 0 => x / y, _ => null }; }
                catch (OverflowException) { return null; }
            default: return null;
        }
    }

    /// <summary>Names in a text of sizes such as <c>^K..N - 1</c>.</summary>
    public static IEnumerable<string> Names(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var from = i;
            while (i < text.Length && (char.IsLetterOrDigit(text[i]) || text[i] == '_')) i++;
            if (i > from && !char.IsDigit(text[from])) yield return text.Substring(from, i - from);
        }
    }

    /// <summary>The text with other names.</summary>
    public static string Rename(string text, Func<string, string> name)
    {
        var written = new System.Text.StringBuilder();
        for (var i = 0; i < text.Length;)
        {
            var from = i;
            while (i < text.Length && (char.IsLetterOrDigit(text[i]) || text[i] == '_')) i++;
            var word = text.Substring(from, i - from);
            written.Append(word.Length > 0 && !char.IsDigit(word[0]) ? name(word) : word);
            if (i < text.Length) written.Append(text[i++]);
        }
        return written.ToString();
    }

    /// <summary>Names of sizes in an expression.</summary>
    public static IEnumerable<string> SizeNames(Expr e) => e switch
    {
        Expr.Size s => [s.Name],
        Expr.Binary b => SizeNames(b.Left).Concat(SizeNames(b.Right)),
        Expr.Negate n => SizeNames(n.Operand),
        _ => [],
    };
}

/// <summary>Finds the name that was probably meant.</summary>
public static class Nearest
{
    /// <summary><c> (did you mean `H`?)</c>, or nothing.</summary>
    public static string Suggest(string name, IEnumerable<string> known) => Of(name, known) is { } best ? $" (did you mean `{best}`?)" : "";

    /// <summary>The nearest name, or null where none is near.</summary>
    public static string? Of(string name, IEnumerable<string> known)
    {
        var best = known.Select(k => (Name: k, Distance: Distance(name, k))).OrderBy(k => k.Distance).FirstOrDefault();
        // every letter is near every other
        return best.Name is not null && best.Distance <= (name.Length == 1 ? 0 : Math.Max(1, name.Length / 3)) ? best.Name : null;
    }

    // Damerau: a letter changed, too much, missing, or two neighbours swapped
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) d[0, j] = j;
        bool Same(int i, int j) => char.ToLowerInvariant(a[i]) == char.ToLowerInvariant(b[j]);
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
            {
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (Same(i - 1, j - 1) ? 0 : 1));
                if (i > 1 && j > 1 && Same(i - 1, j - 2) && Same(i - 2, j - 1)) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        return d[a.Length, b.Length];
    }
}
