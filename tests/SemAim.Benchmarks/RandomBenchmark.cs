using System.Globalization;
using SemAim.RandomModules;

namespace SemAim.Benchmarks;

/// <summary>Modules that nobody wrote: the compiler's word against running them.</summary>
internal static class RandomBenchmark
{
    private const int Trials = 6, CodeTrials = 3, Batch = 40;

    internal static int Run(string[] options)
    {
        int Option(string name, int otherwise) => Array.IndexOf(options, name) is >= 0 and var at ? int.Parse(options[at + 1], CultureInfo.InvariantCulture) : otherwise;
        var (count, seed) = (Option("--count", 500), Option("--seed", 1));
        TorchSharp.torch.set_num_threads(1);                          // sizes below ten: more threads only wait for each other
        if (options.Contains("--show"))
        {
            for (var i = 0; i < count; i++) Console.WriteLine($"// {RandomProgram.Of(seed + i).Slip ?? "right"}\n{RandomProgram.Of(seed + i).Text}");
            return 0;
        }
        var run = new RandomRun(Trials, CodeTrials);
        var judged = new List<JudgedProgram>();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach (var seeds in Enumerable.Range(seed, count).Chunk(Batch))
        {
            foreach (var program in run.Judge([.. seeds.Select(RandomProgram.Of)]))
            {
                judged.Add(program);
                if (program.Verdict is not null || options.Contains("--list") || options.Contains("--right") && program.Program.Slip is null && program.Errors.Count > 0 || options.Contains("--cascades") && program.IsCascade || options.Contains("--elsewhere") && program.IsElsewhere) Print(program, run, shrink: !options.Contains("--whole"));
            }
            if (judged.Count % 200 < Batch) Console.Error.WriteLine($"{judged.Count} judged, {run.NoCSharp.Count} no C#, {clock.Elapsed.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture)} s");
        }
        foreach (var (program, error) in run.NoCSharp.Take(3)) Console.WriteLine($"no C#: seed {program.Seed} [{program.Slip}] {error}");
        Console.WriteLine(RandomRun.Table(judged));
        Console.WriteLine($"seeds {seed} to {seed + count - 1}; {run.NoCSharp.Count} programs are no C#; {Trials} draws of sizes for each module, {CodeTrials} of what was emitted; {clock.Elapsed.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture)} s");
        return judged.Any(p => p.Verdict is not null) ? 1 : 0;
    }

    private static void Print(JudgedProgram program, RandomRun run, bool shrink)
    {
        var shown = shrink ? new Shrinker(run).Smallest(program) : program;
        Console.WriteLine($"==== {program.Verdict ?? (program.IsCascade ? "cascade" : program.IsElsewhere ? "elsewhere" : "ok")} seed {program.Program.Seed} [{program.Program.Slip ?? "right"}]");
        foreach (var e in shown.Errors) Console.WriteLine($"{e.Id} `{shown.Program.Text[e.Start..Math.Min(e.End, shown.Program.Text.Length)]}` {e.Message}");
        if (program.Program.Slip is not null) Console.WriteLine($"the slip: {program.Program.Text[program.Program.Place.Start..program.Program.Place.End]}");
        foreach (var line in new[] { shown.Fault, shown.Failure, shown.Difference }.OfType<string>()) Console.WriteLine(line);
        Console.WriteLine(shown.Program.Text);
    }
}
