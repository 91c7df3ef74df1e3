using System;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Lines and columns of numbered places, for <c>#line</c>.</summary>
internal static class SourcePlaces
{
    internal static LineMap Of(SpanTable table)
    {
        var places = new LinePlace?[table.Count];
        for (var i = 0; i < places.Length; i++)
        {
            if (table[i].SyntaxTree is not { } tree) continue;
            var lines = tree.GetText().Lines;
            var (first, last) = (lines.GetLinePosition(table[i].Span.Start), lines.GetLinePosition(table[i].Span.End));
            places[i] = new(tree.FilePath, first.Line + 1, first.Character + 1, last.Line + 1, Math.Max(last.Character, 1));
        }
        return new(new EquatableArray<LinePlace?>(places));
    }
}
