using SemAim.RandomModules;
using Xunit.Abstractions;

namespace SemAim.Models.Tests;

/// <summary>Soundness on sources that nobody wrote: random modules, right ones and ones with one slip, judged by the compiler and by running them. Thousands of them: tests/SemAim.Benchmarks -- random.</summary>
public sealed class RandomModuleTests(ITestOutputHelper output)
{
    private const int FirstSeed = 20000, Programs = 36, Trials = 4, CodeTrials = 2;

    [Fact]
    public void Random_modules_that_fail_when_run_are_refused_and_those_that_hold_compute_what_they_say()
    {
        var run = new RandomRun(Trials, CodeTrials);

        var judged = run.Judge([.. Enumerable.Range(FirstSeed, Programs).Select(RandomProgram.Of)]);

        output.WriteLine(RandomRun.Table(judged));
        Assert.Empty(run.NoCSharp.Select(p => $"seed {p.Program.Seed}: {p.Error}"));
        Assert.Empty(judged.Where(p => p.Verdict is not null).Select(p => $"{p.Verdict}: seed {p.Program.Seed} [{p.Program.Slip}] {p.Fault}{p.Failure}{p.Difference} {string.Join("; ", p.Errors.Select(e => e.Message))}\n{p.Program.Text}"));
        // a sample that says something: programs of all three kinds are in it
        Assert.True(judged.Count(p => p.Mutant.IsCaught) >= Programs / 6, "few programs fail when run");
        Assert.True(judged.Count(p => p.Mutant.IsAccepted) >= Programs / 6, "few programs hold");
        Assert.Empty(judged.Where(p => p.Program.Slip is null && p.Errors.Count > 0).Select(p => $"seed {p.Program.Seed} is right by construction, and is refused: {p.Errors[0].Message}"));
    }

    [Fact]
    public void A_seed_writes_the_same_program_every_time() => Assert.Equal(RandomProgram.Of(FirstSeed), RandomProgram.Of(FirstSeed));
}
