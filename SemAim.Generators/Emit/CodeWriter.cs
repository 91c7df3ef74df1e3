using System.Collections.Generic;
using System.Text;

namespace SemAim.Generators.Emit;

/// <summary>Lines with indentation; the comments of statements that follow each other stand below each other.</summary>
internal sealed class CodeWriter
{
    private const int Tab = 4, WidestColumn = 96;
    private readonly StringBuilder text = new();
    private readonly List<(string Code, string? Comment)> pending = [];
    private int depth;

    internal void Line(string line = "")
    {
        if (line.Length == 0 || line[0] is '#') { Flush(); text.Append(line).Append('\n'); return; }
        pending.Add((new string(' ', depth * Tab) + line, null));
    }

    /// <summary>A statement with its shape.</summary>
    internal void Statement(string code, string comment) => pending.Add((new string(' ', depth * Tab) + code, comment));

    /// <summary>Adds to the last line.</summary>
    internal void Append(string more)
    {
        var (code, comment) = pending[pending.Count - 1];
        pending[pending.Count - 1] = (code + more, comment);
    }

    internal void Open()
    {
        Line("{");
        depth++;
    }

    internal void Close()
    {
        depth--;
        Line("}");
    }

    private void Flush()
    {
        var column = 0;
        foreach (var (code, comment) in pending)
            if (comment is not null && code.Length > column && code.Length <= WidestColumn) column = code.Length;
        foreach (var (code, comment) in pending)
        {
            text.Append(code);
            if (comment is not null) text.Append(' ', System.Math.Max(1, column + 2 - code.Length)).Append("// ").Append(comment);
            text.Append('\n');
        }
        pending.Clear();
    }

    public override string ToString()
    {
        Flush();
        return text.ToString();
    }
}
