namespace SemAim.Runtime.Checkpoints;

/// <summary>What became of a key.</summary>
public enum KeyFate
{
    /// <summary>Its values are in the model, under its own name.</summary>
    Used,

    /// <summary>Its values are in the model, under another name.</summary>
    Renamed,

    /// <summary>Its values are in the model after a change of size.</summary>
    Interpolated,

    /// <summary>A stated rule says that this model has no use for it.</summary>
    Ignored,

    /// <summary>The file lacks it, and a stated rule allows that: the model keeps what it was made with.</summary>
    Fresh,

    /// <summary>Nothing explains it.</summary>
    Refused,
}

/// <summary>One key of a file, or of the model where the file lacks it.</summary>
/// <param name="Key">its name in the file (in the model for <see cref="KeyFate.Fresh"/>)</param>
/// <param name="Fate">what became of it</param>
/// <param name="Reason">the rule, in words; empty for a key that is simply used</param>
public sealed record KeyReport(string Key, KeyFate Fate, string Reason);

/// <summary>Every key of a file and every weight of a model accounted for.</summary>
/// <param name="Path">the file</param>
/// <param name="Format">what kind it is</param>
/// <param name="Keys">in the file's order, then what it lacks</param>
public sealed record LoadReport(string Path, string Format, IReadOnlyList<KeyReport> Keys)
{
    /// <summary>Number of keys with a fate.</summary>
    public int Count(KeyFate fate) => Keys.Count(k => k.Fate == fate);

    /// <summary>One line: counts.</summary>
    public string Summary => $"{Path} ({Format}): {string.Join(", ", Enum.GetValues<KeyFate>().Where(f => Count(f) > 0).Select(f => $"{Count(f)} {f.ToString().ToLowerInvariant()}"))}";

    /// <summary>One line a rule that changed or left something: what happened, how many keys, the first of them.</summary>
    public IEnumerable<string> Lines => Keys.Where(k => k.Reason.Length > 0).GroupBy(k => (k.Fate, k.Reason))
        .Select(g => $"{g.Key.Fate.ToString().ToLowerInvariant()}: {g.First().Key}{(g.Count() > 1 ? $" and {g.Count() - 1} more" : "")}: {g.Key.Reason}");

    /// <summary>Refuses where a key has no explanation.</summary>
    /// <exception cref="RefusedException">names the first such key, the reason, and how many more there are</exception>
    public void Require()
    {
        if (Keys.FirstOrDefault(k => k.Fate == KeyFate.Refused) is { } first)
            throw new RefusedException($"{Path}: \"{first.Key}\" {first.Reason}{(Count(KeyFate.Refused) > 1 ? $"; {Count(KeyFate.Refused) - 1} more keys are not explained" : "")}");
    }
}

/// <summary>What may be ignored or lacking when a file meets a model; everything else must fit.</summary>
public sealed record LoadRules
{
    /// <summary>Nothing may be left over, lacking or of another shape.</summary>
    public static LoadRules Strict { get; } = new();

    /// <summary>Keys of the file that are left out, by beginning of their name, and why.</summary>
    public IReadOnlyList<(string Beginning, string Why)> Ignored { get; init; } = [];

    /// <summary>Weights of the model that the file may lack, by beginning of their name, and why.</summary>
    public IReadOnlyList<(string Beginning, string Why)> MayLack { get; init; } = [];

    /// <summary>Keys of another shape that are left out rather than refused, by beginning of their name, and why.</summary>
    public IReadOnlyList<(string Beginning, string Why)> OtherShape { get; init; } = [];

    /// <summary>Position embeddings of another grid are interpolated (behaviour.md 6.2) rather than refused.</summary>
    public bool InterpolatePositions { get; init; }
}
