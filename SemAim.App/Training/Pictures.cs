using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;
using SemAim.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Goes through a source once, in order, with the evaluation transform.</summary>
internal static class Pictures
{
    /// <summary>Side to which the shorter side is resized before a square is cut out (behaviour.md 6.3).</summary>
    internal static int Resize(int size) => size <= 224 ? (int)(size / 0.875) : size;

    /// <summary>The same for nearest neighbours (behaviour.md 6.9).</summary>
    internal static int NeighbourResize(int size) => size <= 224 ? Resize(size) : Math.Max(512, size);

    /// <summary>Where an object of a square picture lies in what the network sees of it: resized, then cropped to <paramref name="size"/> pixels.</summary>
    /// <param name="drawn">in pixels of the picture</param>
    /// <param name="side">of the picture, pixels</param>
    /// <param name="size">of the network's pictures, pixels</param>
    internal static DrawnObject Seen(DrawnObject drawn, int side, int size)
    {
        var plan = CropGeometry.ResizeCenterCrop(side, side, Resize(size), size);
        var scale = (double)plan.OutWidth / side;
        return new(drawn.X * scale - plan.Window.X, drawn.Y * scale - plan.Window.Y, drawn.R * scale);
    }

    /// <summary>Calls <paramref name="use"/> with normalised pictures (B × 3 × S × S), their labels and the index of the first one.</summary>
    internal static void ForEach(ISampleSource source, int size, int batch, int workers, Action<Tensor, int[], int> use) => ForEach(source, size, batch, workers, CPU, use);

    /// <summary>Calls <paramref name="use"/> with normalised pictures (B × 3 × S × S, on a device), their labels and the index of the first one.</summary>
    /// <param name="start">pictures to pass over</param>
    /// <param name="resize">side to which the shorter side is resized; null: the classifiers' (<see cref="Resize"/>)</param>
    internal static void ForEach(ISampleSource source, int size, int batch, int workers, Device device, Action<Tensor, int[], int> use, int start = 0, int? resize = null)
    {
        const int slots = 3;
        Allocator.KeepMemory();
        using var uploader = new DeviceUploader(device, batch, size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        var plan = new EvaluationPlan(source.Count - start, batch, 0, 1);
        using var loader = new RingLoader(start == 0 ? source : new Rest(source, start), plan, () => new EvaluationPipeline(resize ?? Resize(size), size, source.Decode), new RingOptions(workers, slots, size, batch), bytes => new TensorBatchMemory(bytes, device.type == DeviceType.CUDA));
        var first = start;
        while (loader.Take() is { } taken)
        {
            using var scope = NewDisposeScope();
            var labels = new int[taken.Rows];
            for (var row = 0; row < labels.Length; row++) labels[row] = taken.Info[row].Label;
            var images = uploader.Normalize(uploader.Upload(taken));
            use(images, labels, first);
            first += labels.Length;
        }
    }

    // a source without its first pictures
    private sealed class Rest(ISampleSource source, int start) : ISampleSource
    {
        public int Count => source.Count - start;
        public IReadOnlyList<string> Classes => source.Classes;
        public DecodeOptions Decode => source.Decode;
        public int Label(int index) => source.Label(index + start);
        public string Name(int index) => source.Name(index + start);
        public int Read(int index, ref byte[] buffer) => source.Read(index + start, ref buffer);
        public void Dispose() { }
    }
}
