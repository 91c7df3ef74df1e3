using System.Runtime.InteropServices;
using System.Text;

namespace SemAim.Runtime.Native;

/// <summary>
/// The one setting of the C library's memory that a program cannot make for itself once it runs. glibc keeps a short list of small free pieces for every thread. Aligning a tensor
/// cuts splinters off its memory, and from that list they go to small objects that live as long as a step's graph: between them lie holes of exactly a tensor's size, and
/// none takes an aligned tensor of that size again. Without the list a step of aim_base needs half a gigabyte less (docs/training.md).
/// </summary>
internal static unsafe class AllocatorTunables
{
    private const string Variable = "GLIBC_TUNABLES", Setting = "glibc.malloc.tcache_count=0";
    // a privileged program starts without the variable above: it shall not start for ever
    private const string Done = "SEMAIM_TUNED";

    /// <summary>
    /// Starts this program again in its own process with the setting, before it has done anything: same process id, arguments, files. Returns where there is nothing to do:
    /// it was done, the user has settings, this is no Linux; or where the system refuses, which costs memory, nothing else.
    /// </summary>
    internal static void Apply()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Done) is not null || Environment.GetEnvironmentVariable(Variable) is not null) return;
        try
        {
            var arguments = Split(File.ReadAllBytes("/proc/self/cmdline"));
            var environment = Split(File.ReadAllBytes("/proc/self/environ"));
            environment.Add(Encoding.UTF8.GetBytes($"{Variable}={Setting}"));
            environment.Add(Encoding.UTF8.GetBytes($"{Done}=1"));
            byte** argv = Pointers(arguments), envp = Pointers(environment);
            fixed (byte* self = "/proc/self/exe"u8) _ = execve(self, argv, envp);        // comes back only where it failed
            NativeMemory.Free(argv);
            NativeMemory.Free(envp);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or EntryPointNotFoundException or DllNotFoundException) { }
    }

    // strings that each end with a zero
    private static List<byte[]> Split(byte[] text)
    {
        var parts = new List<byte[]>();
        for (var from = 0; from < text.Length;)
        {
            var length = text.AsSpan(from).IndexOf((byte)0);
            if (length < 0) length = text.Length - from;
            parts.Add(text[from..(from + length)]);
            from += length + 1;
        }
        return parts;
    }

    // one block: the addresses, a null, then the strings
    private static byte** Pointers(List<byte[]> strings)
    {
        var table = (byte**)NativeMemory.Alloc((nuint)((strings.Count + 1) * sizeof(byte*) + strings.Sum(s => s.Length + 1)));
        var at = (byte*)(table + strings.Count + 1);
        for (var i = 0; i < strings.Count; i++)
        {
            table[i] = at;
            strings[i].CopyTo(new Span<byte>(at, strings[i].Length));
            at[strings[i].Length] = 0;
            at += strings[i].Length + 1;
        }
        table[strings.Count] = null;
        return table;
    }

    [DllImport("libc")]
    private static extern int execve(byte* path, byte** arguments, byte** environment);
}
