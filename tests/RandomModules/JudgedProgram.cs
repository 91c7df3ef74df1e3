using SemAim.Mutation;

namespace SemAim.RandomModules;

/// <summary>An error that the compiler of models reports.</summary>
internal sealed record Said(string Id, string Message, int Start, int End);

/// <summary>A random program, what the compiler says of it, and what running it says.</summary>
/// <param name="Errors">what the analyzer reports, in order of place</param>
/// <param name="Failure">how running the specification breaks the contract; null: it holds at all sizes tried</param>
/// <param name="Difference">how what was emitted differs from the specification</param>
/// <param name="Fault">the compiler threw, or what it wrote is no C#</param>
internal sealed record JudgedProgram(RandomProgram Program, IReadOnlyList<Said> Errors, string? Failure, bool IsUntried, string? Leak, string? Difference, string? Fault)
{
    internal Mutant Mutant { get; } = new(Program.Slip ?? "right", Program.Name, Program.Text, [.. Errors.Select(e => (e.Id, e.Message))], Failure, IsUntried, Leak);

    /// <summary>Accepted, and what was emitted computes something else, or the specification fails.</summary>
    internal bool IsMissed => Mutant.IsMissed || Errors.Count == 0 && Difference is not null;

    internal bool IsFalseAlarm => Mutant.IsFalseAlarm;

    /// <summary>One slip, several errors.</summary>
    internal bool IsCascade => Errors.Count > 1;

    /// <summary>No error touches the line of the slip.</summary>
    internal bool IsElsewhere => Program.Slip is not null && Errors.Count > 0 && !Errors.Any(e => Line(e.Start) <= Line(Program.Place.Start) && Line(e.End) >= Line(Program.Place.Start));

    /// <summary>An error is at the slip itself, or at what holds it.</summary>
    internal bool IsAtSlip => Program.Slip is not null && Errors.Any(e => e.Start <= Program.Place.End && e.End >= Program.Place.Start);

    private int Line(int at) => Program.Text.AsSpan(0, Math.Min(at, Program.Text.Length)).Count('\n');

    /// <summary>What is wrong with the compiler, in a word; null: nothing.</summary>
    internal string? Verdict => Fault is not null ? "BROKEN" : IsMissed ? "MISSED" : IsFalseAlarm ? "FALSE ALARM" : null;
}
