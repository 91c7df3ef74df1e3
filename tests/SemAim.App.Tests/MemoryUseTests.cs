using SemAim.App.Training;
using SemAim.Runtime.Native;
using static TorchSharp.torch;

namespace SemAim.App.Tests;

[Collection(Evaluations.Alone.Name)]
public sealed class MemoryUseTests
{
    [Fact]
    public void Memory_in_use_grows_with_what_is_taken_and_the_peak_stays()
    {
        const int bytes = 200_000_000;
        var before = Of("memory_bytes");
        var taken = ones(bytes, dtype: uint8);
        var during = Of("memory_bytes");
        taken.Dispose();
        var peak = Of("peak_memory_bytes");

        Assert.InRange(during - before, bytes * 8 / 10, bytes * 20L / 10);
        Assert.InRange(peak, during * 9 / 10, long.MaxValue);
        Assert.DoesNotContain(MemoryUse.Now(CPU), m => m.Name == "device_memory_bytes");
        if (!cuda.is_available()) Assert.Null(CudaMemory.Used());
    }

    private static long Of(string name) => (long)MemoryUse.Now(CPU).Single(m => m.Name == name).Value!;
}
