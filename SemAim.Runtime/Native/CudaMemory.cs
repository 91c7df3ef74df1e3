using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>Memory of a CUDA device, asked of the driver.</summary>
internal static unsafe class CudaMemory
{
    /// <summary>Bytes taken on the device whose context this thread has; null where there is no CUDA driver or no context.</summary>
    internal static long? Used()
    {
        if (!NativeLibrary.TryLoad("libcuda.so.1", out var driver) || !NativeLibrary.TryGetExport(driver, "cuMemGetInfo_v2", out var address)) return null;
        nuint free, total;
        return ((delegate* unmanaged<nuint*, nuint*, int>)address)(&free, &total) == 0 ? (long)(total - free) : null;
    }
}
