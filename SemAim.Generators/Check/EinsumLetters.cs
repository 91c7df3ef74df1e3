using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Check;

/// <summary>The letters that torch's einsum knows axes by: the author's own where a name is one, else a letter of the name or its other case, else the first that is free.</summary>
internal static class EinsumLetters
{
    private const string All = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    internal const int Most = 52;

    /// <param name="names">different ones, at most <see cref="Most"/></param>
    internal static IReadOnlyDictionary<string, char> Of(IReadOnlyList<string> names)
    {
        var letters = names.Where(n => n.Length == 1 && All.Contains(n)).ToDictionary(n => n, n => n[0]);
        foreach (var name in names.Where(n => !letters.ContainsKey(n)))
            letters[name] = name.Concat(name.Select(OtherCase)).Concat(All).First(l => All.Contains(l) && !letters.ContainsValue(l));
        return letters;
    }

    private static char OtherCase(char c) => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c);
}
