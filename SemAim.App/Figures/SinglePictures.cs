namespace SemAim.App.Figures;

/// <summary>Every map as a PNG of its own, in the picture's own size.</summary>
internal static class SinglePictures
{
    /// <summary>Writes <c>00-input.png</c>, <c>00-target.png</c>, where targets are blurred <c>00-target-blurred.png</c>, <c>00-self-attention.png</c>, <c>00-similarity.png</c> and for each order <c>00-NAME-order.png</c>, <c>-prediction</c>, <c>-loss</c>; where each order has a network of its own, the two maps stand with the order too.</summary>
    /// <param name="folder">is created</param>
    /// <param name="rows">maps</param>
    /// <param name="pictures">predictions of the same pictures</param>
    /// <param name="orders">names</param>
    /// <param name="overlay">how maps lie over pictures</param>
    /// <returns>number of files</returns>
    internal static int Write(string folder, IReadOnlyList<OrdersRow> rows, IReadOnlyList<PredictedPicture> pictures, IReadOnlyList<string> orders, Overlay overlay)
    {
        Directory.CreateDirectory(folder);
        var most = Math.Max(1, pictures.SelectMany(p => p.Orders).SelectMany(o => o.Loss).DefaultIfEmpty(1).Max());
        var written = 0;
        void Save(int row, string name, Picture picture)
        {
            using var bitmap = picture.Bitmap();
            using var pixels = bitmap.PeekPixels();
            Sheet.Save(pixels, Path.Combine(folder, $"{row:D2}-{name}.png"));
            written++;
        }
        for (var r = 0; r < rows.Count; r++)
        {
            var (row, picture) = (rows[r], pictures[r]);
            Save(r, "input", row.Picture);
            Save(r, "target", picture.Input);
            if (picture.IsBlurred) Save(r, "target-blurred", picture.Target);
            if (row.Own is null)
            {
                Save(r, "self-attention", overlay.Blend(row.Picture, row.SelfAttention));
                Save(r, "similarity", overlay.Blend(row.Picture, row.Similarity));
            }
            for (var o = 0; o < orders.Count; o++)
            {
                if (row.Own is not null)
                {
                    Save(r, $"{orders[o]}-self-attention", overlay.Blend(row.Picture, row.Own[o].SelfAttention));
                    Save(r, $"{orders[o]}-similarity", overlay.Blend(row.Picture, row.Own[o].Similarity));
                }
                Save(r, $"{orders[o]}-order", overlay.Blend(row.Picture, row.Orders[o]));
                Save(r, $"{orders[o]}-prediction", picture.Orders[o].Predicted);
                Save(r, $"{orders[o]}-loss", overlay.Blend(row.Picture, [.. picture.Orders[o].Loss.Select(l => l / most)]));
            }
        }
        return written;
    }
}
