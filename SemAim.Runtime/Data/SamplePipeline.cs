using System.Runtime.InteropServices;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

/// <summary>What the worker found out about one sample besides its pixels.</summary>
internal struct RowInfo
{
    public int Index, Label;
    public Box Erase;         // empty: none (one rectangle; more need a list)
}

/// <summary>Turns an encoded file into one row of a batch: planar uint8 of Size x Size. One instance per worker thread.</summary>
internal unsafe interface ISamplePipeline : IDisposable
{
    void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info);
}

internal sealed record TrainingOptions(ulong Seed, int Size = 224, double MinScale = 0.2, double MaxScale = 1,
    RandAugmentOptions? RandAugment = null, double ErasingProbability = 0);

internal sealed unsafe class TrainingPipeline : ISamplePipeline, ICropPlanner
{
    private readonly TrainingOptions _options;
    private readonly ImageDecoder _decoder = new();
    private readonly PilResampler _resampler = new();
    private readonly RandAugment? _augment;
    private readonly byte* _first, _second, _scratch;
    private SampleRng _geometry;
    private ResizePlan _plan;

    public TrainingPipeline(TrainingOptions options)
    {
        _options = options;
        if (options.RandAugment == null) return;
        _augment = new RandAugment(options.RandAugment, options.Size, options.Size);
        nuint bytes = (nuint)(options.Size * options.Size * 4 + 64);
        _first = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        _second = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        _scratch = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
    }

    public Box Plan(int width, int height)
    {
        _plan = CropGeometry.RandomResizedCrop(ref _geometry, width, height, _options.Size, _options.MinScale, _options.MaxScale);
        return _plan.Source;
    }

    public void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info)
    {
        _geometry = Rng(key, RngStream.Geometry);
        var image = _decoder.Decode(file, this);
        var box = _plan.Source with { X = _plan.Source.X - image.Area.X, Y = _plan.Source.Y - image.Area.Y };
        byte* target = _augment == null ? row : _first;
        _resampler.Run(image.Pixels, image.Stride, box, _plan.OutWidth, _plan.OutHeight, _plan.Window, _plan.Flip, target, planar: _augment == null);
        if (_augment != null)
        {
            var rng = Rng(key, RngStream.Augment);
            byte* result = _augment.Apply(ref rng, _first, _second, _scratch);
            PilResampler.ToPlanar(result, _options.Size * _options.Size, row);
        }
        if (_options.ErasingProbability > 0)
        {
            var rng = Rng(key, RngStream.Erasing);
            Span<Box> boxes = stackalloc Box[1];
            if (CropGeometry.ErasingBoxes(ref rng, _options.Size, _options.Size, _options.ErasingProbability, 1, boxes) > 0) info.Erase = boxes[0];
        }
    }

    private SampleRng Rng(SampleKey key, RngStream stream) => new(_options.Seed, (ulong)key.Epoch, (ulong)key.Index, stream);

    public void Dispose()
    {
        _decoder.Dispose();
        _resampler.Dispose();
        NativeMemory.AlignedFree(_first);
        NativeMemory.AlignedFree(_second);
        NativeMemory.AlignedFree(_scratch);
    }
}

/// <summary>Resize(shorter side) and CenterCrop.</summary>
internal sealed unsafe class EvaluationPipeline(int resize = 256, int size = 224) : ISamplePipeline
{
    private readonly ImageDecoder _decoder = new();
    private readonly PilResampler _resampler = new();

    public void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info)
    {
        var image = _decoder.Decode(file);
        var plan = CropGeometry.ResizeCenterCrop(image.Width, image.Height, resize, size);
        _resampler.Run(image.Pixels, image.Stride, plan.Source, plan.OutWidth, plan.OutHeight, plan.Window, false, row);
    }

    public void Dispose()
    {
        _decoder.Dispose();
        _resampler.Dispose();
    }
}
