using System.Diagnostics;
using SemAim.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>How much memory a run takes, for metrics.jsonl; asked where a line is logged, never within a step.</summary>
internal static class MemoryUse
{
    /// <summary>Members of a logged line, bytes: <c>memory_bytes</c> (resident now), <c>peak_memory_bytes</c> (resident at most since the process began), and on a CUDA device <c>device_memory_bytes</c> (taken on it, by whomever).</summary>
    internal static (string Name, object? Value)[] Now(Device device)
    {
        using var process = Process.GetCurrentProcess();
        (string, object?)[] host = [("memory_bytes", process.WorkingSet64), ("peak_memory_bytes", Math.Max(process.PeakWorkingSet64, process.WorkingSet64))];                // the kernel counts the peak a little late
        return device.type == DeviceType.CUDA && CudaMemory.Used() is { } bytes ? [.. host, ("device_memory_bytes", bytes)] : host;
    }
}
