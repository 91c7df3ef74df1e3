using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Goes through a source once, in order, with the evaluation transform.</summary>
internal static class Pictures
{
    // the shorter side before the central crop
    private static int Shorter(int size) => size <= 224 ? (int)(size / 0.875) : size;

    /// <summary>Where an object of a square picture lies in what the network sees of it: resized, then cropped to <paramref name="size"/> pixels.</summary>
    /// <param name="drawn">in pixels of the picture</param>
    /// <param name="side">of the picture, pixels</param>
    /// <param name="size">of the network's pictures, pixels</param>
    internal static DrawnObject Seen(DrawnObject drawn, int side, int size)
    {
        var plan = CropGeometry.ResizeCenterCrop(side, side, Shorter(size), size);
        var scale = (double)plan.OutWidth / side;
        return new(drawn.X * scale - plan.Window.X, drawn.Y * scale - plan.Window.Y, drawn.R * scale);
    }

    /// <summary>Calls <paramref name="use"/> with normalised pictures (B × 3 × S × S), their labels and the index of the first one.</summary>
    internal static void ForEach(ISampleSource source, int size, int batch, int workers, Action<Tensor, int[], int> use)
    {
        const int slots = 3;
        using var uploader = new DeviceUploader(CPU, batch, size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        using var loader = new RingLoader(source, new EvaluationPlan(source.Count, batch, 0, 1), () => new EvaluationPipeline(Shorter(size), size), new RingOptions(workers, slots, size, batch), bytes => new TensorBatchMemory(bytes, false));
        var first = 0;
        while (loader.Take() is { } taken)
        {
            using var scope = NewDisposeScope();
            var labels = taken.Info.Take(taken.Rows).Select(i => i.Label).ToArray();
            var images = uploader.Normalize(uploader.Upload(taken));
            use(images, labels, first);
            first += labels.Length;
        }
    }
}
