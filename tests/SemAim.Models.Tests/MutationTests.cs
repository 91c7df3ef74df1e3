using SemAim.Mutation;
using Xunit.Abstractions;

namespace SemAim.Models.Tests;

/// <summary>Soundness, measured: slips in the declared modules, judged by the compiler and by running the specification. All of them: tests/SemAim.Benchmarks -- mutation.</summary>
public sealed class MutationTests(ITestOutputHelper output)
{
    private const int OneIn = 97, Trials = 3;

    [Fact]
    public void No_slip_that_fails_when_run_compiles_and_none_that_holds_is_called_wrong()
    {
        var originals = new Dictionary<string, AuthorAssembly>();
        var judged = new List<Mutant>();
        foreach (var (set, files, op, path, text) in MutationRun.Mutants(RepositoryRoot()).Where((_, i) => i % OneIn == 0))
        {
            if (!originals.TryGetValue(set, out var original)) originals[set] = original = AuthorAssembly.Of(files);
            if (MutationRun.Judge(original, op, path, text, Trials) is { } mutant) judged.Add(mutant);
        }

        output.WriteLine(MutationRun.Table(judged));
        Assert.True(judged.Count > 20, $"{judged.Count} mutants are no sample");
        Assert.Empty(judged.Where(m => m.IsMissed).Select(m => $"{m.File} [{m.Operator}] compiles, and {m.Failure}"));
        Assert.Empty(judged.Where(m => m.IsFalseAlarm).Select(m => $"{m.File} [{m.Operator}] holds, and is refused: {string.Join("; ", m.Refusals)}"));
    }

    [Fact]
    public void The_declared_modules_keep_their_contracts_when_run()
    {
        foreach (var (name, files) in MutationRun.Sets(RepositoryRoot()))
        {
            var (assembly, context) = AuthorAssembly.Of(files).Load() ?? throw new InvalidOperationException($"{name} is no C#");
            foreach (var module in assembly.GetTypes().Where(t => t.GetCustomAttributes(typeof(SemAim.Dsl.ModuleAttribute), false).Length > 0))
            {
                var truth = new SpecificationTruth(7);
                var failure = truth.Failure(module, Trials);
                Assert.True(failure is null, failure);
                Assert.False(truth.IsUntried, $"{name}: no sizes were found for {module.Name}");
            }
            context.Unload();
        }
    }

    /// <summary>Samples that a slip folds in another order keep their number, not their draws: the refusal is right where a training run shows that.</summary>
    [Fact]
    public void A_refusal_because_draws_leave_their_samples_is_shown_by_a_training_run()
    {
        var (name, files) = MutationRun.Sets(RepositoryRoot()).Single(s => s.Name == "samples");
        var original = AuthorAssembly.Of(files);
        var slips = MutationRun.Mutants(RepositoryRoot()).Where(m => m.Set == name && m.Operator.StartsWith("swap two axes", StringComparison.Ordinal))
            .Select(m => MutationRun.Judge(original, m.Operator, m.Path, m.Text, Trials)!).Where(m => m.Failure is null && m.Ids.Contains("SEM0219")).ToList();

        Assert.NotEmpty(slips);
        var source = files[0].Text.Split('\n');
        string Said(Mutant m) => $"{m.Text.Split('\n').Where((line, i) => line != source[i]).First().Trim()}\n{string.Join("; ", m.Refusals)}";
        Assert.Empty(slips.Where(m => m.Leak is null || m.IsFalseAlarm).Select(Said));

        var (assembly, context) = original.Load()!.Value;
        foreach (var module in assembly.GetTypes().Where(t => t.GetCustomAttributes(typeof(SemAim.Dsl.ModuleAttribute), false).Length > 0)) Assert.Null(new SpecificationTruth(7).Leak(module, Trials));
        context.Unload();
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "SemAim.sln"))) folder = folder.Parent;
        return folder.FullName;
    }
}
