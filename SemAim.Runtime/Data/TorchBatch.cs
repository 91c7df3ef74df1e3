using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Data;

/// <summary>Batch memory as a flat uint8 tensor, page-locked when the target is a CUDA device. Keep it for the whole run.</summary>
internal sealed unsafe class TensorBatchMemory : IBatchMemory
{
    public Tensor Tensor { get; }

    public nint Pixels { get; }

    public TensorBatchMemory(long bytes, bool pinned)
    {
        var tensor = empty(bytes, dtype: ScalarType.Byte);
        if (pinned)
        {
            var copy = tensor.pin_memory();
            tensor.Dispose();
            tensor = copy;
        }
        Tensor = tensor.DetachFromDisposeScope();
        fixed (byte* p = Tensor.bytes) Pixels = (nint)p;
    }

    public void Dispose() => Tensor.Dispose();
}

/// <summary>
/// Copies batches into one fixed uint8 tensor on the device, on the current stream, and gives their slots back. A slot may be
/// refilled when the host has waited for anything enqueued after its copy, for instance by reading the loss: call
/// <see cref="Synchronized"/> then. Without such a wait the upload waits itself before the ring runs dry.
/// </summary>
internal sealed class DeviceUploader : IDisposable
{
    private readonly Device _device;
    private readonly int _size, _maxPending;
    private readonly Queue<Batch> _pending = new();
    private readonly Tensor _bytes, _full, _mean, _std;

    public DeviceUploader(Device device, int rows, int size, int slots, float[] mean, float[] std)
    {
        (_device, _size, _maxPending) = (device, size, slots - 2);
        _bytes = empty([rows, 3, size, size], dtype: ScalarType.Byte, device: device).DetachFromDisposeScope();
        // Divisors as device tensors: CUDA replaces division by a number with multiplication by its reciprocal.
        _full = tensor(255f, device: device).DetachFromDisposeScope();
        _mean = tensor(mean, device: device).view(1, 3, 1, 1).DetachFromDisposeScope();
        _std = tensor(std, device: device).view(1, 3, 1, 1).DetachFromDisposeScope();
    }

    /// <summary>The batch's rows of the fixed tensor: uint8 NCHW. The next upload overwrites them.</summary>
    public Tensor Upload(Batch batch)
    {
        if (_pending.Count >= _maxPending && _device.type == DeviceType.CUDA)
        {
            cuda.synchronize(_device);
            Synchronized();
        }
        var memory = (TensorBatchMemory)batch.Memory;
        using var flat = memory.Tensor.narrow(0, 0, (long)batch.Rows * 3 * _size * _size);
        using var rows = flat.view(batch.Rows, 3, _size, _size);
        var target = _bytes.narrow(0, 0, batch.Rows);
        target.copy_(rows, true); // non-blocking
        if (_device.type == DeviceType.CUDA) _pending.Enqueue(batch);
        else batch.Return();
        return target;
    }

    /// <summary>Normalised float32, equal to ToTensor and Normalize bit for bit. Belongs into a captured step.</summary>
    public Tensor Normalize(Tensor bytes) => bytes.to(ScalarType.Float32).div_(_full).sub_(_mean).div_(_std);

    /// <summary>The host has waited for work enqueued after the last upload.</summary>
    public void Synchronized()
    {
        while (_pending.TryDequeue(out var batch)) batch.Return();
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _full.Dispose();
        _mean.Dispose();
        _std.Dispose();
    }
}

internal sealed record MixOptions(double Mixup = 0.8, double CutMix = 1.0, double Probability = 1, double SwitchProbability = 0.5,
    double Smoothing = 0.1, (double Min, double Max)? CutMixMinMax = null);

/// <summary>Lambda of a micro-batch after the area correction, and the CutMix box if it is CutMix.</summary>
internal readonly record struct MixDraw(double Lambda, Box? Cut);

/// <summary>timm 0.4.5 Mixup/CutMix in batch mode, RandomErasing ("pixel") and the soft targets, on normalised device batches.</summary>
internal static class DeviceAugment
{
    /// <param name="microBatch">Global micro-batch number within the epoch: the draw does not depend on the world size.</param>
    public static MixDraw DrawMix(MixOptions options, ulong seed, long epoch, long microBatch, int width, int height)
    {
        var rng = new SampleRng(seed, (ulong)epoch, (ulong)microBatch, RngStream.Mix);
        bool apply = rng.NextDouble() < options.Probability, preferCut = rng.NextDouble() < options.SwitchProbability;
        bool mixup = options.Mixup > 0, cutmix = options.CutMix > 0 || options.CutMixMinMax != null;
        if (!apply || !(mixup || cutmix)) return new MixDraw(1, null);
        bool cut = cutmix && (!mixup || preferCut);
        double lambda = rng.NextBeta(!cut ? options.Mixup : options.CutMixMinMax != null ? 1 : options.CutMix);
        if (!cut) return new MixDraw(lambda, null);
        if (options.CutMixMinMax is var (min, max))
        {
            int h = (int)(height * min) + rng.NextInt((int)(height * max) - (int)(height * min));
            int w = (int)(width * min) + rng.NextInt((int)(width * max) - (int)(width * min));
            return Corrected(new Box(rng.NextInt(width - w), rng.NextInt(height - h), w, h), width, height);
        }
        return CutMixBox(lambda, rng.NextInt(width), rng.NextInt(height), width, height);
    }

    /// <summary>The box of area 1 - lambda about a centre, cut at the border, and lambda corrected to what is left of it.</summary>
    public static MixDraw CutMixBox(double lambda, int centerX, int centerY, int width, int height)
    {
        double ratio = Math.Sqrt(1 - lambda);
        int h = (int)(height * ratio), w = (int)(width * ratio);
        int top = Math.Max(centerY - h / 2, 0), bottom = Math.Min(centerY + h / 2, height);
        int left = Math.Max(centerX - w / 2, 0), right = Math.Min(centerX + w / 2, width);
        return Corrected(new Box(left, top, right - left, bottom - top), width, height);
    }

    private static MixDraw Corrected(Box box, int width, int height)
        => new(1 - (double)box.Width * box.Height / ((double)width * height), box);

    /// <summary>Changes x in place; sample i is mixed with sample rows - 1 - i.</summary>
    public static void Mix(Tensor x, MixDraw draw)
    {
        using var scope = NewDisposeScope();
        if (draw.Cut is { } box)
        {
            if (box.Width == 0 || box.Height == 0) return;
            var part = x.narrow(2, box.Y, box.Height).narrow(3, box.X, box.Width);
            part.copy_(part.flip(0));
        }
        else if (draw.Lambda != 1)
        {
            var other = x.flip(0).mul_(1 - draw.Lambda);
            x.mul_(draw.Lambda).add_(other);
        }
    }

    /// <summary>Soft targets [rows, classes]; smoothing applies even where lambda is 1.</summary>
    public static Tensor Targets(Tensor labels, MixDraw draw, int classes, double smoothing)
    {
        using var scope = NewDisposeScope();
        double off = smoothing / classes, on = 1 - smoothing + off;
        var y = full([labels.shape[0], classes], (float)off, device: labels.device);
        // TorchSharp's scatter_ has no overload for a number.
        y.scatter_(1, labels.view(-1, 1), full([labels.shape[0], 1], (float)on, device: labels.device));
        return (y * draw.Lambda + y.flip(0) * (1 - draw.Lambda)).MoveToOuterDisposeScope();
    }

    /// <summary>Fills each row's rectangle with N(0, 1); the generator is keyed by micro-batch.</summary>
    public static void Erase(Tensor x, ReadOnlySpan<RowInfo> rows, ulong seed, long epoch, long microBatch)
    {
        using var scope = NewDisposeScope();
        ulong key = new SampleRng(seed, (ulong)epoch, (ulong)microBatch, RngStream.ErasingNoise).Next();
        using var generator = new Generator(key, x.device);
        for (int i = 0; i < rows.Length; i++)
        {
            var box = rows[i].Erase;
            if (box.Width > 0) x[i].narrow(1, box.Y, box.Height).narrow(2, box.X, box.Width).normal_(0, 1, generator);
        }
    }
}
