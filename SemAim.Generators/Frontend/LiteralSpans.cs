using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace SemAim.Generators.Frontend;

/// <summary>Finds the place of a token inside a string literal: plain, verbatim and raw ones write the same value differently.</summary>
internal static class LiteralSpans
{
    /// <summary>The span of <paramref name="length"/> characters of the value from <paramref name="start"/>; the whole node where it is no literal.</summary>
    internal static TextSpan Of(SyntaxNodeOrToken place, int start, int length)
    {
        var node = place.AsNode();
        if (start < 0 || node is null || (node as LiteralExpressionSyntax ?? (node as AttributeArgumentSyntax)?.Expression as LiteralExpressionSyntax) is not { Token: var token }) return place.Span;
        var (from, to) = (Offset(token, start), Offset(token, start + length));
        return from < 0 || to < 0 ? place.Span : TextSpan.FromBounds(token.SpanStart + from, token.SpanStart + to);
    }

    private static int Offset(SyntaxToken token, int value)
    {
        var text = token.Text;
        if (token.IsKind(SyntaxKind.SingleLineRawStringLiteralToken))
        {
            var quotes = 0;
            while (quotes < text.Length && text[quotes] == '"') quotes++;
            return quotes + value <= text.Length ? quotes + value : -1;
        }
        if (token.IsKind(SyntaxKind.MultiLineRawStringLiteralToken)) return Line(text, token.ValueText, value);
        var verbatim = text.StartsWith("@", System.StringComparison.Ordinal);
        var at = verbatim ? 2 : 1;
        for (var i = 0; i < value; i++)
        {
            if (at >= text.Length) return -1;
            if (verbatim) at += text[at] == '"' ? 2 : 1;
            else if (text[at] != '\\') at++;
            else
                at += at + 1 >= text.Length ? 1 : text[at + 1] switch { 'u' => 6, 'U' => 10, 'x' => Hex(text, at + 2), _ => 2 };
        }
        return at;
    }

    // every line of the value stands in a line of its own, behind the indentation of the closing quotes
    private static int Line(string text, string whole, int value)
    {
        var indentation = text.Length - text.LastIndexOf('\n') - 1 - text.Substring(text.LastIndexOf('\n') + 1).TrimStart(' ', '\t').Length;
        var at = text.IndexOf('\n') + 1 + indentation;
        for (var i = 0; i < value && i < whole.Length; i++)
        {
            at++;
            if (whole[i] == '\n') at += indentation;
        }
        return at <= text.Length ? at : -1;
    }

    private static int Hex(string text, int at)
    {
        var n = 0;
        while (n < 4 && at + n < text.Length && System.Uri.IsHexDigit(text[at + n])) n++;
        return 2 + n;
    }
}
