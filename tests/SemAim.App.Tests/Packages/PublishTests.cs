using System.Diagnostics;

namespace SemAim.App.Tests.Packages;

/// <summary>The program as it is published, and libtorch found from there.</summary>
public sealed class PublishTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-published-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_published_program_loads_its_libraries_and_says_from_where()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "SemAim.sln"))) root = root.Parent;
        var configuration = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";

        var published = Run(root.FullName, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", "publish", "SemAim.App", "-c", configuration, "--no-build", "--no-restore", "-o", folder, "-v", "q", "-nologo");
        Assert.True(published.ExitCode == 0, published.Output);
        var shown = Run(Path.GetTempPath(), Path.Combine(folder, "semaim"), "model-show", "--model", "aim_tiny", "--json");

        Assert.True(shown.ExitCode == 0, shown.Output);
        Assert.Contains("\"name\":\"aim_tiny\"", shown.Output.Replace(" ", ""));
    }

    private static (int ExitCode, string Output) Run(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        foreach (var name in new[] { "MSBuildExtensionsPath", "MSBuildSDKsPath", "MSBUILD_EXE_PATH", "MSBuildLoadMicrosoftTargetsReadOnly" }) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}
