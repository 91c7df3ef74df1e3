using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>How much memory a run takes, for metrics.jsonl; asked where a line is logged, never within a step.</summary>
internal static unsafe class MemoryUse
{
    /// <summary>Members of a logged line, bytes: <c>memory_bytes</c> (resident now), <c>peak_memory_bytes</c> (resident at most since the process began), and on a CUDA device <c>device_memory_bytes</c> (taken on it, by whomever).</summary>
    internal static (string Name, object? Value)[] Now(Device device)
    {
        using var process = Process.GetCurrentProcess();
        (string, object?)[] host = [("memory_bytes", process.WorkingSet64), ("peak_memory_bytes", Math.Max(process.PeakWorkingSet64, process.WorkingSet64))];                // the kernel counts the peak a little late
        return device.type == DeviceType.CUDA && OnDevice() is { } bytes ? [.. host, ("device_memory_bytes", bytes)] : host;
    }

    /// <summary>Bytes taken on the device whose context this thread has; null where there is no CUDA driver or no context.</summary>
    internal static long? OnDevice()
    {
        if (!NativeLibrary.TryLoad("libcuda.so.1", out var driver) || !NativeLibrary.TryGetExport(driver, "cuMemGetInfo_v2", out var address)) return null;
        nuint free, total;
        return ((delegate* unmanaged<nuint*, nuint*, int>)address)(&free, &total) == 0 ? (long)(total - free) : null;
    }
}
