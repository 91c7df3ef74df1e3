using System.Globalization;

namespace SemAim.Dsl;

/// <summary>Evaluates what the compiler published about sizes: whole numbers, names, <c>+ - * /</c> and parentheses.</summary>
internal static class SizeExpression
{
    /// <summary>The number.</summary>
    /// <exception cref="FormatException">the text is no such expression</exception>
    internal static long Evaluate(string text, Func<string, long> size)
    {
        var at = 0;
        var value = Sum(text, ref at, size);
        return at == text.Length ? value : throw Malformed(text);
    }

    private static FormatException Malformed(string text) => new($"\"{text}\" is no size");

    private static char Next(string text, ref int at)
    {
        while (at < text.Length && text[at] == ' ') at++;
        return at < text.Length ? text[at] : '\0';
    }

    private static long Sum(string text, ref int at, Func<string, long> size)
    {
        var value = Product(text, ref at, size);
        while (Next(text, ref at) is '+' or '-')
            value = text[at++] == '+' ? checked(value + Product(text, ref at, size)) : checked(value - Product(text, ref at, size));
        return value;
    }

    private static long Product(string text, ref int at, Func<string, long> size)
    {
        var value = Atom(text, ref at, size);
        while (Next(text, ref at) is '*' or '/')
            value = text[at++] == '*' ? checked(value * Atom(text, ref at, size)) : value / Atom(text, ref at, size);
        return value;
    }

    private static long Atom(string text, ref int at, Func<string, long> size)
    {
        if (Next(text, ref at) == '(')
        {
            at++;
            var inner = Sum(text, ref at, size);
            if (Next(text, ref at) != ')') throw Malformed(text);
            at++;
            return inner;
        }
        var start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_')) at++;
        if (at == start) throw Malformed(text);
        var token = text[start..at];
        return char.IsDigit(token[0]) ? long.Parse(token, NumberStyles.None, CultureInfo.InvariantCulture) : size(token);
    }
}
