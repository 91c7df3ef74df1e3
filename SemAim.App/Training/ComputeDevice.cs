using System.Globalization;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>The option <c>--device</c>.</summary>
internal static class ComputeDevice
{
    /// <summary>Help text of the option.</summary>
    internal const string Help = "cpu, cuda, cuda:N or auto (cuda where there is one).";

    /// <summary>The device that a name stands for.</summary>
    /// <exception cref="UsageException">there is no such device</exception>
    internal static Device Of(string name) => Of(name, cuda.is_available() ? cuda.device_count() : 0);

    internal static Device Of(string name, int gpus)
    {
        if (name == "auto") return gpus > 0 ? new Device(DeviceType.CUDA, 0) : CPU;
        if (name == "cpu") return CPU;
        var index = name == "cuda" ? 0 : name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : -1;
        if (index < 0) throw new UsageException($"--device {name}: choose cpu, cuda, cuda:N or auto");
        if (gpus == 0) throw new UsageException($"--device {name}: this libtorch sees no GPU; 'semaim doctor' says why");
        return index < gpus ? new Device(DeviceType.CUDA, index) : throw new UsageException($"--device {name}: there are {gpus} GPUs, 0 to {gpus - 1}");
    }
}
