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
        => Look(model, source, indices, orders, seed, attention).Rows;

    /// <summary>Maps, orders and, where an objective says what is predicted, predictions of the pictures with the given indices; the encoder runs once a picture.</summary>
    /// <param name="objective">null: maps and orders only</param>
    /// <param name="normalised">predictions are of normalised pixels: a patch is shown with its target's mean and deviation, which the network does not know</param>
    internal static (List<OrdersRow> Rows, List<PredictedPicture> Pictures) Look(AimViT model, ISampleSource source, IReadOnlyList<int> indices, IReadOnlyList<string> orders, ulong seed, string attention = "cls", PixelObjective? objective = null, bool normalised = true)
    {
        using var guard = no_grad();
        var (rows, pictures) = (new List<OrdersRow>(), new List<PredictedPicture>());
        ForEach(model, source, indices, grid => orders.Max(o => Orders.Of(o).NoiseColumns(grid)), (images, grid, noise) =>
        {
            var (tokens, look) = model.EncodeSelf(images);
            var guidance = Resemblance(tokens, attention);
            tokens.Dispose();
            var (self, similar, pixels) = (Values(look), Values(guidance), Bytes(images));
            double[] Row(double[] all, int i) => all[(i * grid.Count)..((i + 1) * grid.Count)];
            var ranks = orders.Select(o => Orders.Of(o)).Select(o => o.Rank(guidance, noise.narrow(1, 0, o.NoiseColumns(grid)), grid)).ToList();
            var warmth = ranks.Select(Values).ToList();
            for (var i = 0; i < pixels.Count; i++) rows.Add(new(pixels[i], Scaled(Row(self, i)), Scaled(Row(similar, i)), [.. warmth.Select(w => FirstIsOne(Row(w, i)))]));
            if (objective is null) return;
            var target = objective.Blur(images);
            var patches = model.Patches(target);                                                          // B N 3P²
            var (mean, deviation) = (patches.mean([2], true), patches.var(2, true, true).add(Number.Of(1e-6), Number.One).sqrt());
            var targets = Bytes(target);
            var found = ranks.Select(rank =>
            {
                using var scope = NewDisposeScope();
                var predicted = model.Predict(images, rank);
                var (_, loss) = objective.Loss(model, predicted, images);
                var shown = normalised ? (predicted * deviation).add(mean, Number.One) : predicted;
                return (Pictures: Bytes(Unpatch(shown, grid, model.PatchSize)), Loss: Values(loss));
            }).ToList();
            for (var i = 0; i < pixels.Count; i++)
                pictures.Add(new(pixels[i], targets[i], objective.IsBlurring, [.. found.Select((f, o) => new Progression(Title(orders[o]), FirstIsOne(Row(warmth[o], i)), f.Pictures[i], Row(f.Loss, i)))]));
        }, seed);
        return (rows, pictures);
    }

    /// <summary>How much each patch resembles the class token (cls) or the mean of all patches (gap): what <c>AimViT.Encode</c> and <c>EncodeGap</c> give, from tokens that are there already. B × N, fresh.</summary>
    /// <param name="tokens">B × T × D after the final norm</param>
    /// <param name="attention">cls or gap</param>
    internal static Tensor Resemblance(Tensor tokens, string attention)
    {
        using var scope = NewDisposeScope();
        var patches = tokens.narrow(1, 1, tokens.size(1) - 1);
        var whole = attention == "gap" ? patches.mean([1]) : tokens.select(1, 0);                          // B D
        var cosine = nn.functional.normalize(patches, 2.0, 2).matmul(nn.functional.normalize(whole, 2.0, 1).unsqueeze(2)).squeeze(2);
        return cosine.softmax(1).MoveToOuterDisposeScope();
    }

    private static void ForEach(AimViT model, ISampleSource source, IReadOnlyList<int> indices, Func<Grid, int> columns, Action<Tensor, Grid, Tensor> use, ulong seed)
    {
        var side = model.ImageSize / model.PatchSize;
        var grid = new Grid(side, side);
        Pictures.ForEach(new Selection(source, indices), model.ImageSize, Math.Min(indices.Count, 8), 1, (images, labels, first) =>
        {
            using var noise = KeyedUniform.Fill(seed, 0, first, labels.Length, columns(grid), CPU);
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
        var bytes = (images * std).add(mean, Number.One).mul(Number.Of(255)).round().clamp(Number.Of(0), Number.Of(255)).permute(0, 2, 3, 1).contiguous().to(uint8);
        return [.. Enumerable.Range(0, (int)images.size(0)).Select(i => new Picture(bytes[i].contiguous().data<byte>().ToArray(), (int)images.size(3)))];
    }
}
