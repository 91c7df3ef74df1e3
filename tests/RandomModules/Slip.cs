namespace SemAim.RandomModules;

/// <summary>The one place where a program is broken, if it is. Whoever writes a program asks at every place that an author could get wrong; the answer is the right text at all of them but one.</summary>
/// <param name="place">number of the broken place, from 0; negative: none</param>
/// <param name="seed">decides which of the wrong texts stands there</param>
internal sealed class Slip(int place, int seed)
{
    /// <summary>Stand before and behind the broken place until the text is finished.</summary>
    internal const char Begin = '\u0001', End = '\u0002';

    private readonly Random random = new(seed);

    /// <summary>Places asked for so far.</summary>
    internal int Places { get; private set; }

    /// <summary>What kind of slip was made; null where none was.</summary>
    internal string? Kind { get; private set; }

    /// <summary>The right text, or at the broken place one of the wrong ones.</summary>
    internal string At(string kind, string right, params IEnumerable<string> wrong)
    {
        var others = wrong.Where(w => w != right).Distinct().ToList();
        if (others.Count == 0 || Places++ != place) return right;
        Kind = kind;
        return Begin + others[random.Next(others.Count)] + End;
    }
}
