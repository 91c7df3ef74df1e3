using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Goes through a source once, in order, with the evaluation transform.</summary>
internal static class Pictures
{
    /// <summary>Calls <paramref name="use"/> with normalised pictures (B × 3 × S × S), their labels and the index of the first one.</summary>
    internal static void ForEach(ISampleSource source, int size, int batch, int workers, Action<Tensor, int[], int> use)
    {
        const int slots = 3;
        var resize = size <= 224 ? (int)(size / 0.875) : size;
        using var uploader = new DeviceUploader(CPU, batch, size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        using var loader = new RingLoader(source, new EvaluationPlan(source.Count, batch, 0, 1), () => new EvaluationPipeline(resize, size), new RingOptions(workers, slots, size, batch), bytes => new TensorBatchMemory(bytes, false));
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
