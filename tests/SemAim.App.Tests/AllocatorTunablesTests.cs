using System.Diagnostics;
using System.Text;

namespace SemAim.App.Tests;

/// <summary>A program that trains starts itself again with a setting of the C library that it cannot make later.</summary>
public sealed class AllocatorTunablesTests
{
    [Fact]
    public void A_program_that_trains_goes_on_in_the_same_process_with_the_same_arguments()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("GLIBC_TUNABLES") is not null) return;
        using var semaim = Semaim.Start("bench-step", "--model", "aim_tiny", "--batch_size=2", "--steps", "1000000000", "--data_path", "");
        try
        {
            var watch = Stopwatch.StartNew();
            var environment = Array.Empty<string>();
            while (!environment.Contains("GLIBC_TUNABLES=glibc.malloc.tcache_count=0") && !semaim.HasExited && watch.Elapsed < TimeSpan.FromSeconds(60))
            {
                Thread.Sleep(20);
                environment = Lines(semaim.Id, "environ");
            }
            Assert.Contains("GLIBC_TUNABLES=glibc.malloc.tcache_count=0", environment);
            Assert.Contains("OMP_NUM_THREADS=1", environment);
            Assert.Equal(["bench-step", "--model", "aim_tiny", "--batch_size=2", "--steps", "1000000000", "--data_path", ""], Lines(semaim.Id, "cmdline")[2..]);
        }
        finally { semaim.Kill(); }
    }

    [Fact]
    public void What_the_user_set_is_left_alone()
    {
        if (!OperatingSystem.IsLinux()) return;
        var (code, _, errors) = Semaim.RunWith(["GLIBC_TUNABLES=glibc.malloc.tcache_count=3"], "bench-step", "--model", "aim_tiny", "--batch_size", "2", "--steps", "1");
        Assert.True(code == 0, errors);
    }

    private static string[] Lines(int process, string file)
    {
        try { return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{process}/{file}")).TrimEnd('\n').Split('\0')[..^1]; }
        catch (IOException) { return []; }
    }
}
