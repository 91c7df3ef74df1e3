namespace SemAim.App.Figures;

/// <summary>The autoregression as a moving picture: patches appear in their order, each first as the network predicts it, then as it is.</summary>
internal static class Animation
{
    private const int Top = 40, Bottom = 24, Most = 33;

    /// <summary>Writes an animated PNG: a row a picture, a column an order.</summary>
    /// <param name="path">of the file</param>
    /// <param name="pictures">all with the same orders</param>
    /// <param name="scale">pixels a unit</param>
    /// <returns>number of frames</returns>
    internal static int Write(string path, IReadOnlyList<PredictedPicture> pictures, int scale = 2)
    {
        var (orders, count) = (pictures[0].Orders, pictures[0].Orders[0].Warmth.Length);
        var width = 2 * Sheet.Margin + (orders.Count + 1) * (Sheet.Thumb + 3 * Sheet.Gap) - 3 * Sheet.Gap;
        var height = Top + pictures.Count * (Sheet.Thumb + Sheet.Gap) + Bottom;
        var stages = Math.Min(count, Most - 1);
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        WholeFile.Write(path, file =>
        {
            using var animation = new AnimatedPng(file, width * scale, height * scale, stages + 1);
            for (var f = 0; f <= stages; f++)
            {
                var known = (int)((long)f * count / stages);
                var next = f == stages ? 0 : (int)((long)(f + 1) * count / stages) - known;
                using var sheet = new Sheet(width, height, scale);
                sheet.Caption("input", X(0) + Sheet.Thumb / 2f, 26);
                for (var c = 0; c < orders.Count; c++) sheet.Caption(orders[c].Title, X(c + 1) + Sheet.Thumb / 2f, 26);
                for (var r = 0; r < pictures.Count; r++)
                {
                    float y = Top + r * (Sheet.Thumb + Sheet.Gap);
                    sheet.Draw(pictures[r].Input, X(0), y, false);
                    for (var c = 0; c < orders.Count; c++) sheet.Draw(pictures[r].Orders[c].Stage(pictures[r].Target, known, next), X(c + 1), y, false);
                }
                sheet.Caption($"{known} of {count} patches known", width / 2f, height - 10);
                animation.Add(sheet.Rgb(), f == stages ? 1500 : 160);
            }
        });
        return stages + 1;
    }

    private static float X(int c) => Sheet.Margin + c * (Sheet.Thumb + 3 * Sheet.Gap);
}
