using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Figures;

/// <summary>Asks a model for what the figures show.</summary>
internal static class OrdersOfModel
{
    /// <summary>The columns of the paper's figure: title and name of the order.</summary>
    internal static readonly (string Title, string Order)[] Columns = [("raster", "raster"), ("stochastic", "stochastic"), ("similarity", "attention"), ("semantic-aware", "attention_center")];

    /// <summary>Writes the figure of the pictures with the given indices.</summary>
    internal static void Write(string path, AimViT model, ISampleSource source, IReadOnlyList<int> indices, ulong seed)
        => OrdersFigure.Write(path, [.. Columns.Select(c => c.Title)], Rows(model, source, indices, [.. Columns.Select(c => c.Order)], seed));

    /// <summary>Title of an order in figures: the paper's where it has one.</summary>
    internal static string Title(string order) => Columns.FirstOrDefault(c => c.Order == order).Title ?? order;

    /// <summary>Maps and orders of the pictures with the given indices.</summary>
    internal static List<OrdersRow> Rows(AimViT model, ISampleSource source, IReadOnlyList<int> indices, IReadOnlyList<string> orders, ulong seed, string attention = "cls")
    {
        using var guard = no_grad();
        var rows = new List<OrdersRow>();
        ForEach(model, source, indices, (images, grid, noise) =>
        {
            var look = model.SelfAttentionMap(images);
            var guidance = Guidance(model, images, attention);
            var (self, similar, pixels) = (Values(look), Values(guidance), Bytes(images));
            var ranks = orders.Select(o => Values(Orders.Of(o).Rank(guidance, noise, grid))).ToList();
            for (var i = 0; i < pixels.Count; i++)
            {
                double[] Row(double[] all) => all[(i * grid.Count)..((i + 1) * grid.Count)];
                rows.Add(new(pixels[i], Scaled(Row(self)), Scaled(Row(similar)), [.. ranks.Select(r => FirstIsOne(Row(r)))]));
            }
        }, seed);
        return rows;
    }

    /// <summary>Predictions of the pictures with the given indices in several orders. A patch predicted in normalised pixels is shown with its target's mean and deviation.</summary>
    internal static List<PredictedPicture> Predictions(AimViT model, PixelObjective objective, bool normalised, ISampleSource source, IReadOnlyList<int> indices, IReadOnlyList<string> orders, ulong seed, string attention = "cls")
    {
        using var guard = no_grad();
        var pictures = new List<PredictedPicture>();
        ForEach(model, source, indices, (images, grid, noise) =>
        {
            var guidance = Guidance(model, images, attention);
            var target = objective.Blur(images);
            var patches = model.Patches(target);                                                          // B N 3P²
            var (mean, deviation) = (patches.mean([2], true), (patches.var(2, true, true) + 1e-6).sqrt());
            var (inputs, targets) = (Bytes(images), Bytes(target));
            var found = orders.Select(o =>
            {
                var rank = Orders.Of(o).Rank(guidance, noise, grid);
                var predicted = model.Predict(images, rank);
                var (_, loss) = objective.Loss(model, predicted, images);
                var shown = normalised ? predicted * deviation + mean : predicted;
                return (Ranks: Values(rank), Pictures: Bytes(Unpatch(shown, grid, model.PatchSize)), Loss: Values(loss));
            }).ToList();
            for (var i = 0; i < inputs.Count; i++)
            {
                double[] Row(double[] all) => all[(i * grid.Count)..((i + 1) * grid.Count)];
                pictures.Add(new(inputs[i], targets[i], objective.IsBlurring, [.. found.Select((f, o) => new Progression(Title(orders[o]), FirstIsOne(Row(f.Ranks)), f.Pictures[i], Row(f.Loss)))]));
            }
        }, seed);
        return pictures;
    }

    // cls or gap: how much each patch resembles the class token, or the mean of all patches
    private static Tensor Guidance(AimViT model, Tensor images, string attention)
    {
        var (tokens, guidance) = attention == "gap" ? model.EncodeGap(images) : model.Encode(images);
        tokens.Dispose();
        return guidance;
    }

    private static void ForEach(AimViT model, ISampleSource source, IReadOnlyList<int> indices, Action<Tensor, Grid, Tensor> use, ulong seed)
    {
        var side = model.ImageSize / model.PatchSize;
        var grid = new Grid(side, side);
        Pictures.ForEach(new Selection(source, indices), model.ImageSize, Math.Min(indices.Count, 8), 1, (images, labels, first) =>
        {
            using var noise = KeyedUniform.Fill(seed, 0, first, labels.Length, grid.Count, CPU);
            use(images, grid, noise);
        });
    }

    // B × N × (P P 3) to B × 3 × S × S, the inverse of AimViT.Patches
    private static Tensor Unpatch(Tensor patches, Grid grid, int patch)
        => patches.reshape(patches.size(0), grid.Rows, grid.Columns, patch, patch, 3).permute(0, 5, 1, 3, 2, 4).reshape(patches.size(0), 3, grid.Rows * patch, grid.Columns * patch);

    private static double[] Values(Tensor t) => [.. t.to(float64).contiguous().data<double>()];

    private static double[] Scaled(double[] map)
    {
        var (low, high) = (map.Min(), map.Max());
        return [.. map.Select(m => high > low ? (m - low) / (high - low) : 0.5)];
    }

    /// <summary>Ranks to warmth: patches by rank, ties by index; the first is 1, the last 0.</summary>
    internal static double[] FirstIsOne(double[] rank)
    {
        var warm = new double[rank.Length];
        foreach (var (patch, place) in Enumerable.Range(0, rank.Length).OrderBy(i => rank[i]).ThenBy(i => i).Select((p, i) => (p, i))) warm[patch] = 1 - place / Math.Max(1.0, rank.Length - 1);
        return warm;
    }

    private static List<Picture> Bytes(Tensor images)
    {
        using var mean = tensor(PretrainLoop.Mean).view(1, 3, 1, 1);
        using var std = tensor(PretrainLoop.Std).view(1, 3, 1, 1);
        var bytes = ((images * std + mean) * 255).round().clamp(0, 255).permute(0, 2, 3, 1).contiguous().to(uint8);
        return [.. Enumerable.Range(0, (int)images.size(0)).Select(i => new Picture(bytes[i].contiguous().data<byte>().ToArray(), (int)images.size(3)))];
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
