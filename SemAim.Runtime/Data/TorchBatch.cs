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

    /// <summary>The fixed tensor that <see cref="Upload"/> fills: uint8 NCHW; stays the uploader's.</summary>
    public Tensor Bytes => _bytes;

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
