using SemAim.Models;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>One vector a picture.</summary>
internal static class Features
{
    /// <summary>Of the encoder: mean of the patch tokens after the final norm. n × D and labels; the caller disposes the tensor.</summary>
    internal static (Tensor Features, int[] Labels) Of(AimViT model, ISampleSource source, int batch, int workers)
        => Collect(source, model.ImageSize, batch, workers, images =>
        {
            var (tokens, guidance) = model.Encode(images);
            guidance.Dispose();
            return tokens.narrow(1, 1, tokens.size(1) - 1).mean([1]);
        });

    /// <summary>Raw pixels: the normalised picture as one vector.</summary>
    internal static (Tensor Features, int[] Labels) OfPixels(ISampleSource source, int size, int batch, int workers)
        => Collect(source, size, batch, workers, images => images.flatten(1).clone());

    private static (Tensor, int[]) Collect(ISampleSource source, int size, int batch, int workers, Func<Tensor, Tensor> extract)
    {
        using var guard = no_grad();
        var parts = new List<Tensor>();
        var labels = new List<int>();
        Pictures.ForEach(source, size, batch, workers, (images, ids, _) =>
        {
            parts.Add(extract(images).DetachFromDisposeScope());
            labels.AddRange(ids);
        });
        var all = cat(parts, 0);
        foreach (var p in parts) p.Dispose();
        return (all, [.. labels]);
    }
}
