using System.Globalization;
using System.Runtime.InteropServices;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

/// <summary>What the worker found out about one sample besides its pixels.</summary>
internal struct RowInfo
{
    private Box[]? _boxes;      // of the slot's row, reused from batch to batch
    private int _erased;

    /// <summary>Place in the source; of the substitute where one was taken.</summary>
    public int Index;

    public int Label;

    public long Epoch;

    /// <summary>RandomErasing's rectangles; often none.</summary>
    public readonly ReadOnlySpan<Box> Erase => _boxes.AsSpan(0, _erased);

    internal void Reset(SampleKey key, int label)
    {
        (Index, Epoch, Label) = (key.Index, key.Epoch, label);
        _erased = 0;
    }

    internal Span<Box> EraseRoom(int count)
    {
        if (_boxes is null || _boxes.Length < count) _boxes = new Box[count];
        return _boxes;
    }

    internal void Erased(int count) => _erased = count;
}

/// <summary>Watches one sample go through its pipeline, as <c>data-show</c> does; the pixels are the same as without.</summary>
internal unsafe interface ISampleWatcher
{
    /// <summary>A parameter that was drawn or computed.</summary>
    void Drawn(string what, string value);

    /// <summary>The picture after a stage, RGBX rows of stride bytes; valid during the call.</summary>
    void Picture(string stage, byte* rgbx, int stride, int width, int height);
}

/// <summary>Turns an encoded file into one row of a batch: planar uint8 of Size x Size. One instance per worker thread.</summary>
internal unsafe interface ISamplePipeline : IDisposable
{
    void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info);
}

/// <summary>How the training crop is made.</summary>
internal enum TrainingCrop
{
    /// <summary>A random part of the picture, resized to the square.</summary>
    RandomResized,

    /// <summary>The shorter side resized to the square's, then a random square.</summary>
    ResizeRandom,
}

/// <summary>A training transform. <see cref="Pretraining"/>, <see cref="Finetuning"/> and <see cref="LinearProbe"/> are the original's.</summary>
/// <param name="Size">side of the square that the network sees, pixels</param>
/// <param name="MinScale">smallest part of the area that a random resized crop takes</param>
/// <param name="ErasingCount">most rectangles RandomErasing draws for one picture</param>
/// <param name="ColorJitter">strength of brightness, contrast and saturation; 0: off. Only without RandAugment, as in timm</param>
/// <param name="Decode">null: as the original</param>
internal sealed record TrainingOptions(ulong Seed, int Size = 224, double MinScale = 0.2, double MaxScale = 1,
    RandAugmentOptions? RandAugment = null, double ErasingProbability = 0, int ErasingCount = 1, double ColorJitter = 0,
    TrainingCrop Crop = TrainingCrop.RandomResized, DecodeOptions? Decode = null)
{
    /// <summary>behaviour.md 7: random resized crop from a fifth of the area, flip.</summary>
    internal static TrainingOptions Pretraining(ulong seed, int size) => new(seed, size, 0.2);

    /// <summary>behaviour.md 6.3: random resized crop from 8 % of the area, flip, RandAugment or else ColorJitter; RandomErasing is filled on the device.</summary>
    internal static TrainingOptions Finetuning(ulong seed, int size, RandAugmentOptions? augment, double colorJitter, double erasing, int erasingCount)
        => new(seed, size, 0.08, 1, augment, erasing, erasingCount, augment is null ? colorJitter : 0);

    /// <summary>behaviour.md 6.8: shorter side to the square's, random square, flip.</summary>
    internal static TrainingOptions LinearProbe(ulong seed, int size) => new(seed, size, Crop: TrainingCrop.ResizeRandom);
}

internal sealed unsafe class TrainingPipeline : ISamplePipeline, ICropPlanner
{
    private readonly TrainingOptions _options;
    private readonly ImageDecoder _decoder;
    private readonly PilResampler _resampler = new();
    private readonly RandAugment? _augment;
    private readonly ColorJitter? _jitter;
    private readonly ISampleWatcher? _watcher;
    private readonly byte* _first, _second, _scratch;
    private SampleRng _geometry;
    private ResizePlan _plan;

    public TrainingPipeline(TrainingOptions options, ISampleWatcher? watcher = null)
    {
        (_options, _watcher) = (options, watcher);
        // a watcher is shown the whole picture; regions give the same pixels
        _decoder = new ImageDecoder(watcher is null ? options.Decode : (options.Decode ?? DecodeOptions.Default) with { AllowRegions = false });
        if (options.RandAugment == null && options.ColorJitter <= 0 && watcher is null) return;
        Action<AugmentOp, double>? applied = watcher is null ? null : (op, argument) => watcher.Drawn(op.ToString(), argument.ToString("R", CultureInfo.InvariantCulture));
        if (options.RandAugment != null) _augment = new RandAugment(options.RandAugment, options.Size, options.Size) { Applied = applied };
        else if (options.ColorJitter > 0) _jitter = new ColorJitter(options.ColorJitter, options.Size * options.Size) { Applied = applied };
        nuint bytes = (nuint)(options.Size * options.Size * 4 + 64);
        _first = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        _second = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        _scratch = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
    }

    public Box Plan(int width, int height)
    {
        _plan = _options.Crop == TrainingCrop.RandomResized
            ? CropGeometry.RandomResizedCrop(ref _geometry, width, height, _options.Size, _options.MinScale, _options.MaxScale)
            : CropGeometry.ResizeRandomCrop(ref _geometry, width, height, _options.Size);
        return _plan.Needed;
    }

    public void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info)
    {
        _geometry = Rng(key, RngStream.Geometry);
        var image = _decoder.Decode(file, this);
        var box = _plan.Source with { X = _plan.Source.X - image.Area.X, Y = _plan.Source.Y - image.Area.Y };
        if (_watcher is not null) Describe(image);
        byte* target = _first == null ? row : _first;
        _resampler.Run(image.Pixels, image.Stride, box, _plan.OutWidth, _plan.OutHeight, _plan.Window, _plan.Flip, target, planar: _first == null);
        if (_first != null)
        {
            _watcher?.Picture("crop", _first, _options.Size * 4, _options.Size, _options.Size);
            var rng = Rng(key, RngStream.Augment);
            byte* result = _augment != null ? _augment.Apply(ref rng, _first, _second, _scratch)
                : _jitter != null ? _jitter.Apply(ref rng, _first, _second, _scratch) : _first;
            PilResampler.ToPlanar(result, _options.Size * _options.Size, row);
            if (_augment != null || _jitter != null) _watcher?.Picture("augmented", result, _options.Size * 4, _options.Size, _options.Size);
        }
        if (_options.ErasingProbability > 0)
        {
            var rng = Rng(key, RngStream.Erasing);
            info.Erased(RandomErasing.Boxes(ref rng, _options.Size, _options.Size, _options.ErasingProbability, _options.ErasingCount, info.EraseRoom(_options.ErasingCount)));
            foreach (var erased in info.Erase) _watcher?.Drawn("erase", $"x {erased.X} y {erased.Y} width {erased.Width} height {erased.Height}");
        }
    }

    private void Describe(in DecodedImage image)
    {
        var (s, w) = (_plan.Source, _plan.Window);
        _watcher!.Drawn("picture", $"{image.Width} x {image.Height}");
        _watcher.Drawn("crop", $"x {s.X} y {s.Y} width {s.Width} height {s.Height}");
        _watcher.Drawn("resize", $"to {_plan.OutWidth} x {_plan.OutHeight}, window x {w.X} y {w.Y} {w.Width} x {w.Height}");
        _watcher.Drawn("flip", _plan.Flip ? "yes" : "no");
        _watcher.Picture("decoded", image.Pixels, image.Stride, image.Area.Width, image.Area.Height);
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

/// <summary>Resize(shorter side) and CenterCrop. <see cref="Classification"/> and <see cref="Neighbours"/> are the original's.</summary>
internal sealed unsafe class EvaluationPipeline(int resize = 256, int size = 224, DecodeOptions? decode = null, ISampleWatcher? watcher = null) : ISamplePipeline, ICropPlanner
{
    private readonly ImageDecoder _decoder = new(watcher is null ? decode : (decode ?? DecodeOptions.Default) with { AllowRegions = false });
    private readonly PilResampler _resampler = new();
    private ResizePlan _plan;

    /// <summary>Evaluation of finetuning and the linear probe (behaviour.md 6.3): up to 224 the shorter side becomes 256/224 of the size, above it the size itself.</summary>
    internal static EvaluationPipeline Classification(int size, DecodeOptions? decode = null, ISampleWatcher? watcher = null) => new(size <= 224 ? (int)(size / (224.0 / 256)) : size, size, decode, watcher);

    /// <summary>k-NN (behaviour.md 6.9): the shorter side becomes 256 where the size is 224, else 512; smaller sizes, which the original does not have, go with the former's proportion.</summary>
    internal static EvaluationPipeline Neighbours(int size) => new(size == 224 ? 256 : size > 224 ? Math.Max(512, size) : (int)(size / (224.0 / 256)), size);

    public void Run(ReadOnlySpan<byte> file, SampleKey key, byte* row, ref RowInfo info)
    {
        var image = _decoder.Decode(file, this);
        var plan = _plan;
        if (watcher is not null)
        {
            watcher.Drawn("picture", $"{image.Width} x {image.Height}");
            watcher.Drawn("resize", $"to {plan.OutWidth} x {plan.OutHeight}, window x {plan.Window.X} y {plan.Window.Y} {size} x {size}");
            watcher.Picture("decoded", image.Pixels, image.Stride, image.Width, image.Height);
        }
        _resampler.Run(image.Pixels, image.Stride, plan.Source with { X = -image.Area.X, Y = -image.Area.Y }, plan.OutWidth, plan.OutHeight, plan.Window, false, row);
    }

    public Box Plan(int width, int height)
    {
        _plan = CropGeometry.ResizeCenterCrop(width, height, resize, size);
        return _plan.Needed;
    }

    public void Dispose()
    {
        _decoder.Dispose();
        _resampler.Dispose();
    }
}
