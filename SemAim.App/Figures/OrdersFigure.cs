namespace SemAim.App.Figures;

/// <summary>One picture with its maps; every map has one value a patch, row by row, in [0, 1].</summary>
/// <param name="Picture">as the network sees it</param>
/// <param name="SelfAttention">how much the class token looks at each patch</param>
/// <param name="Similarity">how much each patch resembles the class token</param>
/// <param name="Orders">per column: 1 where a patch is predicted first, 0 where last</param>
/// <param name="Own">per column its network's own two maps; null: one network for all columns</param>
internal sealed record OrdersRow(Picture Picture, double[] SelfAttention, double[] Similarity, IReadOnlyList<double[]> Orders, IReadOnlyList<(double[] SelfAttention, double[] Similarity)>? Own = null)
{
    /// <summary>Rows of several networks, one a column, beside each other.</summary>
    /// <param name="networks">rows of each network with its one order</param>
    internal static List<OrdersRow> Beside(IReadOnlyList<IReadOnlyList<OrdersRow>> networks)
        => [.. networks[0].Select((row, r) => row with { Orders = [.. networks.Select(n => n[r].Orders[0])], Own = [.. networks.Select(n => (n[r].SelfAttention, n[r].Similarity))] })];
}

/// <summary>The figure of the orders: input, and for each order the self-attention map, the similarity map and the order, warm = predicted first (behaviour.md 9).</summary>
internal static class OrdersFigure
{
    private const int Between = 22, Top = 62, Bottom = 40, Group = 3 * Sheet.Thumb + 2 * Sheet.Gap;

    /// <summary>Writes a PNG.</summary>
    /// <param name="path">of the file</param>
    /// <param name="columns">titles of the orders</param>
    /// <param name="rows">pictures</param>
    /// <param name="scale">pixels a unit: 1, or 2 for fine screens</param>
    /// <param name="overlay">how maps lie over pictures</param>
    internal static void Write(string path, IReadOnlyList<string> columns, IReadOnlyList<OrdersRow> rows, int scale = 2, Overlay? overlay = null)
    {
        overlay ??= new();
        var (width, height) = Size(columns.Count, rows.Count);
        using var sheet = new Sheet(width, height, scale);
        sheet.Title("(a) input", Sheet.Margin + Sheet.Thumb / 2f, 26);
        for (var c = 0; c < columns.Count; c++)
        {
            var x = Column(c);
            sheet.Title($"({(char)('b' + c)}) {columns[c]}", x + Group / 2f, 26);
            string[] captions = ["self-attention", "similarity", "order"];
            for (var i = 0; i < 3; i++) sheet.Caption(captions[i], x + i * (Sheet.Thumb + Sheet.Gap) + Sheet.Thumb / 2f, 48);
            sheet.Dashes(x - Between / 2f, 12, height - Bottom + 4);
        }
        for (var r = 0; r < rows.Count; r++)
        {
            float y = Top + r * (Sheet.Thumb + Sheet.Gap);
            sheet.Draw(rows[r].Picture, Sheet.Margin, y, blocks: false);
            Picture[] network = [];
            for (var c = 0; c < columns.Count; c++)
            {
                if (c == 0 || rows[r].Own is not null)
                {
                    var (self, similar) = rows[r].Own?[c] ?? (rows[r].SelfAttention, rows[r].Similarity);
                    network = [overlay.Blend(rows[r].Picture, self), overlay.Blend(rows[r].Picture, similar)];
                }
                Picture[] maps = [.. network, overlay.Blend(rows[r].Picture, rows[r].Orders[c])];
                for (var i = 0; i < 3; i++) sheet.Draw(maps[i], Column(c) + i * (Sheet.Thumb + Sheet.Gap), y, blocks: !overlay.Smooth);
            }
        }
        sheet.Legend(overlay.Colours, "first · most", "last · least", width - Sheet.Margin, height - 14);
        sheet.Save(path);
    }

    /// <summary>Width and height at scale 1.</summary>
    internal static (int Width, int Height) Size(int columns, int rows)
        => (2 * Sheet.Margin + Sheet.Thumb + columns * (Between + Group), Top + rows * (Sheet.Thumb + Sheet.Gap) - Sheet.Gap + Bottom);

    private static float Column(int c) => Sheet.Margin + Sheet.Thumb + Between + c * (Between + Group);
}
