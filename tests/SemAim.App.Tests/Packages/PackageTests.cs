using System.Diagnostics;
using System.Text.RegularExpressions;

namespace SemAim.App.Tests.Packages;

/// <summary>An author outside the repository: packages from a local folder, nothing from a network that the machine does not already have.</summary>
public sealed class PackageTests : IDisposable
{
    private static readonly string Configuration = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-author-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string Root
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(at!.FullName, "SemAim.sln"))) at = at.Parent;
            return at.FullName;
        }
    }

    [Fact]
    public void The_readme_s_example_builds_against_the_packages_runs_and_a_wrong_width_stops_the_build()
    {
        var version = $"0.1.0-test{Environment.ProcessId}";
        foreach (var project in new[] { "SemAim.Generators", "SemAim.Runtime" })
            Succeeds(Dotnet(Root, "pack", project, "-c", Configuration, "--no-build", "--no-restore", "-o", Path.Combine(folder, "packages"), $"-p:PackageVersion={version}", "-v", "q", "-nologo"));
        var example = Regex.Match(File.ReadAllText(Path.Combine(Root, "README.md")), "## Declaring a model.*?```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Contains("[Module]", example);
        Directory.CreateDirectory(Path.Combine(folder, "author"));
        Write("author/Author.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <InvariantGlobalization>true</InvariantGlobalization>
                <SatelliteResourceLanguages>en</SatelliteResourceLanguages>
                <RestorePackagesPath>{Path.Combine(folder, "restored")}</RestorePackagesPath>
                <RestoreFallbackFolders>{GlobalPackages}</RestoreFallbackFolders>
                <RestoreAdditionalProjectSources>{Path.Combine(folder, "packages")}</RestoreAdditionalProjectSources>
                <NoWarn>$(NoWarn);NU1603</NoWarn>
                <CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>true</CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>
                <CreateHardLinksForCopyLocalIfPossible>true</CreateHardLinksForCopyLocalIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="SemAim.Runtime" Version="{version}" />
              </ItemGroup>
            </Project>
            """);
        Write("author/SelfAttention.cs", example);
        // TorchSharp before anything of SemAim: the package has the native libraries in place by then
        Write("author/Program.cs", """
            using SemAim.Dsl;
            using static TorchSharp.torch;

            using var x = randn(2, 5, 8);
            var attention = new SelfAttention(D: 8, H: 2);
            using var y = attention.Forward(x);
            var specified = attention.Forward(Sym.Of(x, Run.Eval)).Value;
            Console.WriteLine($"shape {string.Join(' ', y.shape)}, equal {(y - specified).abs().max().item<float>() < 1e-5}, weights {string.Join(' ', attention.Manifest().Select(e => e.Key))}");
            """);

        Succeeds(Dotnet(Path.Combine(folder, "author"), "build", "-v", "q", "-nologo"));
        var ran = Run(Path.Combine(folder, "author"), Path.Combine(folder, "author", "bin", "Debug", "net10.0", "Author"));
        Succeeds(ran);
        Assert.Contains("shape 2 5 8, equal True, weights qkv.weight qkv.bias proj.weight proj.bias", ran.Output);

        Write("author/SelfAttention.cs", example.Replace("new(D, 3 * D)", "new(D, 2 * D)"));
        var wrong = Dotnet(Path.Combine(folder, "author"), "build", "--no-restore", "-v", "q", "-nologo");
        Assert.NotEqual(0, wrong.ExitCode);
        Assert.Contains("error SEM0201: axis 2 of `qkv.Forward(x)` has size 2·D, but \"(3 H E)\" says 3·D", wrong.Output);
    }

    [Fact]
    public void A_project_that_only_references_the_runtime_finds_libtorch()
    {
        Directory.CreateDirectory(Path.Combine(folder, "bare"));
        Write("bare/Bare.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>true</CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>
                <CreateHardLinksForCopyLocalIfPossible>true</CreateHardLinksForCopyLocalIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <ProjectReference Include="{Path.Combine(Root, "SemAim.Runtime", "SemAim.Runtime.csproj")}" />
              </ItemGroup>
            </Project>
            """);
        Write("bare/Program.cs", """
            using SemAim.Dsl;
            using static TorchSharp.torch;

            var layer = new LayerNorm(4);
            using var x = ones(2, 4);
            using var y = Kernels.LayerNorm(x, layer);
            System.Console.WriteLine($"sum {y.sum().item<float>()}");
            """);

        Succeeds(Dotnet(Path.Combine(folder, "bare"), "build", "-c", Configuration, "-p:BuildProjectReferences=false", "-v", "q", "-nologo"));
        var ran = Run(Path.Combine(folder, "bare"), Path.Combine(folder, "bare", "bin", Configuration, "net10.0", "Bare"));
        Succeeds(ran);
        Assert.Contains("sum 0", ran.Output);
    }

    private static string GlobalPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private void Write(string path, string text) => File.WriteAllText(Path.Combine(folder, path), text);

    private static void Succeeds((int ExitCode, string Output) run) => Assert.True(run.ExitCode == 0, run.Output);

    private static (int ExitCode, string Output) Dotnet(string folder, params string[] arguments)
        => Run(folder, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments);

    private static (int ExitCode, string Output) Run(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        // what the test host sets for itself would reach into the build
        foreach (var name in new[] { "MSBuildExtensionsPath", "MSBuildSDKsPath", "MSBUILD_EXE_PATH", "MSBuildLoadMicrosoftTargetsReadOnly" }) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}
