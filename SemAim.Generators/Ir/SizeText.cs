using System.Globalization;

namespace SemAim.Generators.Ir;

/// <summary>Sizes written in texts: <c>3*P*P</c>, <c>N + 1</c>, <c>D / H</c>.</summary>
public static class SizeText
{
    /// <summary>The expression, or null where the text is none.</summary>
    public static Expr? Parse(string text, int id = 0)
    {
        var at = 0;
        var result = Sum(text, ref at, id);
        Skip(text, ref at);
        return at == text.Length ? result : null;
    }

    private static Expr? Sum(string text, ref int at, int id)
    {
        var left = Product(text, ref at, id);
        for (Skip(text, ref at); left is not null && at < text.Length && text[at] is '+' or '-'; Skip(text, ref at))
        {
            var sign = text[at++].ToString();
            left = Product(text, ref at, id) is { } right ? new Expr.Binary(id, sign, left, right) : null;
        }
        return left;
    }

    private static Expr? Product(string text, ref int at, int id)
    {
        var left = Atom(text, ref at, id);
        for (Skip(text, ref at); left is not null && at < text.Length && text[at] is '*' or '/'; Skip(text, ref at))
        {
            var sign = text[at++].ToString();
            left = Atom(text, ref at, id) is { } right ? new Expr.Binary(id, sign, left, right) : null;
        }
        return left;
    }

    private static Expr? Atom(string text, ref int at, int id)
    {
        Skip(text, ref at);
        if (at < text.Length && text[at] == '(')
        {
            at++;
            var inner = Sum(text, ref at, id);
            Skip(text, ref at);
            if (at >= text.Length || text[at] != ')') return null;
            at++;
            return inner;
        }
        var start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_')) at++;
        if (at == start) return null;
        var token = text.Substring(start, at - start);
        while (at < text.Length && text[at] == '\'') at++;                  // G' has the size of G
        if (char.IsDigit(token[0])) return long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? new Expr.Int(id, n) : null;
        return new Expr.Size(id, token);
    }

    private static void Skip(string text, ref int at)
    {
        while (at < text.Length && text[at] == ' ') at++;
    }
}
