using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace SemAim.Generators.Frontend;

/// <summary>Finds the place of a token inside a text: plain, verbatim and raw literals write the same value differently, and a text may be joined from several.</summary>
internal static class LiteralSpans
{
    // a piece of a text: its characters stand in a token, or an expression stands for all of them
    private readonly record struct Piece(int Start, int Length, SyntaxNodeOrToken Syntax);

    /// <summary>The span of <paramref name="length"/> characters of the value from <paramref name="start"/>, from the first piece to the last that hold them; the whole of what only stands for a text, such as the name of a constant.</summary>
    internal static TextSpan Of(SyntaxNodeOrToken place, int start, int length, Compilation compilation)
    {
        if (start < 0 || (place.AsNode() as ExpressionSyntax ?? (place.AsNode() as AttributeArgumentSyntax)?.Expression) is not { } text) return place.Span;
        var (pieces, at) = (new List<Piece>(), 0);
        if (!Read(text, compilation, pieces, ref at)) return place.Span;
        var last = start + System.Math.Max(length, 1) - 1;
        // a text of one piece holds whatever is said of it, even where it is empty
        var (first, end) = pieces.Count == 1 ? (0, 0) : (pieces.FindIndex(p => start < p.Start + p.Length), pieces.FindIndex(p => last < p.Start + p.Length));
        if (first < 0 || end < 0) return place.Span;
        var (from, to) = (Edge(pieces[first], start, isEnd: false), Edge(pieces[end], start + length, isEnd: true));
        return from < 0 || to < from ? place.Span : TextSpan.FromBounds(from, to);
    }

    // false where a part is no constant text
    private static bool Read(ExpressionSyntax text, Compilation compilation, List<Piece> pieces, ref int at)
    {
        void Add(SyntaxNodeOrToken syntax, string value, ref int at)
        {
            pieces.Add(new(at, value.Length, syntax));
            at += value.Length;
        }
        switch (text)
        {
            case LiteralExpressionSyntax literal:
                Add(literal.Token, literal.Token.ValueText, ref at);
                return true;
            case ParenthesizedExpressionSyntax inner: return Read(inner.Expression, compilation, pieces, ref at);
            case BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } sum: return Read(sum.Left, compilation, pieces, ref at) && Read(sum.Right, compilation, pieces, ref at);
            case InterpolatedStringExpressionSyntax whole:
                foreach (var content in whole.Contents)
                    switch (content)
                    {
                        case InterpolatedStringTextSyntax words: Add(words.TextToken, words.TextToken.ValueText, ref at); break;
                        case InterpolationSyntax { AlignmentClause: null, FormatClause: null } hole when Constant(hole.Expression, compilation) is { } value: Add(hole, value, ref at); break;
                        default: return false;
                    }
                return true;
            default:
                if (Constant(text, compilation) is not { } said) return false;
                Add(text, said, ref at);
                return true;
        }
    }

    private static string? Constant(ExpressionSyntax e, Compilation compilation) => compilation.GetSemanticModel(e.SyntaxTree).GetConstantValue(e) is { HasValue: true, Value: string or char } constant ? constant.Value!.ToString() : null;

    private static int Edge(Piece piece, int offset, bool isEnd)
    {
        var token = piece.Syntax.AsToken();
        if (piece.Syntax.IsNode || token.IsKind(SyntaxKind.InterpolatedStringTextToken) && token.Text != token.ValueText) return isEnd ? piece.Syntax.Span.End : piece.Syntax.SpanStart;
        if (token.IsKind(SyntaxKind.InterpolatedStringTextToken)) return token.SpanStart + offset - piece.Start;
        return Offset(token, offset - piece.Start) is >= 0 and var inside ? token.SpanStart + inside : -1;
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
