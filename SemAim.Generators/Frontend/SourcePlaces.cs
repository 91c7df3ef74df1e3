using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Places in syntax as numbers. Lines and columns are worked out where <c>#line</c> asks for them: every edit makes this again, few need it.</summary>
/// <param name="Files">paths</param>
/// <param name="LineStarts">offsets of the lines of each file</param>
/// <param name="Spans">file, start and end of each numbered place; a file of -1 where it has none</param>
internal sealed record SourcePlaces(EquatableArray<string> Files, EquatableArray<EquatableArray<int>> LineStarts, EquatableArray<int> Spans)
{
    internal static SourcePlaces Of(SpanTable table)
    {
        var trees = new List<SyntaxTree>();
        var spans = new int[3 * table.Count];
        for (var i = 0; i < table.Count; i++)
        {
            var (syntax, file) = (table[i], -1);
            if (syntax.SyntaxTree is { } tree && (file = trees.IndexOf(tree)) < 0)
            {
                file = trees.Count;
                trees.Add(tree);
            }
            (spans[3 * i], spans[3 * i + 1], spans[3 * i + 2]) = (file, file < 0 ? 0 : syntax.Span.Start, file < 0 ? 0 : syntax.Span.End);
        }
        return new(trees.Select(t => t.FilePath).ToEquatable(), trees.Select(t => t.GetText().Lines.Select(l => l.Start).ToEquatable()).ToEquatable(), new(spans));
    }

    /// <summary>Lines and columns.</summary>
    internal LineMap Lines()
    {
        var starts = LineStarts.Select(f => f.ToArray()).ToList();
        var places = new LinePlace?[Spans.Count / 3];
        for (var i = 0; i < places.Length; i++)
        {
            var file = Spans[3 * i];
            if (file < 0) continue;
            var (line, column) = Position(starts[file], Spans[3 * i + 1]);
            var (lastLine, lastColumn) = Position(starts[file], Spans[3 * i + 2]);
            places[i] = new(Files[file], line + 1, column + 1, lastLine + 1, Math.Max(lastColumn, 1));
        }
        return new(new EquatableArray<LinePlace?>(places));
    }

    private static (int Line, int Column) Position(int[] starts, int offset)
    {
        var line = Array.BinarySearch(starts, offset);
        if (line < 0) line = ~line - 1;
        return (line, offset - starts[line]);
    }
}
