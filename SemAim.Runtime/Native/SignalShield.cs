using System.Runtime.InteropServices;

namespace SemAim.Runtime.Native;

/// <summary>
/// Keeps signals away from a thread while it computes. The float32 products of the oneDNN that libtorch carries (3.7; mended in 3.11, oneDNN's issue 4845) use the stack pointer
/// for a workspace on the heap: a signal's frame is then written over whatever lies below it, and the process aborts at some later free. Signals
/// that are kept away reach another thread; faults of the thread itself (a null reference, say) are let through.
/// </summary>
internal static unsafe class SignalShield
{
    private const int Block = 0, SetMask = 2;
    private static readonly int[] Faults = [4, 5, 6, 7, 8, 11, 31];        // ILL TRAP ABRT BUS FPE SEGV SYS
    private const int FirstRealTime = 32;                                  // from here on the C library and the garbage collector talk to threads of theirs
    private static readonly SignalSet Everything = Without(Faults), Ordinary = Without([.. Faults, .. Enumerable.Range(FirstRealTime, 33)]);
    private static readonly bool IsAvailable = OperatingSystem.IsLinux();
    private static int taker;

    /// <summary>
    /// For the whole life of the calling thread, and of the threads that it starts (libtorch's workers too): what is sent to the process (SIGINT, SIGTERM, SIGCONT, …) is taken by
    /// another thread. Call on the thread that computes, before the first operation.
    /// </summary>
    internal static void KeepOff()
    {
        if (!IsAvailable) return;
        if (Interlocked.Exchange(ref taker, 1) == 0)
            new Thread(() => Thread.Sleep(Timeout.Infinite), 64 << 10) { IsBackground = true, Name = "signals" }.Start();      // one thread, whatever else there is, that takes them
        var ordinary = Ordinary;
        Check(pthread_sigmask(Block, &ordinary, null));
    }

    private static void Check(int error)
    {
        if (error != 0) throw new InvalidOperationException($"pthread_sigmask: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <summary>From here to the end of the value's life nothing is delivered to this thread, the garbage collector's call included, which a thread that computes does not need to hear.</summary>
    internal static Raised Raise() => new(IsAvailable);

    /// <summary>Gives the thread back the signals that it took before.</summary>
    internal readonly ref struct Raised
    {
        private readonly SignalSet before;
        private readonly bool isUp;

        internal Raised(bool up)
        {
            if (!up) return;
            fixed (SignalSet* everything = &Everything, old = &before) Check(pthread_sigmask(Block, everything, old));
            isUp = true;
        }

        public void Dispose()
        {
            if (!isUp) return;
            fixed (SignalSet* old = &before) Check(pthread_sigmask(SetMask, old, null));
        }
    }

    private static SignalSet Without(int[] signals)
    {
        var set = new SignalSet();
        for (var i = 0; i < 16; i++) set.Bits[i] = ulong.MaxValue;
        foreach (var signal in signals) set.Bits[(signal - 1) / 64] &= ~(1UL << (signal - 1) % 64);
        return set;
    }

    // glibc's sigset_t
    private struct SignalSet
    {
        internal fixed ulong Bits[16];
    }

    [DllImport("libc")]
    private static extern int pthread_sigmask(int how, SignalSet* set, SignalSet* old);
}
