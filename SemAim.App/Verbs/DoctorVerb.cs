using System.Globalization;
using System.Runtime.CompilerServices;
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
        else foreach (var line in Lines(findings, Console.IsOutputRedirected ? int.MaxValue : Width())) Console.Out.WriteLine(line);
        return findings.Any(f => f.IsNeeded && f.Remedy.Length > 0) ? ExitCodes.Failed : ExitCodes.Done;
    }

    /// <summary>One line a finding, then the remedies, each on a line of its own; what does not fit a line goes on below its beginning.</summary>
    /// <param name="findings">what was found</param>
    /// <param name="columns">of the terminal; below 60 and where nobody knows them lines are as long as they are</param>
    internal static IEnumerable<string> Lines(IReadOnlyList<Finding> findings, int columns = int.MaxValue)
    {
        var width = findings.Max(f => f.Name.Length);
        var empty = "".PadRight(width + 6);
        foreach (var f in findings)
        {
            foreach (var line in Wrapped($"{(f.Remedy.Length == 0 ? "ok " : f.IsNeeded ? "!! " : " - ")} {f.Name.PadRight(width)}  ", empty, f.State)) yield return line;
            if (f.Remedy.Length > 0)
                foreach (var line in Wrapped(empty + "→ ", empty + "  ", f.Remedy)) yield return line;
        }

        IEnumerable<string> Wrapped(string first, string next, string text)
        {
            var line = first;
            foreach (var word in text.Split(' '))
            {
                if (columns >= 60 && line.Length > next.Length && line.Length + word.Length >= columns)
                {
                    yield return line.TrimEnd();
                    line = next;
                }
                line += word + " ";
            }
            yield return line.TrimEnd();
        }
    }

    // names nothing of the libraries below, which load libtorch before the first line of a method that does
    private static IEnumerable<Finding> Examine()
    {
        var native = LibTorch();
        return native.Remedy.Length > 0 ? [native] : Others().Prepend(native);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Native() => NativeStart.Ensure();

    private static Finding LibTorch()
    {
        try { return new("libtorch", Native(), IsNeeded: true); }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or BadImageFormatException or IOException or UnauthorizedAccessException)
        {
            var given = Environment.GetEnvironmentVariable("SEMAIM_LIBTORCH");
            return new("libtorch", (e is TypeInitializationException && e.InnerException is { } inner ? inner : e).Message.ReplaceLineEndings(" "), given is { Length: > 0 }
                ? "unset SEMAIM_LIBTORCH, or let it name a folder with libtorch_cpu.so, and let none lie beside the program"
                : "restore the packages again (dotnet restore), or name a folder with libtorch_cpu.so in SEMAIM_LIBTORCH", IsNeeded: true);
        }
    }

    private static IEnumerable<Finding> Others()
    {
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
        yield return Results(Environment.CurrentDirectory);
        yield return Folder("temporary files", Path.GetTempPath(), "--dry-run and demo write there: TMPDIR=DIR names a folder that can be written");
        yield return Folder("data index", IndexCache.Default?.Folder, "every run lists large data folders anew without it: SEMAIM_CACHE=DIR names a folder that can be written");
        yield return new("terminal", Console.IsErrorRedirected ? "redirected: progress is plain lines" : $"{Width()} columns{(Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } ? ", no colours" : "")}");
    }

    /// <summary>A folder that is written to.</summary>
    /// <param name="name">what for</param>
    /// <param name="folder">null: there is none</param>
    /// <param name="remedy">what to do where it cannot be written</param>
    internal static Finding Folder(string name, string? folder, string remedy)
    {
        if (folder is null) return new(name, "none", remedy);
        try
        {
            var probe = Path.Combine(Directory.CreateDirectory(folder).FullName, $".semaim-doctor-{Environment.ProcessId}");
            File.WriteAllText(probe, "ok");
            File.Delete(probe);
            return new(name, folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return new(name, $"{folder} cannot be written: {e.Message}", remedy); }
    }

    /// <summary>The folder in which runs are written where no option names another.</summary>
    /// <param name="folder">the current one</param>
    /// <param name="free">bytes that may still be written there; null: asked of the system</param>
    internal static Finding Results(string folder, long? free = null)
    {
        const string other = "runs are written below it where --output_dir names no other folder";
        if (Folder("results", folder, $"{other}: name one that can be written") is { Remedy.Length: > 0 } broken) return broken;
        free ??= new DriveInfo(folder).AvailableFreeSpace;
        // weights and two moments in float32, --keep 2 and the one being written
        const double needed = 3 * 12 * 175.4e6;
        return new("results", string.Create(CultureInfo.InvariantCulture, $"{folder}, {free / 1e9:F1} GB free"), free >= needed ? "" : string.Create(CultureInfo.InvariantCulture, $"{other}: aim_base keeps {needed / 1e9:F1} GB of checkpoints there (--keep 1: {needed / 1.5e9:F1}); free some, or name a folder on a larger disk; --dry-run says what a run needs"));
    }

    private static int Width()
    {
        try { return Console.WindowWidth; }
        catch (IOException) { return 0; }
    }
}
