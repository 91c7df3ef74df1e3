using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>The threads that libtorch computes with.</summary>
internal static class OpenMp
{
    // about a tenth of a millisecond: longer than the ends of a well-divided product lie apart, shorter than a turn of the system's scheduler
    private const string Spins = "2000";

    /// <summary>
    /// A thread that waits for the others spins for a while before it sleeps: by default for some milliseconds, which is processor time that a machine with anything else to do
    /// does not have. Call before libtorch is loaded. What the environment sets is left alone.
    /// </summary>
    internal static void BoundSpinning()
    {
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not null) return;
        try { _ = setenv("GOMP_SPINCOUNT", Spins, 0); }        // the runtime's own variables are not the C library's; a refusal costs processor time, nothing else
        catch (EntryPointNotFoundException) { }
    }

    [DllImport("libc", CharSet = CharSet.Ansi)]
    private static extern int setenv(string name, string value, int overwrite);
}
