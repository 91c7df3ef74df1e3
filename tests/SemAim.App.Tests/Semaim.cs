using System.Diagnostics;

namespace SemAim.App.Tests;

/// <summary>The real program in a child process.</summary>
internal sealed class Semaim : IDisposable
{
    private readonly Process process;
    private readonly Task<string> output, errors;

    private Semaim(string program, string[] args)
    {
        var start = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["NO_COLOR"] = "1";
        process = Process.Start(start)!;
        (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
    }

    // a test run in the background of a shell ignores SIGINT, and its children would too
    private static string[] Dotnet(string[] args) => ["--default-signal=INT,TERM", "dotnet", Path.Combine(AppContext.BaseDirectory, "semaim.dll"), .. args];

    internal static Semaim Start(params string[] args) => new("env", Dotnet(args));

    internal static (int Code, string Output, string Errors) Run(params string[] args)
    {
        using var semaim = Start(args);
        return semaim.End();
    }

    /// <summary>On a disk that takes no file above so many kilobytes.</summary>
    internal static (int Code, string Output, string Errors) RunWithin(int kilobytes, params string[] args)
    {
        // the runtime's own memory files are larger, so it is told to do without
        using var semaim = new Semaim("bash", ["-c", "ulimit -f $0; export DOTNET_EnableWriteXorExecute=0; exec env --ignore-signal=XFSZ \"$@\"", $"{kilobytes}", .. Dotnet(args)]);
        return semaim.End();
    }

    /// <summary>With variables of the environment, <c>NAME=VALUE</c> each.</summary>
    internal static (int Code, string Output, string Errors) RunWith(string[] variables, params string[] args)
    {
        using var semaim = new Semaim("env", [Dotnet(args)[0], .. variables, .. Dotnet(args)[1..]]);
        return semaim.End();
    }

    /// <summary>In a shell, behind what is added to the command: <c>2>/dev/full</c>, <c>| head -1</c>. The code is the program's.</summary>
    internal static (int Code, string Output, string Errors) RunInto(string redirection, params string[] args)
    {
        using var semaim = new Semaim("bash", ["-c", $"env \"$@\" {redirection}; exit ${{PIPESTATUS[0]}}", "bash", .. Dotnet(args)]);
        return semaim.End();
    }

    internal int Id => process.Id;

    internal bool HasExited => process.HasExited;

    /// <summary>Waits for the end, at most so many milliseconds.</summary>
    internal bool EndsWithin(int milliseconds) => process.WaitForExit(milliseconds);

    internal void Kill() => process.Kill();

    internal void Terminate() => Signal("TERM");

    internal void Signal(string name)
    {
        using var kill = Process.Start("sh", ["-c", $"kill -{name} {process.Id}"]);           // the shell's own: not every machine has the program
        kill.WaitForExit();
    }

    /// <summary>Sends a signal as often as a shell can, until the process is gone.</summary>
    internal void Flood(string name)
    {
        using var flood = Process.Start("bash", ["-c", $"while kill -{name} {process.Id} 2>/dev/null; do sleep 0.001; done"]);
        process.WaitForExit();
        flood.WaitForExit();
    }

    internal (int Code, string Output, string Errors) End()
    {
        process.WaitForExit();
        // ILL, ABRT, BUS, FPE, SEGV: no test wants that, and what it said on the way is the only trace
        if (process.ExitCode is 132 or 134 or 135 or 136 or 139) Assert.Fail($"semaim crashed with {process.ExitCode}\n{output.Result}\n{errors.Result}");
        // a process that a signal ended says nothing itself
        return (process.ExitCode, output.Result, errors.Result + (process.ExitCode > 128 ? $"ended by signal {process.ExitCode - 128}\n" : ""));
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill();
        process.Dispose();
    }
}
