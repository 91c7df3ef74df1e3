using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>
/// Lets the C library keep freed memory for the next step. By default it gives tensors of some megabytes back to the system and gets cleared
/// pages for the next ones; a training step makes thousands of them, and the page faults took up to a quarter of it.
/// </summary>
internal static class Allocator
{
    private const int TrimThreshold = -1, TopPad = -2, MmapMax = -4;

    [DllImport("libc")]
    private static extern int mallopt(int parameter, int value);

    /// <summary>For a process that trains; call before the first tensor. Without glibc this does nothing. What the environment sets (MALLOC_…) is left alone.</summary>
    internal static void KeepMemory()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("MALLOC_MMAP_MAX_") is not null || Environment.GetEnvironmentVariable("MALLOC_TRIM_THRESHOLD_") is not null) return;
        try
        {
            // a refusal (0) costs speed, nothing else
            _ = mallopt(MmapMax, 0);
            _ = mallopt(TrimThreshold, int.MaxValue);
            _ = mallopt(TopPad, 64 << 20);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException) { }
    }
}
