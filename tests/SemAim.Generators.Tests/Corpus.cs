using System.Text.RegularExpressions;

namespace SemAim.Generators.Tests;

/// <summary>Sources under tests/corpus. In a wrong one, a comment at a line's end says what is reported there: <c>//~ SEM0201 `(H E)`</c>, several where there are several; <c>//~line-1</c> speaks of the line above, where the line itself is part of a text.</summary>
internal static partial class Corpus
{
    internal static string Folder { get; } = Path.Combine(AuthorSource.Root, "tests", "corpus");

    internal static IEnumerable<string> Files(string kind) => Directory.EnumerateFiles(Path.Combine(Folder, kind), "*.cs.txt").Select(f => Path.GetFileName(f)[..^7]).Order(StringComparer.Ordinal);

    internal static string Read(string kind, string name) => File.ReadAllText(Path.Combine(Folder, kind, name + ".cs.txt"));

    /// <summary>Line from 1, id, and the token under the squiggle.</summary>
    internal static IEnumerable<(int Line, string Id, string Token)> Expected(string source)
    {
        var lines = source.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var at = lines[i].IndexOf("//~", StringComparison.Ordinal);
            if (at < 0) continue;
            foreach (Match m in Mark().Matches(lines[i][at..])) yield return (lines[i].Contains("//~line-", StringComparison.Ordinal) ? i + 1 - (lines[i][lines[i].IndexOf("//~line-", StringComparison.Ordinal) + 8] - '0') : i + 1, m.Groups[1].Value, m.Groups[2].Value);
        }
    }

    /// <summary>Manifests of checkpoints, written in a source as <c>/*~ NAME.manifest.json</c> … <c>~*/</c>.</summary>
    internal static IEnumerable<(string Path, string Text)> Manifests(string source) => Manifest().Matches(source).Select(m => (m.Groups[1].Value, m.Groups[2].Value));

    [GeneratedRegex(@"/\*~ (\S+\.manifest\.json)\n(.*?)~\*/", RegexOptions.Singleline)]
    private static partial Regex Manifest();

    [GeneratedRegex(@"(SEM\d{4}) `([^`]*)`")]
    private static partial Regex Mark();
}
