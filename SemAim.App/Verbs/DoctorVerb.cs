using System.Text.Json;
using CommandLine;
using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Jpeg;
using SemAim.Runtime.Native;
using TorchSharp;

namespace SemAim.App.Verbs;

/// <summary><c>semaim doctor</c>: what this machine offers.</summary>
[Verb("doctor", HelpText = "Say what this machine offers, with a remedy for each thing that is missing.")]
internal sealed class DoctorVerb : IVerb
{
    /// <summary>One thing a run may use.</summary>
    /// <param name="Name">of it</param>
    /// <param name="State">what is there</param>
    /// <param name="Remedy">what to do about it; empty where nothing needs to be done</param>
    /// <param name="IsNeeded">nothing runs without it</param>
    internal sealed record Finding(string Name, string State, string Remedy = "", bool IsNeeded = false);

    [Option("json", Default = false, HelpText = "One JSON array as the last line.")]
    public bool Json { get; set; }

    public int Run()
    {
        var findings = Examine().ToList();
        if (Json) Console.Out.WriteLine(JsonSerializer.Serialize(findings.Select(f => new { name = f.Name, state = f.State, remedy = f.Remedy, needed = f.IsNeeded })));
        else foreach (var line in Lines(findings)) Console.Out.WriteLine(line);
        return findings.Any(f => f.IsNeeded && f.Remedy.Length > 0) ? ExitCodes.Failed : ExitCodes.Done;
    }

    /// <summary>One line a finding, then the remedies, each on a line of its own.</summary>
    internal static IEnumerable<string> Lines(IReadOnlyList<Finding> findings)
    {
        var width = findings.Max(f => f.Name.Length);
        foreach (var f in findings)
        {
            yield return $"{(f.Remedy.Length == 0 ? "ok " : f.IsNeeded ? "!! " : " - ")} {f.Name.PadRight(width)}  {f.State}";
            if (f.Remedy.Length > 0) yield return $"    {"".PadRight(width)}  → {f.Remedy}";
        }
    }

    private static IEnumerable<Finding> Examine()
    {
        Finding native;
        try { native = new("libtorch", NativeStart.Ensure(), IsNeeded: true); }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or BadImageFormatException)
        {
            native = new("libtorch", (e.InnerException ?? e).Message, "restore the packages again (dotnet restore), or name a folder with libtorch_cpu.so in SEMAIM_LIBTORCH", IsNeeded: true);
        }
        yield return native;
        if (native.Remedy.Length > 0) yield break;
        var (threads, cores) = (torch.get_num_threads(), Environment.ProcessorCount);
        yield return new("threads", $"{threads} on {cores} cores", threads > cores ? $"more threads than cores wait for each other: OMP_NUM_THREADS={cores}" : "");
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30);
        yield return new("memory", $"{memory:F1} GiB", memory < 6 ? "aim_base at batch 8 needs about 6 GiB: take --precision bf16, a smaller --batch_size with --accum_iter, or aim_tiny" : "");
        yield return torch.cuda.is_available()
            ? new("CUDA", $"{torch.cuda.device_count()} device(s)")
            : new("CUDA", "none", File.Exists("/dev/nvidiactl") ? "there is an NVIDIA driver: build with -p:LibTorch=cuda" : "on a machine with an NVIDIA GPU and its driver, build with -p:LibTorch=cuda; without one everything runs on the CPU");
        yield return TurboJpeg.IsAvailable ? new("JPEG", ImageDecoder.Description) : new("JPEG", ImageDecoder.Description, $"libjpeg-turbo decodes {(BaselineJpeg.IsSupported ? "progressive files" : "JPEGs")} twice as fast, to the same bytes: apt-get install libturbojpeg0 (Debian, Ubuntu), dnf install turbojpeg (RHEL)");
        yield return NativeBootstrap.Loads("libmpi.so.40", "libmpi.so.12", "libmpi.so") is { } mpi ? new("MPI", mpi) : new("MPI", "none", "only runs over several processes need it: apt-get install libopenmpi3 (Debian 12), libopenmpi3t64 (Ubuntu 24.04), dnf install openmpi (RHEL)");
        yield return NativeBootstrap.Loads("libnccl.so.2") is { } nccl ? new("NCCL", nccl) : new("NCCL", "none", torch.cuda.is_available() ? "several GPUs exchange gradients faster with it: install libnccl2" : "only several GPUs need it: install libnccl2 there");
        yield return new("terminal", Console.IsErrorRedirected ? "redirected: progress is plain lines" : $"{Width()} columns{(Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } ? ", no colours" : "")}");
    }

    private static int Width()
    {
        try { return Console.WindowWidth; }
        catch (IOException) { return 0; }
    }
}
