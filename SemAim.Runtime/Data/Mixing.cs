using SemAim.Dsl;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Data;

/// <summary>How many mixes a batch has: one, one for each pair of rows (i, rows − 1 − i), or one for each row.</summary>
internal enum MixMode { Batch, Pair, Elem }

/// <summary>timm 0.4.5's Mixup and CutMix (behaviour.md 6.6); names of the finetune options.</summary>
/// <param name="Mixup">α of Mixup's Beta(α, α); 0: off</param>
/// <param name="CutMix">α of CutMix's; 0: off</param>
/// <param name="Probability">that a mix takes place at all</param>
/// <param name="SwitchProbability">that it is CutMix, where both are on</param>
/// <param name="Smoothing">of the targets</param>
/// <param name="CutMixMinMax">sides of the CutMix box as parts of the image's, instead of λ's; α is 1 then</param>
/// <param name="Mode">one λ a batch, a pair or a row</param>
internal sealed record MixOptions(double Mixup = 0.8, double CutMix = 1.0, double Probability = 1, double SwitchProbability = 0.5,
    double Smoothing = 0.1, (double Min, double Max)? CutMixMinMax = null, MixMode Mode = MixMode.Batch)
{
    /// <summary>Neither Mixup nor CutMix.</summary>
    internal bool IsOff => Mixup <= 0 && CutMix <= 0 && CutMixMinMax is null;
}

/// <summary>One mix: λ, after CutMix's correction by area, and the box if it is CutMix.</summary>
internal readonly record struct MixDraw(double Lambda, Box? Cut);

/// <summary>Mixup and CutMix on normalised device batches: row i is mixed with row rows − 1 − i, so rows must be even.</summary>
/// <example><code>
/// var draws = Mixing.Draw(options, seed, epoch, microBatch, rows, width, height);
/// Mixing.Apply(images, options.Mode, draws);
/// using var targets = Mixing.Targets(labels, options.Mode, draws, classes, options.Smoothing);
/// </code></example>
internal static class Mixing
{
    /// <param name="microBatch">global micro-batch number within the epoch (<see cref="TrainingPlan.Key"/>): the draw does not depend on the world size</param>
    /// <returns>1, rows / 2 or rows draws</returns>
    internal static MixDraw[] Draw(MixOptions options, ulong seed, long epoch, long microBatch, int rows, int width, int height)
    {
        if (rows % 2 != 0) throw new ArgumentException($"{rows} rows: mixing needs an even number");
        var rng = new SampleRng(seed, (ulong)epoch, (ulong)microBatch, RngStream.Mix);
        var draws = new MixDraw[options.Mode switch { MixMode.Batch => 1, MixMode.Pair => rows / 2, _ => rows }];
        for (int i = 0; i < draws.Length; i++)
        {
            draws[i] = One(ref rng, options, width, height);
            // timm keeps λ of single rows in float32
            if (options.Mode != MixMode.Batch) draws[i] = draws[i] with { Lambda = (float)draws[i].Lambda };
        }
        return draws;
    }

    private static MixDraw One(ref SampleRng rng, MixOptions options, int width, int height)
    {
        bool apply = rng.NextDouble() < options.Probability, preferCut = rng.NextDouble() < options.SwitchProbability;
        bool mixup = options.Mixup > 0, cutmix = options.CutMix > 0 || options.CutMixMinMax != null;
        if (!apply || !(mixup || cutmix)) return new MixDraw(1, null);
        bool cut = cutmix && (!mixup || preferCut);
        double lambda = rng.NextBeta(!cut ? options.Mixup : options.CutMixMinMax != null ? 1 : options.CutMix);
        if (!cut || lambda == 1) return new MixDraw(lambda, null);
        if (options.CutMixMinMax is var (min, max))
        {
            int h = Side(ref rng, height, min, max), w = Side(ref rng, width, min, max);
            return Corrected(new Box(rng.NextInt(width - w), rng.NextInt(height - h), w, h), width, height);
        }
        return CutMixBox(lambda, rng.NextInt(width), rng.NextInt(height), width, height);
    }

    // timm draws from int(n·min) .. int(n·max) − 1; equal bounds give that one size, and a side is never the whole image
    private static int Side(ref SampleRng rng, int size, double min, double max)
    {
        int low = (int)(size * min), high = (int)(size * max);
        return Math.Min(low + rng.NextInt(Math.Max(1, high - low)), size - 1);
    }

    /// <summary>The box of area 1 − λ about a centre, cut at the border, and λ corrected to what is left of it.</summary>
    internal static MixDraw CutMixBox(double lambda, int centerX, int centerY, int width, int height)
    {
        double ratio = Math.Sqrt(1 - lambda);
        int h = (int)(height * ratio), w = (int)(width * ratio);
        int top = Math.Max(centerY - h / 2, 0), bottom = Math.Min(centerY + h / 2, height);
        int left = Math.Max(centerX - w / 2, 0), right = Math.Min(centerX + w / 2, width);
        return Corrected(new Box(left, top, right - left, bottom - top), width, height);
    }

    private static MixDraw Corrected(Box box, int width, int height)
        => new(1 - (double)box.Width * box.Height / ((double)width * height), box);

    /// <summary>Mixes in place.</summary>
    /// <param name="x">rows × 3 × H × W, normalised; changed</param>
    internal static void Apply(Tensor x, MixMode mode, ReadOnlySpan<MixDraw> draws)
    {
        using var scope = NewDisposeScope();
        if (mode == MixMode.Batch)
        {
            var draw = draws[0];
            if (draw.Cut is { } box) Cut(x, x.narrow(2, box.Y, box.Height).narrow(3, box.X, box.Width).flip(0), box);
            else if (draw.Lambda != 1)
            {
                var partner = x.flip(0).mul_(Number.Of(1 - draw.Lambda));                                          // before x changes
                x.mul_(Number.Of(draw.Lambda)).add_(partner, Number.One);
            }
            return;
        }
        int rows = (int)x.shape[0];
        var (own, partners) = (new float[rows], new float[rows]);
        for (int i = 0; i < rows; i++)
        {
            var draw = draws[Source(mode, i, rows)];
            float lambda = draw.Cut is null ? (float)draw.Lambda : 1;
            (own[i], partners[i]) = (lambda, 1 - lambda);
        }
        var other = x.flip(0);                                                                          // before x changes
        if (partners.Any(p => p != 0)) x.mul_(Column(own, x, 4)).add_(other * Column(partners, x, 4), Number.One);
        for (int i = 0; i < rows; i++)
            if (draws[Source(mode, i, rows)].Cut is { } box) Cut(x[i].unsqueeze(0), other[i].unsqueeze(0).narrow(2, box.Y, box.Height).narrow(3, box.X, box.Width), box);
    }

    /// <summary>Soft targets; smoothing applies even where λ is 1.</summary>
    /// <param name="labels">rows, int64</param>
    /// <returns>rows × classes, fresh</returns>
    internal static Tensor Targets(Tensor labels, MixMode mode, ReadOnlySpan<MixDraw> draws, int classes, double smoothing)
    {
        using var scope = NewDisposeScope();
        int rows = (int)labels.shape[0];
        double off = smoothing / classes, on = 1 - smoothing + off;
        var y = full([rows, classes], Number.Of((float)off), device: labels.device);
        // TorchSharp's scatter_ has no overload for a number.
        y.scatter_(1, labels.view(-1, 1), full([rows, 1], Number.Of((float)on), device: labels.device));
        if (mode == MixMode.Batch) return y.mul(Number.Of(draws[0].Lambda)).add(y.flip(0).mul(Number.Of(1 - draws[0].Lambda)), Number.One).MoveToOuterDisposeScope();
        var lambdas = new float[rows];
        for (int i = 0; i < rows; i++) lambdas[i] = (float)draws[Source(mode, i, rows)].Lambda;
        var lambda = Column(lambdas, y, 2);
        return (y * lambda).add(y.flip(0) * Kernels.Subtract(Number.One, lambda), Number.One).MoveToOuterDisposeScope();
    }

    // which draw a row belongs to
    private static int Source(MixMode mode, int row, int rows) => mode switch { MixMode.Batch => 0, MixMode.Pair => Math.Min(row, rows - 1 - row), _ => row };

    private static Tensor Column(float[] values, Tensor like, int dimensions)
    {
        var shape = new long[dimensions];
        Array.Fill(shape, 1);
        shape[0] = values.Length;
        return tensor(values, dtype: like.dtype, device: like.device).view(shape);
    }

    private static void Cut(Tensor x, Tensor part, Box box)
    {
        if (box.Width > 0 && box.Height > 0) x.narrow(2, box.Y, box.Height).narrow(3, box.X, box.Width).copy_(part);
    }
}
