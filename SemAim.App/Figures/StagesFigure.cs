using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>How pictures are predicted: input, target, error by patch, order, and what is known and predicted next at quarters of the order.</summary>
internal static class StagesFigure
{
    private const int Top = 62, Bottom = 40, Label = 96, Between = 18;
    private static readonly string[] Captions = ["input", "target", "order", "0 % known", "25 % known", "50 % known", "75 % known", "all predicted", "error"];

    /// <summary>Writes a PNG: one row an order of each picture.</summary>
    internal static void Write(string path, IReadOnlyList<PredictedPicture> pictures, int scale = 2, Overlay? overlay = null)
    {
        overlay ??= new();
        var (width, height) = Size(pictures);
        using var sheet = new Sheet(width, height, scale);
        sheet.Title("picture", (Column(0) + Column(1) + Sheet.Thumb) / 2f, 26);
        sheet.Title("known, and the next quarter as predicted", (Column(3) + Column(6) + Sheet.Thumb) / 2f, 26);
        for (var c = 0; c < Captions.Length; c++) sheet.Caption(c == 1 && pictures[0].IsBlurred ? "blurred target" : Captions[c], Column(c) + Sheet.Thumb / 2f, 48);
        foreach (var c in new[] { 2, 3, 7 }) sheet.Dashes(Column(c) - Between / 2f, 12, height - Bottom + 4);
        // errors of all pictures on one scale: 1 is a patch's mean
        var most = Math.Max(1, pictures.SelectMany(p => p.Orders).SelectMany(o => o.Loss).DefaultIfEmpty(1).Max());
        float y = Top;
        foreach (var picture in pictures)
        {
            foreach (var order in picture.Orders)
            {
                if (order == picture.Orders[0])
                {
                    sheet.Draw(picture.Input, Column(0), y, false);
                    sheet.Draw(picture.Target, Column(1), y, false);
                }
                sheet.Caption(order.Title, Label - 2, y + Sheet.Thumb / 2f + 3, SKTextAlign.Right);
                sheet.Draw(overlay.Blend(picture.Input, order.Warmth), Column(2), y, !overlay.Smooth);
                var count = order.Warmth.Length;
                for (var stage = 0; stage < 4; stage++)
                {
                    var known = stage * count / 4;
                    sheet.Draw(order.Stage(picture.Target, known, (stage + 1) * count / 4 - known), Column(3 + stage), y, false);
                }
                sheet.Draw(order.Predicted, Column(7), y, false);
                sheet.Draw(overlay.Blend(picture.Input, [.. order.Loss.Select(l => l / most)]), Column(8), y, !overlay.Smooth);
                y += Sheet.Thumb + Sheet.Gap;
            }
            y += Sheet.Gap;
        }
        sheet.Legend(overlay.Colours, "first · largest error", "last · none", width - Sheet.Margin, height - 14);
        sheet.Save(path);
    }

    /// <summary>Width and height at scale 1.</summary>
    internal static (int Width, int Height) Size(IReadOnlyList<PredictedPicture> pictures)
        => ((int)Column(Captions.Length - 1) + Sheet.Thumb + Sheet.Margin, Top + pictures.Sum(p => p.Orders.Count * (Sheet.Thumb + Sheet.Gap) + Sheet.Gap) + Bottom - 2 * Sheet.Gap);

    private static float Column(int c)
        => Label + Sheet.Gap + c * (Sheet.Thumb + Sheet.Gap) + (c >= 2 ? Between - Sheet.Gap : 0) + (c >= 3 ? Between - Sheet.Gap : 0) + (c >= 7 ? Between - Sheet.Gap : 0);
}
