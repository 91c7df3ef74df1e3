using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>Makes renames in a folder survive a loss of power; .NET syncs files only.</summary>
internal static class DirectorySync
{
    private const int ReadOnly = 0, Directory = 0x10000;

    [DllImport("libc", SetLastError = true)] private static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
    [DllImport("libc", SetLastError = true)] private static extern int fsync(int descriptor);
    [DllImport("libc")] private static extern int close(int descriptor);

    /// <summary>Flushes a folder's entries; on systems other than Linux this does nothing.</summary>
    /// <exception cref="IOException">the disk refuses</exception>
    internal static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = open(folder, ReadOnly | Directory);
        if (descriptor < 0) throw new IOException($"{folder}: {Marshal.GetLastPInvokeErrorMessage()}");
        try
        {
            // file systems that cannot sync a folder say EINVAL
            if (fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() != 22) throw new IOException($"{folder}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        finally { _ = close(descriptor); }
    }
}
