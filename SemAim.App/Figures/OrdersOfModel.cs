using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Orders;
using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Figures;

/// <summary>Asks a model for the maps of <see cref="OrdersFigure"/>.</summary>
internal static class OrdersOfModel
{
    internal static readonly (string Title, string Order)[] Columns = [("raster", "raster"), ("stochastic", "stochastic"), ("similarity", "attention"), ("semantic-aware", "attention_center")];

    /// <summary>Writes the figure of the pictures with the given indices.</summary>
    internal static void Write(string path, AimViT model, ISampleSource source, IReadOnlyList<int> indices, ulong seed)
    {
        using var guard = no_grad();
        var side = model.ImageSize / model.PatchSize;
        var grid = new Grid(side, side);
        var rows = new List<OrdersRow>();
        Pictures.ForEach(new Selection(source, indices), model.ImageSize, Math.Min(indices.Count, 8), 1, (images, labels, first) =>
        {
            var (_, guidance) = model.Encode(images);
            var attention = model.SelfAttentionMap(images);
            using var noise = KeyedUniform.Fill(seed, 0, first, labels.Length, grid.Count, CPU);
            var ranks = Columns.Select(c => Values(Orders.Of(c.Order).Rank(guidance, noise, grid))).ToList();
            var (self, similar, pixels) = (Values(attention), Values(guidance), Bytes(images));
            for (var i = 0; i < labels.Length; i++)
            {
                double[] Row(double[] all) => all[(i * grid.Count)..((i + 1) * grid.Count)];
                rows.Add(new(pixels[i], model.ImageSize, Scaled(Row(self)), Scaled(Row(similar)), [.. ranks.Select(r => FirstIsOne(Row(r)))]));
            }
        });
        OrdersFigure.Write(path, [.. Columns.Select(c => c.Title)], rows);
    }

    private static double[] Values(Tensor t) => [.. t.to(float64).contiguous().data<double>()];

    private static double[] Scaled(double[] map)
    {
        var (low, high) = (map.Min(), map.Max());
        return [.. map.Select(m => high > low ? (m - low) / (high - low) : 0.5)];
    }

    // patches by rank, ties by index: the first is 1, the last 0
    private static double[] FirstIsOne(double[] rank)
    {
        var warm = new double[rank.Length];
        foreach (var (patch, place) in Enumerable.Range(0, rank.Length).OrderBy(i => rank[i]).ThenBy(i => i).Select((p, i) => (p, i))) warm[patch] = 1 - place / Math.Max(1.0, rank.Length - 1);
        return warm;
    }

    private static List<byte[]> Bytes(Tensor images)
    {
        var mean = tensor(PretrainLoop.Mean).view(1, 3, 1, 1);
        var std = tensor(PretrainLoop.Std).view(1, 3, 1, 1);
        var bytes = ((images * std + mean) * 255).round().clamp(0, 255).permute(0, 2, 3, 1).contiguous().to(uint8);
        return [.. Enumerable.Range(0, (int)images.size(0)).Select(i => bytes[i].contiguous().data<byte>().ToArray())];
    }

    private sealed class Selection(ISampleSource source, IReadOnlyList<int> indices) : ISampleSource
    {
        public int Count => indices.Count;

        public IReadOnlyList<string> Classes => source.Classes;

        public int Label(int index) => source.Label(indices[index]);

        public string Name(int index) => source.Name(indices[index]);

        public int Read(int index, ref byte[] buffer) => source.Read(indices[index], ref buffer);

        public void Dispose()
        {
        }
    }
}
