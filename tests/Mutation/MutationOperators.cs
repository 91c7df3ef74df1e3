using System.Text.RegularExpressions;

namespace SemAim.Mutation;

/// <summary>Slips as authors make them. Each operator turns a source into all the sources that differ by one slip of its kind.</summary>
internal static class MutationOperators
{
    /// <summary>Name and what it makes of a source.</summary>
    internal static IReadOnlyList<(string Name, Func<string, IEnumerable<string>> Apply)> All { get; } =
    [
        ("swap two axes left of ->", s => InPatterns(s, (l, r) => Pairs(l).Select(x => x + "->" + r))),
        ("swap two axes right of ->", s => InPatterns(s, (l, r) => Pairs(r).Select(x => l + "->" + x))),
        ("drop an axis left of ->", s => InPatterns(s, (l, r) => Drops(l).Select(x => x + "->" + r))),
        ("drop an axis right of ->", s => InPatterns(s, (l, r) => Drops(r).Select(x => l + "->" + x))),
        ("rename an axis left of ->", s => InPatterns(s, (l, r) => Renames(l).Select(x => x + "->" + r))),
        ("rename an axis on both sides", s => InPatterns(s, (l, r) => Names(l).Select(n => Rename(l, n) + "->" + Rename(r, n)))),
        ("open a group", s => InPatterns(s, (l, r) => Replacements(l + "->" + r, @"\(([^)]*)\)", m => m.Groups[1].Value))),
        ("group two axes", s => InPatterns(s, (l, r) => Replacements(l + "->" + r, @"(?<![\w'(])([A-Za-z]'?) ([A-Za-z]'?)(?![\w'])", m => $"({m.Value})"))),
        ("change a number in a pattern", s => InPatterns(s, (l, r) => Replacements(l + "->" + r, @"\b\d+\b", m => (int.Parse(m.Value) + 1).ToString()))),
        ("drop a size argument", s => Replacements(s, @"(->[^""]*""), [A-Z]\w*(, [A-Z]\w*)?\)", m => m.Groups[1].Value + ")")),
        ("pass another size argument", s => Replacements(s, @"(?<=->[^""]*"", )[A-Z]\w*(?=\))", m => m.Value == "D" ? "H" : "D")),
        ("drop a rearrange", s => Replacements(s, @"\.Rearrange\(""[^""]*""(, \w+)*\)", _ => "")),
        ("another width in a constructor", s => Replacements(s, @"(?<=new(?: \w+)?\((?:\w+, )?)D(?=[,)])", _ => "2 * D")),
        ("another factor of a width", s => Replacements(s, @"(?<=[(,] ?)[2-9] \* [A-Z]\b", m => $"{(int)char.GetNumericValue(m.Value[0]) + 1}{m.Value[1..]}")),
        ("swap constructor arguments", s => Replacements(s, @"(?<=new(?: \w+)?\()([\w* ]+), ([\w* ]+)(?=[,)])", m => $"{m.Groups[2].Value}, {m.Groups[1].Value}")),
        ("drop a slice", s => Replacements(s, @"\[""[^""]*\[[^""]*\][^""]*""(, \w+)?\]", _ => "")),
        ("slice one further", s => Replacements(s, @"(?<=\[""[^""]*\[)(\d)\.\.(?=\])", m => $"{int.Parse(m.Groups[1].Value) + 1}..")),
        ("take another position", s => Replacements(s, @"(?<=\[""[^""]*\[)(\d)(?=\])", m => $"{int.Parse(m.Value) + 1}")),
        ("position instead of range", s => Replacements(s, @"(?<=\[""[^""]*\[)\.\.1(?=\])", _ => "0")),
        ("range instead of position", s => Replacements(s, @"(?<=\[""[^""]*\[)0(?=\])", _ => "..1")),
        ("swap the first two operands", s => Replacements(s, @"(?<=(?:Attend|Forward)\()(\w+), (\w+)(?=[,)])", m => $"{m.Groups[2].Value}, {m.Groups[1].Value}")),
        ("one block further", s => Replacements(s, @"(?<=\w\[)([\w* ()/+-]+)(?=\]\.)", m => m.Value + " + 1")),
        ("one round more", s => Replacements(s, @"(?<=for \(var \w+ = 0; \w+) < ", _ => " <= ")),
        ("one round less", s => Replacements(s, @"(?<=for \(var \w+ = )0", _ => "1")),
        ("one block less", s => Replacements(s, @"(?<=> \w+ = new\()([A-Z])(?=,)", m => $"{m.Value} - 1")),
        ("forget to keep the axis", s => Replacements(s, @", keep: true", _ => "")),
        ("act on another axis", s => Replacements(s, @"""([A-Za-z.]+) ([A-Za-z]+) \[([A-Za-z]+)\]""", m => $"\"{m.Groups[1].Value} [{m.Groups[2].Value}] {m.Groups[3].Value}\"")),
        ("drop a [Require]", s => Replacements(s, @"\[Require\([^\]]*\)\]\n", _ => "")),
        ("weaken a [Require]", s => Replacements(s, @"(?<=\[Require\(""\w+ % )\w+", _ => "2")),
        ("another shape of a parameter", s => Replacements(s, @"(?<=[(,] ?\[Shape\(""[^""]*)\b[A-Z]\b(?=[^""]*""\)\] Sym)", _ => "K7")),
        ("one axis less in a parameter", s => Replacements(s, @"(?<=[(,] ?\[Shape\(""\w+) \w+(?=[^""]*""\)\] Sym)", _ => "")),
        ("promise another size", s => Replacements(s, @"(?<=\[return: Shape\(""(?:[^""]* )?)[A-Z]\b(?=[^""]*"")", m => m.Value + "+1")),
        ("promise swapped axes", s => Replacements(s, @"(?<=\[return: Shape\(""[^""]*)(\w+) ([\w*]+)(?=""\)\])", m => $"{m.Groups[2].Value} {m.Groups[1].Value}")),
        ("forget a layer", s => Replacements(s, @"\b(?:norm\w*|fc\d|proj|head)\.Forward\((\w+)\)", m => m.Groups[1].Value)),
        ("the other layer", s => Replacements(s, @"\bfc1\.Forward", _ => "fc2.Forward").Concat(Replacements(s, @"\bnorm2\.Forward", _ => "norm1.Forward"))),
        ("the other token axis", s => Replacements(s, @"(?<=\bmask\w*: |, )Before(?=\()|UpTo(?=\()", m => m.Value == "UpTo" ? "Before" : "UpTo")),
        ("another member", s => Replacements(s, @"(?<=int [A-Z] => )(\w+) / (\w+);", m => $"{m.Groups[1].Value} * {m.Groups[2].Value};").Concat(Replacements(s, @"(?<=int [A-Z] => )G \* G;", _ => "G;"))),
        ("another axis of a weight", s => Replacements(s, @"(?<=new\(\[)1, ", _ => "")),
        ("another size of a weight", s => Replacements(s, @"(?<=new\(\[[^\]]*)\bD\b(?=[^\]]*\], Inits)", _ => "3 * D")),
        ("join along another axis", s => Replacements(s, @"(?<=Concat\(""B )\[(\w+)\] (\w+)", m => $"{m.Groups[1].Value} [{m.Groups[2].Value}]")),
        ("join one value less", s => Replacements(s, @"(?<=Concat\(""[^""]*"", )([\w.]+(?:\([^()]*\))?), ", _ => "")),
        ("another letter in an einsum", s => Replacements(s, @"(?<=Einsum\(""[^""]*)\b[A-Z]'?(?=[^""]*"")", _ => "Z")),
        ("another activation", s => Replacements(s, @"\.Gelu\(\)", _ => ".Relu()")),
        ("drop the residual", s => Replacements(s, @"\bx \+ (?=\w+\.Forward)", _ => "")),
    ];

    // one result for each match
    private static IEnumerable<string> Replacements(string s, string pattern, Func<Match, string> by)
    {
        foreach (Match m in Regex.Matches(s, pattern, RegexOptions.CultureInvariant))
            if (by(m) is var replacement && replacement != m.Value) yield return s[..m.Index] + replacement + s[(m.Index + m.Length)..];
    }

    private static IEnumerable<string> InPatterns(string s, Func<string, string, IEnumerable<string>> change)
    {
        foreach (Match m in Regex.Matches(s, @"(?<=(?:Rearrange|Split|Expand)\("")([^""]*)->([^""]*)(?="")"))
            foreach (var other in change(m.Groups[1].Value, m.Groups[2].Value).Distinct())
                if (other != m.Value) yield return s[..m.Index] + other + s[(m.Index + m.Length)..];
    }

    private static IEnumerable<string> Pairs(string side) => Replacements(side, @"(?<![\w'])(\w+'?) (\w+'?)(?![\w'])", m => $"{m.Groups[2].Value} {m.Groups[1].Value}");

    private static IEnumerable<string> Drops(string side) => Replacements(side, @"(?<![\w'])[A-Za-z]'? ", _ => "");

    private static IEnumerable<string> Renames(string side) => Replacements(side, @"(?<![\w'])[A-Z](?![\w'])", m => m.Value == "D" ? "H" : "D");

    private static IEnumerable<string> Names(string side) => Regex.Matches(side, @"(?<![\w'])[A-Z](?![\w'])").Select(m => m.Value).Distinct();

    private static string Rename(string side, string name) => Regex.Replace(side, $@"(?<![\w']){name}(?![\w])", name == "D" ? "H" : "D");
}
