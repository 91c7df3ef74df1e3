using System.Runtime.CompilerServices;
using SemAim.Runtime.Native;

namespace SemAim.App;

/// <summary>Lays the native libraries before anything of TorchSharp is touched.</summary>
internal static class NativeStart
{
    internal static string Ensure()
    {
        Allocator.KeepMemory();
        RuntimeHelpers.RunModuleConstructor(typeof(NativeBootstrap).Module.ModuleHandle);
        return NativeBootstrap.EnsureLoaded();
    }
}
