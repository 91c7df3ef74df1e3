using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>A name, number or primed name in a pattern, with its place in the text.</summary>
public readonly record struct Token(string Text, int Start, int Length);

/// <summary>An axis of a pattern: one token, several in a group, or a bracketed axis that the operation acts on.</summary>
public sealed record PatternAxis(IReadOnlyList<Token> Tokens, bool IsGroup, string? Bracket, int Start, int Length)
{
    /// <summary>True for <c>...</c>, which stands for any leading axes.</summary>
    public bool IsEllipsis => !IsGroup && Bracket is null && Tokens.Count == 1 && Tokens[0].Text == "...";

    /// <inheritdoc />
    public override string ToString()
    {
        if (Bracket is not null) return $"[{Bracket}]";
        var names = new List<string>();
        foreach (var t in Tokens) names.Add(t.Text);
        return IsGroup ? $"({string.Join(" ", names)})" : names[0];
    }
}

/// <summary>One side of a pattern such as <c>"B T (3 H E)"</c> or <c>"B [1..] D"</c>.</summary>
public sealed class Pattern
{
    private Pattern(IReadOnlyList<PatternAxis> axes) => Axes = axes;

    /// <summary>Axes in order.</summary>
    public IReadOnlyList<PatternAxis> Axes { get; }

    /// <summary>Begins with <c>...</c>.</summary>
    public bool HasEllipsis => Axes.Count > 0 && Axes[0].IsEllipsis;

    /// <summary>Parses one side of <paramref name="whole"/>; the error says what is wrong and where.</summary>
    public static Pattern Parse(string whole, int start, int end)
    {
        var axes = new List<PatternAxis>();
        for (var i = start; i < end; i++)
        {
            var c = whole[i];
            if (c == ' ') continue;
            if (c is '(' or '[')
            {
                var close = whole.IndexOf(c == '(' ? ')' : ']', i);
                if (close < 0 || close >= end) throw Malformed(whole, $"'{c}' is never closed", i, 1);
                if (c == '(')
                {
                    var tokens = Tokens(whole, i + 1, close);
                    if (tokens.Count == 0) throw Malformed(whole, "a group is empty", i, close - i + 1);
                    axes.Add(new(tokens, true, null, i, close - i + 1));
                }
                else
                {
                    var inside = whole.Substring(i + 1, close - i - 1).Trim();
                    if (inside.Length == 0) throw Malformed(whole, "a bracket is empty", i, close - i + 1);
                    axes.Add(new([], false, inside, i, close - i + 1));
                }
                i = close;
            }
            else if (c is ')' or ']')
            {
                throw Malformed(whole, $"'{c}' was never opened", i, 1);
            }
            else
            {
                var from = i;
                while (i < end && whole[i] is not (' ' or '(' or ')' or '[' or ']')) i++;
                var token = new Token(whole.Substring(from, i - from), from, i - from);
                if (token.Text == "..." ? axes.Count > 0 : !IsAtom(token.Text))
                    throw Malformed(whole, token.Text == "..." ? "'...' stands only at the beginning" : $"'{token.Text}' is no name, number or size{(token.Text[0] is '*' or '/' or '+' or '-' ? Named : "")}", from, token.Length);
                axes.Add(new([token], false, null, from, i - from));
                i--;
            }
        }
        return new(axes);
    }

    /// <summary>True for a text without an arrow that can be parsed.</summary>
    public static bool IsWellFormed(string text)
    {
        try { return Parse(text).Axes.Count >= 0; }
        catch (CheckFailure) { return false; }
    }

    /// <summary>True for axes alone, as [Shape] takes them.</summary>
    public static bool IsShape(string text)
    {
        try { return Parse(text).Axes.All(a => a is { IsGroup: false, Bracket: null }); }
        catch (CheckFailure) { return false; }
    }

    /// <summary>Parses a text without an arrow.</summary>
    public static Pattern Parse(string text) => Parse(text, 0, text.Length);

    /// <summary>Parses <c>left -> right</c>.</summary>
    public static (Pattern Left, Pattern Right) Sides(string text)
    {
        var arrow = text.IndexOf("->", StringComparison.Ordinal);
        if (arrow < 0) throw Malformed(text, "there is no '->'", 0, text.Length);
        var second = text.IndexOf("->", arrow + 2, StringComparison.Ordinal);
        if (second >= 0) throw Malformed(text, "there are two '->'", second, 2);
        var (left, right) = (Parse(text, 0, arrow), Parse(text, arrow + 2, text.Length));
        foreach (var side in new[] { left, right })
            foreach (var axis in side.Axes)
                if (axis.Bracket is not null) throw Malformed(text, "brackets have no meaning here", axis.Start, axis.Length);
                else RefuseMarks(text, axis);
        return (left, right);
    }

    /// <summary># says how a parameter may arrive; elsewhere it has no meaning.</summary>
    internal static void RefuseMarks(string text, PatternAxis axis)
    {
        foreach (var token in axis.Tokens)
            if (token.Text[0] == '#') throw Malformed(text, "'#' stands in [Shape] only", token.Start, 1);
    }

    internal static CheckFailure Malformed(string text, string what, int start, int length) => new("SEM0030", $"pattern \"{text}\": {what}", start, length);

    // arithmetic with brackets is C#'s
    private const string Named = "; give such a size a name, with an int member: `private int W => …`";

    private static List<Token> Tokens(string whole, int start, int end)
    {
        var tokens = new List<Token>();
        for (var i = start; i < end; i++)
        {
            if (whole[i] == ' ') continue;
            var from = i;
            while (i < end && whole[i] != ' ') i++;
            var text = whole.Substring(from, i - from);
            if (text.IndexOfAny(['(', '[', ']']) is >= 0 and var wrong) throw Malformed(whole, text[wrong] == '(' ? "groups do not nest" + (text.IndexOfAny(['/', '*', '+', '-']) >= 0 ? Named : "") : $"'{text[wrong]}' inside a group", from + wrong, 1);
            if (!IsAtom(text)) throw Malformed(whole, $"'{text}' is no name or number", from, i - from);
            tokens.Add(new(text, from, i - from));
        }
        return tokens;
    }

    // a size such as 3*P*P may stand for an axis; what it is made of is checked where it is evaluated
    private static bool IsAtom(string text)
    {
        var end = text.TrimEnd('\'').Length;
        if (end == 0) return false;
        for (var i = 0; i < end; i++)
            if (!(char.IsLetterOrDigit(text[i]) || text[i] is '_' or '*' or '+' or '-' or '#' or '/' or '\'')) return false;
        return char.IsLetterOrDigit(text[end - 1]) || text[end - 1] == '_';
    }
}

/// <summary>Ends the checking of one operation; its result is then unknown. Without an id the reason has been reported already.</summary>
public sealed class CheckFailure(string? id, string message, int start = -1, int length = 0, int at = 0, string fix = "", params Related[] related) : Exception(message)
{
    /// <summary>Nothing to say: an operand failed.</summary>
    public CheckFailure() : this(null, "") { }

    /// <summary>SEMxxxx, or null.</summary>
    public string? Id => id;

    /// <summary>Offset of the wrong token in the text.</summary>
    public int Start => start;

    /// <summary>Length of the wrong token.</summary>
    public int Length => length;

    /// <summary>The expression it belongs to; 0 for the operation that is being checked.</summary>
    public int At => at;

    /// <summary>What to write instead, or empty.</summary>
    public string Fix => fix;

    /// <summary>The same, in the text at a place, where it belongs nowhere yet.</summary>
    public CheckFailure In(int place) => new(id, Message, start, length, at == 0 ? place : at, fix, related);

    /// <summary>The finding, at a place where it belongs nowhere yet.</summary>
    public Finding Found(int place) => new(id!, Message, at == 0 ? place : at, start, length, fix, related.ToEquatable());
}
