using System.Runtime.CompilerServices;
using SemAim.Runtime.Native;

namespace SemAim.Tests;

/// <summary>Loads libtorch before a test touches TorchSharp: a module initialiser runs only when something of its own assembly is first used.</summary>
internal static class NativeStart
{
#pragma warning disable CA2255 // the native libraries must be in place first
    [ModuleInitializer]
    internal static void Run()
    {
        NativeBootstrap.EnsureLoaded();
        // the test projects run side by side on few cores: threads that wait for each other actively would slow all of them down
        TorchSharp.torch.set_num_threads(1);
    }
#pragma warning restore CA2255
}
