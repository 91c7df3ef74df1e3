using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>
/// Lets a library load where libstdc++ is older than the one it was linked with. The dynamic linker refuses a library as soon as it lists a symbol
/// version that is not defined, even one that nothing refers to (docs/native-loading.md).
/// </summary>
internal static class LibraryRelaxation
{
    private const string StandardLibrary = "libstdc++.so.6";

    /// <summary>A copy of the library in which the versions that this machine lacks are optional, and the versions' names.</summary>
    /// <param name="library">the file as shipped</param>
    /// <param name="path">for messages</param>
    /// <exception cref="DllNotFoundException">a symbol that is really called exists here in no version</exception>
    internal static (byte[] Image, IReadOnlyList<string> Relaxed) Relax(byte[] library, string path)
    {
        if (!NativeLibrary.TryLoad(StandardLibrary, out var standard)) throw new DllNotFoundException($"{path} needs {StandardLibrary}, which is not on this machine (Debian: apt-get install libstdc++6)");
        var elf = new ElfImports(library);
        var relaxed = new List<string>();
        foreach (var version in elf.Versions.Where(v => v.Library == StandardLibrary))
        {
            if (version.Imports.Any(i => dlvsym(standard, i.Name, version.Name) != 0)) continue;
            foreach (var import in version.Imports.Where(i => i.Referenced))
            {
                if (!NativeLibrary.TryGetExport(standard, import.Name, out _))
                    throw new DllNotFoundException($"{path} calls {import.Name} of {version.Name}, which this machine's {StandardLibrary} does not have in any version; a distribution with GCC 11 or newer has it");
                elf.Unversion(import);
            }
            elf.MakeOptional(version);
            relaxed.Add(version.Name);
        }
        return (elf.Image, relaxed);
    }

    [DllImport("libc", BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern nint dlvsym(nint handle, [MarshalAs(UnmanagedType.LPUTF8Str)] string symbol, [MarshalAs(UnmanagedType.LPUTF8Str)] string version);
}
