using System.Diagnostics;

namespace SemAim.App.Tests;

/// <summary>The real program in a child process.</summary>
internal sealed class Semaim : IDisposable
{
    private readonly Process process;
    private readonly Task<string> output, errors;

    private Semaim(string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "semaim.dll"), .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["NO_COLOR"] = "1";
        process = Process.Start(start)!;
        (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
    }

    internal static Semaim Start(params string[] args) => new(args);

    internal static (int Code, string Output, string Errors) Run(params string[] args)
    {
        using var semaim = new Semaim(args);
        return semaim.End();
    }

    internal bool HasExited => process.HasExited;

    /// <summary>Waits for the end, at most so many milliseconds.</summary>
    internal bool EndsWithin(int milliseconds) => process.WaitForExit(milliseconds);

    internal void Kill() => process.Kill();

    internal void Terminate() => Process.Start("kill", ["-TERM", process.Id.ToString()]).WaitForExit();

    internal (int Code, string Output, string Errors) End()
    {
        process.WaitForExit();
        return (process.ExitCode, output.Result, errors.Result);
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill();
        process.Dispose();
    }
}
