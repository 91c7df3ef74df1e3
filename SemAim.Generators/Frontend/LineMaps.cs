using System.Linq;
using Microsoft.CodeAnalysis;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Turns places in syntax into lines and columns, for <c>#line</c>.</summary>
internal static class LineMaps
{
    internal static LineMap Of(SpanTable spans) => new(Enumerable.Range(0, spans.Count).Select(i => Place(spans[i])).ToEquatable());

    private static LinePlace? Place(SyntaxNodeOrToken syntax)
    {
        if (syntax.SyntaxTree is not { } tree) return null;
        var span = tree.GetLineSpan(syntax.Span);
        var (start, end) = (span.StartLinePosition, span.EndLinePosition);
        return new(tree.FilePath, start.Line + 1, start.Character + 1, end.Line + 1, System.Math.Max(end.Character, 1));
    }
}
