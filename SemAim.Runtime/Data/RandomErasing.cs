using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Data;

/// <summary>What erased rectangles are filled with: noise for every value, one normal number a channel, or 0 (the mean colour).</summary>
internal enum ErasingMode { Pixel, Rand, Const }

/// <summary>timm 0.4.5's RandomErasing (behaviour.md 6.5): rectangles drawn by the decoder thread, filled on the device after normalising.</summary>
internal static class RandomErasing
{
    /// <summary>Rectangles of one image.</summary>
    /// <param name="maxCount">one to this many, each with its part of the area</param>
    /// <param name="boxes">room for <paramref name="maxCount"/></param>
    /// <returns>how many were written; a rectangle that does not fit in ten tries is left out</returns>
    internal static int Boxes<TDraws>(ref TDraws draws, int width, int height, double probability, int maxCount, Span<Box> boxes) where TDraws : IRandomDraws
    {
        if (draws.NextDouble() >= probability) return 0;
        int count = maxCount <= 1 ? 1 : 1 + draws.NextInt(maxCount), written = 0;
        double area = (double)width * height;
        for (int i = 0; i < count; i++)
        {
            for (int attempt = 0; attempt < 10; attempt++)
            {
                double target = draws.Uniform(0.02, 1.0 / 3) * area / count;
                double ratio = Math.Exp(draws.Uniform(Math.Log(0.3), Math.Log(1 / 0.3)));
                int h = (int)Math.Round(Math.Sqrt(target * ratio)), w = (int)Math.Round(Math.Sqrt(target / ratio));
                if (w >= width || h >= height) continue;
                int y = draws.NextInt(height - h + 1), x = draws.NextInt(width - w + 1);
                boxes[written++] = new Box(x, y, w, h);
                break;
            }
        }
        return written;
    }

    /// <summary>Fills each row's rectangles in place. The noise of a row is a function of (seed, epoch, sample index), whatever batch it is in.</summary>
    /// <param name="x">rows × 3 × S × S, normalised; changed</param>
    /// <param name="rows">what the loader says of each row, <see cref="Batch.Info"/></param>
    internal static void Fill(Tensor x, ReadOnlySpan<RowInfo> rows, ErasingMode mode, ulong seed)
    {
        using var scope = NewDisposeScope();
        Generator? generator = null;
        try
        {
            for (int i = 0; i < rows.Length; i++)
            {
                var boxes = rows[i].Erase;
                if (boxes.Length == 0) continue;
                if (mode != ErasingMode.Const)
                {
                    generator ??= new Generator(0, x.device);
                    generator.manual_seed((long)new SampleRng(seed, (ulong)rows[i].Epoch, (ulong)rows[i].Index, RngStream.ErasingNoise).Next());
                }
                using var image = x[i];
                foreach (var box in boxes)
                {
                    using var part = image.narrow(1, box.Y, box.Height).narrow(2, box.X, box.Width);   // 3 h w
                    switch (mode)
                    {
                        case ErasingMode.Pixel: part.normal_(0, 1, generator); break;
                        case ErasingMode.Rand: part.copy_(empty([x.shape[1], 1, 1], x.dtype, x.device).normal_(0, 1, generator)); break;
                        default: part.zero_(); break;
                    }
                }
            }
        }
        finally
        {
            generator?.Dispose();
        }
    }
}
