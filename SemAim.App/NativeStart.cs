using System.Runtime.CompilerServices;
using SemAim.Runtime.Native;
using TorchSharp;

namespace SemAim.App;

/// <summary>Lays the native libraries before anything of TorchSharp is touched.</summary>
internal static class NativeStart
{
    // TorchSharp does not keep a tensor alive while an operation reads it: an intermediate that nothing else holds could be finalised, and its
    // storage freed, within the call. A dispose scope holds what is made on its thread, so the verbs' own thread has one from here to the end.
    [ThreadStatic] private static DisposeScope? ambient;

    internal static string Ensure()
    {
        SignalShield.KeepOff();
        Allocator.ReturnMemory();
        RuntimeHelpers.RunModuleConstructor(typeof(NativeBootstrap).Module.ModuleHandle);
        var path = NativeBootstrap.EnsureLoaded();
        ambient ??= torch.NewDisposeScope();
        return path;
    }
}
