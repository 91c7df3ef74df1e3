using System.Runtime.CompilerServices;
using SemAim.Runtime.Native;

namespace SemAim.Tests;

/// <summary>Loads libtorch before a test touches TorchSharp: a module initialiser runs only when something of its own assembly is first used.</summary>
internal static class NativeStart
{
#pragma warning disable CA2255 // the native libraries must be in place first
    [ModuleInitializer]
    internal static void Run() => NativeBootstrap.EnsureLoaded();
#pragma warning restore CA2255
}
