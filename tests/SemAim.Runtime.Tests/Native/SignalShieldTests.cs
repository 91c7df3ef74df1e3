using System.Runtime.InteropServices;
using SemAim.Runtime.Native;

namespace SemAim.Runtime.Tests.Native;

/// <summary>What a thread's mask says, as the system has it.</summary>
public sealed class SignalShieldTests
{
    private const int Segv = 11, Term = 15, Int = 2, Cont = 18, Activation = 34;

    [Fact]
    public void While_it_is_raised_nothing_reaches_the_thread_but_its_own_faults()
    {
        if (!OperatingSystem.IsLinux()) return;
        var before = Blocked();
        using (SignalShield.Raise())
        {
            foreach (var signal in new[] { Int, Term, Cont, Activation }) Assert.True(Has(Blocked(), signal), $"{signal} is let through");
            Assert.False(Has(Blocked(), Segv));
            using (SignalShield.Raise()) { }
            Assert.True(Has(Blocked(), Int), "the inner one gave back what the outer one keeps");
        }
        Assert.Equal(before, Blocked());
    }

    [Fact]
    public void Kept_off_for_good_a_signal_is_taken_by_another_thread_and_the_collector_still_stops_this_one()
    {
        if (!OperatingSystem.IsLinux()) return;
        var (mask, child, taken, stop) = (0UL, 0UL, new ManualResetEventSlim(), false);
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGCONT, context => taken.Set());
        var thread = new Thread(() =>
        {
            SignalShield.KeepOff();
            mask = Blocked();
            var started = new Thread(() => child = Blocked());
            started.Start();
            started.Join();
            while (!Volatile.Read(ref stop)) { }
        });
        thread.Start();
        using (var kill = System.Diagnostics.Process.Start("sh", ["-c", $"kill -CONT {Environment.ProcessId}"])) kill.WaitForExit();

        Assert.True(taken.Wait(10_000), "nobody took the signal");
        GC.Collect();                                          // would wait for ever for a loop that it cannot interrupt
        Volatile.Write(ref stop, true);
        thread.Join();
        foreach (var signal in new[] { Int, Term, Cont })
        {
            Assert.True(Has(mask, signal));
            Assert.True(Has(child, signal), "a thread that it starts inherits the mask");
        }
        Assert.False(Has(mask, Segv));
        Assert.False(Has(mask, Activation));
    }

    private static bool Has(ulong mask, int signal) => (mask >> signal - 1 & 1) != 0;

    private static ulong Blocked()
        => Convert.ToUInt64(File.ReadLines("/proc/thread-self/status").Single(l => l.StartsWith("SigBlk:", StringComparison.Ordinal))[7..].Trim(), 16);
}
