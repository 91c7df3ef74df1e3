using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>
/// Lets the C library keep freed memory for the next step. By default it gives tensors of some megabytes back to the system and gets cleared
/// pages for the next ones; a training step makes thousands of them, and the page faults took up to a quarter of it. What is made once, as weights
/// are before they move into an arena, is better given back: the holes that it leaves fit nothing that a step makes.
/// </summary>
internal static class Allocator
{
    private const int TrimThreshold = -1, TopPad = -2, MmapThreshold = -3, MmapMax = -4;

    [DllImport("libc")]
    private static extern int mallopt(int parameter, int value);

    /// <summary>Large tensors are given back when they are freed; call before the first one. Without glibc this does nothing. What the environment sets (MALLOC_…) is left alone.</summary>
    internal static void ReturnMemory() => Set((MmapThreshold, 128 << 10));

    /// <summary>Freed memory is kept from now on; call before the first step or the first batch. Without glibc this does nothing. What the environment sets (MALLOC_…) is left alone.</summary>
    internal static void KeepMemory() => Set((MmapMax, 0), (TrimThreshold, int.MaxValue), (TopPad, 1 << 20));

    private static void Set(params ReadOnlySpan<(int Parameter, int Value)> options)
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("MALLOC_MMAP_MAX_") is not null || Environment.GetEnvironmentVariable("MALLOC_TRIM_THRESHOLD_") is not null) return;
        try
        {
            foreach (var (parameter, value) in options) _ = mallopt(parameter, value);          // a refusal (0) costs speed, nothing else
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException) { }
    }
}
