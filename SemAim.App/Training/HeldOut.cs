using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>What a model makes of pictures it was not trained on.</summary>
/// <param name="Loss">mean error of its predictions; predicting each patch's mean scores 1</param>
/// <param name="MeanLoss">error of predicting each patch's mean</param>
/// <param name="CopyLoss">error of copying the nearest patch that is already known in the same order</param>
/// <param name="HitRate">per cent of pictures whose semantic centre lies on the drawn object; NaN where nobody knows where it is</param>
/// <param name="Chance">what <paramref name="HitRate"/> would be for a patch drawn by lot; NaN likewise</param>
/// <param name="Count">pictures</param>
internal sealed record HeldOutResult(double Loss, double MeanLoss, double CopyLoss, double HitRate, double Chance, int Count)
{
    /// <summary>Standard error of <see cref="HitRate"/>, per cent.</summary>
    internal double HitError => Math.Sqrt(HitRate * (100 - HitRate) / Count);
}

/// <summary>Evaluates predictions on held-out pictures, beside two predictors that know nothing.</summary>
internal static class HeldOut
{
    /// <summary>Runs the model over all pictures in its pretraining order, without augmentation; <paramref name="objects"/> are in pixels of what the network sees (<see cref="Pictures.Seen"/>).</summary>
    internal static HeldOutResult Evaluate(AimViT model, PixelObjective objective, ISampleSource source, IOrder order, ulong seed, int batch, int workers, IReadOnlyList<DrawnObject?>? objects)
    {
        using var guard = no_grad();
        var side = model.ImageSize / model.PatchSize;
        var grid = new Grid(side, side);
        double loss = 0, mean = 0, copy = 0, chance = 0;
        int hits = 0, known = 0;
        Pictures.ForEach(source, model.ImageSize, batch, workers, (images, labels, first) =>
        {
            var rows = labels.Length;
            var (tokens, guidance) = model.Encode(images);
            var noise = KeyedUniform.Fill(seed, long.MaxValue, first, rows, order.NoiseColumns(grid), CPU);
            var rank = order.Rank(guidance, noise, grid);
            var (value, _) = objective.Loss(model, model.Predict(images, rank), images);
            loss += value.item<float>() * rows;
            using var blurred = objective.Blur(images);
            var (zero, copied) = Naive(Normalised(model.Patches(blurred)), rank, grid);
            mean += zero * rows;
            copy += copied * rows;
            if (objects is null) return;
            var centres = guidance.argmax(1).data<long>().ToArray();
            for (var i = 0; i < rows; i++)
            {
                if (objects[first + i] is not { } drawn) continue;
                known++;
                var on = Enumerable.Range(0, grid.Count).Select(patch => IsOn(drawn, (patch % side + 0.5) * model.PatchSize, (patch / side + 0.5) * model.PatchSize)).ToArray();
                if (on[centres[i]]) hits++;
                chance += (double)on.Count(o => o) / grid.Count;
            }
        });
        return new(loss / source.Count, mean / source.Count, copy / source.Count, known == 0 ? double.NaN : 100.0 * hits / known, known == 0 ? double.NaN : 100 * chance / known, source.Count);
    }

    private static bool IsOn(DrawnObject drawn, double x, double y) => (x - drawn.X) * (x - drawn.X) + (y - drawn.Y) * (y - drawn.Y) <= drawn.R * drawn.R;

    private static Tensor Normalised(Tensor patches)
        => (patches - patches.mean([2], true)) / patches.var(2, true, true).add(Number.Of(1e-6), Number.One).sqrt();

    // patches: B N O, normalised; the first patch of an order has nothing to copy and gets the mean
    private static (double Mean, double Copy) Naive(Tensor patches, Tensor rank, Grid grid)
    {
        var (rows, count) = ((int)patches.size(0), grid.Count);
        var ranks = rank.to(float64).data<double>().ToArray();
        var own = (patches * patches).mean([2]);                                                                      // B N
        // |a − b|² = |a|² + |b|² − 2ab: no B × N × N × C tensor
        var error = own.unsqueeze(2).add(own.unsqueeze(1), Number.One).sub(patches.matmul(patches.transpose(1, 2)).mul(Number.Of(2.0 / patches.size(2)))).data<float>().ToArray();      // B N N
        var alone = own.data<float>().ToArray();
        double copy = 0;
        for (var b = 0; b < rows; b++)
            for (var i = 0; i < count; i++)
            {
                var (best, distance) = (-1, double.MaxValue);
                for (var j = 0; j < count; j++)
                {
                    if (ranks[b * count + j] > ranks[b * count + i] || ranks[b * count + j] == ranks[b * count + i] && j >= i) continue;
                    var (dy, dx) = (i / grid.Columns - j / grid.Columns, i % grid.Columns - j % grid.Columns);
                    if (dy * dy + dx * dx < distance) (best, distance) = (j, dy * dy + dx * dx);
                }
                copy += best < 0 ? alone[b * count + i] : error[(b * count + i) * count + best];
            }
        return (alone.Average(a => (double)a), copy / (rows * count));
    }
}
