using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>
/// Where the C library takes tensors' memory from. By default it gives tensors of some megabytes back to the system and gets cleared pages of 4 KB for the next ones; a training
/// step makes thousands of them, and the page faults took up to a quarter of it. From <see cref="KeepMemory"/> on they come from one region of large pages that stays, which
/// spares the processor's address cache too. What is made once, as weights are before they move into an arena, is better given back: the holes that it leaves fit nothing that a
/// step makes, and every search for memory walks past them.
/// </summary>
internal static class Allocator
{
    private const int FastChunks = 1, TrimThreshold = -1, TopPad = -2, MmapThreshold = -3, MmapMax = -4;
    private const int HugePage = 14;                           // MADV_HUGEPAGE
    private const nint LargePage = 2 << 20;
    private static bool isKept;

    /// <summary>Large tensors are given back when they are freed; call before the first one. Without glibc this does nothing. What the environment sets (MALLOC_…) is left alone.</summary>
    internal static void ReturnMemory() => Try(() => _ = mallopt(MmapThreshold, 128 << 10));

    /// <summary>Freed memory is kept from now on; call before the first step or the first batch, on the thread that computes. Later calls do nothing.</summary>
    internal static void KeepMemory()
    {
        if (isKept) return;
        isKept = true;
        Try(() =>
        {
            _ = mallopt(MmapMax, 0);                           // a refusal (0) costs speed, nothing else
            _ = mallopt(TrimThreshold, -1);
            _ = mallopt(TopPad, 64 << 20);
            // A tensor is aligned by cutting splinters off both ends of its memory. Kept apart for quick reuse they would part the holes that freed tensors leave, none of
            // which could then take an aligned tensor of its own size; given back at once they join them.
            _ = mallopt(FastChunks, 0);
            Reserve(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);
        });
    }

    private static void Try(Action set)
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("MALLOC_MMAP_MAX_") is not null || Environment.GetEnvironmentVariable("MALLOC_TRIM_THRESHOLD_") is not null) return;
        try { set(); }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException) { }
    }

    // Address space only: nothing of it is memory before it is touched. Where even that is refused, the region grows as it is needed, in small pages.
    private static void Reserve(long bytes)
    {
        var start = sbrk(0);
        if (malloc((nint)bytes) is var reserve && reserve == 0) return;
        free(reserve);
        var (from, to) = ((start + LargePage - 1) & -LargePage, sbrk(0) & -LargePage);
        if (to > from) _ = madvise(from, to - from, HugePage); // a kernel without large pages says no
    }

    [DllImport("libc")]
    private static extern int mallopt(int parameter, int value);

    [DllImport("libc")]
    private static extern nint malloc(nint bytes);

    [DllImport("libc")]
    private static extern void free(nint memory);

    [DllImport("libc")]
    private static extern nint sbrk(nint increment);

    [DllImport("libc")]
    private static extern int madvise(nint address, nint length, int advice);
}
