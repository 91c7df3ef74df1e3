using System.Globalization;
using SemAim.Mutation;

namespace SemAim.Benchmarks;

/// <summary>All mutants of all declared modules.</summary>
internal static class MutationBenchmark
{
    private const int Trials = 6;

    internal static int Run(string[] options)
    {
        var take = Array.IndexOf(options, "--take") is >= 0 and var at ? int.Parse(options[at + 1], CultureInfo.InvariantCulture) : 1;
        // some of the sets: SemAim.Models, or a source of the corpus
        string[]? only = Array.IndexOf(options, "--only") is >= 0 and var name ? options[name + 1].Split(',') : null;
        var originals = new Dictionary<string, AuthorAssembly>();
        var judged = new List<Mutant>();
        var skipped = 0;
        TorchSharp.torch.set_num_threads(1);                          // sizes below ten: more threads only wait for each other
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach (var (set, files, op, path, text) in MutationRun.Mutants(Repository.Root).Where(m => only is null || only.Contains(m.Set)).Where((_, i) => i % take == 0))
        {
            if (!originals.TryGetValue(set, out var original)) originals[set] = original = AuthorAssembly.Of(files);
            if (MutationRun.Judge(original, op, path, text, Trials) is not { } mutant) { skipped++; continue; }
            judged.Add(mutant);
            if (judged.Count % 50 == 0) Console.Error.WriteLine($"{judged.Count.ToString(CultureInfo.InvariantCulture)} judged, {clock.Elapsed.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture)} s");
            if (mutant.IsMissed || mutant.IsFalseAlarm || mutant.IsByRule || options.Contains("--list"))
                Console.WriteLine($"{(mutant.IsFalseAlarm ? string.Join("\n", mutant.Refusals.Select(r => r.Message)) + "\n" : "")}{(mutant.IsMissed ? "MISSED" : mutant.IsFalseAlarm ? "FALSE ALARM" : mutant.IsByRule ? "by rule" : "ok")} {set}/{path} [{op}] {string.Join(' ', mutant.Ids)} {mutant.Failure}\n{Change(files.First(f => f.Path == path).Text, text)}");
        }
        Console.WriteLine(MutationRun.Table(judged));
        Console.WriteLine($"{skipped} slips are no C#; {Trials} draws of sizes for each module and mutant; {clock.Elapsed.TotalSeconds.ToString("F0", CultureInfo.InvariantCulture)} s");
        return judged.Any(m => m.IsMissed || m.IsFalseAlarm) ? 1 : 0;
    }

    private static string Change(string before, string after)
    {
        var (a, b) = (before.Split('\n'), after.Split('\n'));
        for (var i = 0; i < a.Length && i < b.Length; i++)
            if (a[i] != b[i]) return $"    - {a[i].Trim()}\n    + {b[i].Trim()}";
        return "";
    }
}
