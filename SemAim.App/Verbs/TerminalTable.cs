using Spectre.Console;

namespace SemAim.App.Verbs;

/// <summary>A table for a terminal: aligned columns where the window has room for them, else a paragraph a row, so that no name or number is cut.</summary>
/// <param name="heads">of the columns</param>
/// <param name="texts">how many columns from the left are texts; the others are numbers, to the right</param>
/// <param name="wraps">the last column goes on below itself</param>
internal sealed class TerminalTable(string[] heads, int texts = 1, bool wraps = false)
{
    private const int Gap = 3, LeastWrapped = 20;

    private readonly List<string[]> rows = [];

    /// <summary>Adds a row of as many cells as there are columns.</summary>
    internal void AddRow(params string[] cells) => rows.Add(cells);

    /// <summary>Writes it in the console's width.</summary>
    internal void Write(IAnsiConsole console)
    {
        var widths = heads.Select((h, i) => rows.Select(r => r[i].Length).Append(h.Length).Max()).ToList();
        if (wraps) widths[^1] = Math.Min(widths[^1], LeastWrapped);
        if (widths.Sum() + Gap * widths.Count <= console.Profile.Width) console.Write(Aligned());
        else
            foreach (var row in rows)
            {
                console.WriteLine(row[0]);
                console.Write(new Padder(new Text(string.Join(" · ", heads.Zip(row).Skip(1).Where(c => c.Second.Length > 0).Select(c => $"{c.First}\u00a0{c.Second.Replace(' ', wraps ? ' ' : '\u00a0')}"))), new Padding(2, 0, 0, 0)));
            }
    }

    private Table Aligned()
    {
        var table = new Table { Border = TableBorder.Simple };
        for (var i = 0; i < heads.Length; i++)
        {
            var column = new TableColumn(Markup.Escape(heads[i])) { NoWrap = !wraps || i < heads.Length - 1 };
            if (i >= texts) column.RightAligned();
            if (i == 0) column.PadLeft(0);
            else if (i >= texts || i == heads.Length - 1) column.PadRight(0);
            table.AddColumn(column);
        }
        foreach (var row in rows) table.AddRow([.. row.Select(Markup.Escape)]);
        return table;
    }
}
