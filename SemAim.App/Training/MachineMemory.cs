namespace SemAim.App.Training;

/// <summary>Memory that a process could still have.</summary>
internal static class MachineMemory
{
    /// <summary>Bytes that could still be allocated, of the machine or the container.</summary>
    internal static long Free()
    {
        var machine = File.Exists("/proc/meminfo") && File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line && long.TryParse(line.AsSpan(13, line.Length - 15).Trim(), out var kilobytes) ? kilobytes * 1024 : long.MaxValue;
        return Math.Max(0, Math.Min(machine, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet));
    }
}
