using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>One process at a time works in a folder: an advisory lock on the folder itself, which leaves no file behind and ends with the process, however that ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private const int ReadOnly = 0, Directory = 0x10000, CloseOnExec = 0x80000, Exclusive = 2, AtOnce = 4, WouldBlock = 11;
    private int descriptor;

    private DirectoryLock(int descriptor) => this.descriptor = descriptor;

    [DllImport("libc", SetLastError = true)] private static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
    [DllImport("libc", SetLastError = true)] private static extern int flock(int descriptor, int operation);
    [DllImport("libc")] private static extern int close(int descriptor);

    /// <summary>Takes the lock. On systems other than Linux, and on file systems that have no locks, there is none and this always succeeds.</summary>
    /// <param name="folder">that exists</param>
    /// <returns>the lock, or null where another process (or another holder in this one) has it</returns>
    /// <exception cref="IOException">the folder cannot be opened</exception>
    internal static DirectoryLock? TryTake(string folder)
    {
        if (!OperatingSystem.IsLinux()) return new(-1);
        var descriptor = open(folder, ReadOnly | Directory | CloseOnExec);
        if (descriptor < 0) throw new IOException($"{folder}: {Marshal.GetLastPInvokeErrorMessage()}");
        if (flock(descriptor, Exclusive | AtOnce) == 0 || Marshal.GetLastPInvokeError() != WouldBlock) return new(descriptor);
        _ = close(descriptor);
        return null;
    }

    public void Dispose()
    {
        if (descriptor >= 0) _ = close(descriptor);
        descriptor = -1;
    }
}
