using System.Diagnostics;
using System.Text.Json;

namespace SemAim.App.Tests;

/// <summary>What can be said of the check of a CUDA machine on one without.</summary>
public sealed class CudaCheckTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-cuda-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Rehearsed_on_a_processor_every_part_runs_and_parity_is_exact()
    {
        var (code, output, errors) = Semaim.Run("cuda-check", "--rehearse", "--batch-size", "2", "--steps", "1");

        Assert.True(code == 0, errors);
        var said = Last(output);
        Assert.False(said.GetProperty("cuda").GetBoolean());
        foreach (var precision in new[] { "fp32", "bf16" })
        {
            var parity = said.GetProperty("parity").GetProperty(precision);
            Assert.True(parity.GetProperty("passed").GetBoolean());
            Assert.Equal((0.0, 0.0), (parity.GetProperty("loss_difference").GetDouble(), parity.GetProperty("gradient_difference").GetDouble()));
        }
        var (called, replayed) = (said.GetProperty("step"), said.GetProperty("step_with_graphs"));
        foreach (var member in new[] { "seconds", "images_per_second", "gflops", "gemm_gflops", "utilisation", "loss" }) Assert.True(called.GetProperty(member).GetDouble() > 0 && replayed.GetProperty(member).GetDouble() > 0, member);
        Assert.False(replayed.GetProperty("captured").GetBoolean());
    }

    [SkippableWithGpuFact]
    public void Without_a_GPU_it_says_so_and_ends_with_1()
    {
        var (code, output, errors) = Semaim.Run("cuda-check");

        Assert.Equal(1, code);
        Assert.Contains("sees no GPU", errors);
        Assert.False(Last(output).GetProperty("cuda").GetBoolean());
        Assert.Contains("sees no GPU", Last(output).GetProperty("error").GetString());
    }

    [Theory]
    [InlineData(null, "has no module torch")]
    [InlineData("1.13.1", "PyTorch 1.13 in")]
    [InlineData("2.9.0+cu128", "PyTorch 2.9 in")]
    [InlineData("2.10.0+cu128", "has no lib/libtorch_cpu.so")]
    public void The_script_says_which_PyTorch_it_found_and_why_it_does_not_do(string? version, string said)
    {
        var (code, output, errors) = Script(version, withLibrary: false);

        Assert.Equal(1, code);
        Assert.Contains(said, errors);
        Assert.False(Last(output).GetProperty("cuda").GetBoolean());
        Assert.Contains(said, Last(output).GetProperty("error").GetString());
    }

    [SkippableWithGpuFact]
    public void The_script_hands_the_libtorch_of_a_new_enough_PyTorch_to_the_program()
    {
        var (code, output, errors) = Script("2.11.0", withLibrary: true);

        Assert.True(code == 1, errors);
        Assert.Contains("PyTorch 2.11 in", errors);
        Assert.Contains($"cuda-check --steps 3; {Path.Combine(folder, "site", "torch", "lib")}", errors);
        Assert.False(Last(output).GetProperty("cuda").GetBoolean());
    }

    [Fact]
    public void Without_the_packed_program_the_script_says_what_makes_it()
    {
        File.Copy(ScriptPath, Path.Combine(folder, "cuda-check.sh"));

        var (code, output, errors) = Bash([Path.Combine(folder, "cuda-check.sh"), "run"], null);

        Assert.Equal(1, code);
        Assert.Contains("'cuda-check.sh pack' makes it", errors);
        Assert.Contains("'cuda-check.sh pack' makes it", Last(output).GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("echo a library is missing >&2; exit 127", 127)]
    [InlineData("echo starting; kill -SEGV $$", 139)]
    public void A_program_that_the_machine_cannot_run_is_told_in_JSON_too(string does, int ended)
    {
        var (code, output, _) = Script("2.11.0", withLibrary: true, does);

        Assert.Equal(1, code);
        Assert.False(Last(output).GetProperty("cuda").GetBoolean());
        Assert.Contains($"ended with code {ended}", Last(output).GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("nowhere")]                                    // there is none
    [InlineData("broken")]                                     // a file that is no library
    public void Without_a_libtorch_the_program_prints_one_object_with_the_error(string kind)
    {
        // the program without its native libraries, as it is packed
        var app = Directory.CreateDirectory(Path.Combine(folder, "bare")).FullName;
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory).Where(f => !Path.GetFileName(f).StartsWith("lib", StringComparison.Ordinal)))
            File.CreateSymbolicLink(Path.Combine(app, Path.GetFileName(file)), file);
        var torch = Path.Combine(folder, "torch");
        if (kind == "broken")
        {
            Directory.CreateDirectory(torch);
            foreach (var name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" }) File.WriteAllText(Path.Combine(torch, name), "no library");
        }

        var (code, output, errors) = Run(new ProcessStartInfo("dotnet", [Path.Combine(app, "semaim.dll"), "cuda-check"]) { Environment = { ["SEMAIM_LIBTORCH"] = torch } });

        Assert.True(code == 1, errors);
        Assert.Single(output.Trim().Split('\n'));
        Assert.False(Last(output).GetProperty("cuda").GetBoolean());
        Assert.Contains("libtorch does not load: ", Last(output).GetProperty("error").GetString());
    }

    private static string ScriptPath => Path.Combine(GoldenFolder.Repository, "tests", "cuda", "cuda-check.sh");

    // the script beside a program that tells what it was given, and an interpreter that finds a torch of some version, or none
    private (int Code, string Output, string Errors) Script(string? version, bool withLibrary, string does = """echo "$*; $SEMAIM_LIBTORCH" >&2; echo '{"cuda":false}'; exit 1""")
    {
        var (app, torch) = (Directory.CreateDirectory(Path.Combine(folder, "app")).FullName, Path.Combine(folder, "site", "torch"));
        File.Copy(ScriptPath, Path.Combine(folder, "cuda-check.sh"));
        Executable(Path.Combine(app, "semaim"), does);
        Directory.CreateDirectory(Path.Combine(torch, "lib"));
        if (withLibrary) File.WriteAllText(Path.Combine(torch, "lib", "libtorch_cpu.so"), "");
        var python = Path.Combine(folder, "python");
        Executable(python, version is null ? "exit 1" : $"echo {string.Join('.', version.Split('.')[..2])} {torch}");
        return Bash([Path.Combine(folder, "cuda-check.sh"), "run", "--steps", "3"], python);
    }

    private static void Executable(string path, string text)
    {
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static (int Code, string Output, string Errors) Bash(string[] arguments, string? python)
    {
        var start = new ProcessStartInfo("bash", arguments);
        if (python is not null) start.Environment["PYTHON"] = python;
        return Run(start);
    }

    private static (int Code, string Output, string Errors) Run(ProcessStartInfo start)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    private static JsonElement Last(string output) => JsonDocument.Parse(output.Trim().Split('\n')[^1]).RootElement;
}

/// <summary>A test of what is said where there is no GPU.</summary>
internal sealed class SkippableWithGpuFactAttribute : FactAttribute
{
    public SkippableWithGpuFactAttribute()
    {
        if (File.Exists("/dev/nvidiactl")) Skip = "this machine has an NVIDIA GPU";
    }
}
