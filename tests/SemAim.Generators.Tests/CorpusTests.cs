using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Tests;

/// <summary>Whole modules as authors write them, judged by hand: right ones are silent, in wrong ones each mistake is reported once, at its token, and nothing else.</summary>
public sealed class CorpusTests
{
    public static TheoryData<string> Right => [.. Corpus.Files("right")];

    public static TheoryData<string> Wrong => [.. Corpus.Files("wrong")];

    [Theory]
    [MemberData(nameof(Right))]
    public void Right_modules_are_silent(string name)
    {
        var found = AuthorSource.Diagnose([(name + ".cs", Corpus.Read("right", name))]);

        Assert.True(found.Count == 0, string.Join("\n", found.Select(Line)));
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Each_mistake_is_reported_once_at_its_token(string name)
    {
        var source = Corpus.Read("wrong", name);

        var found = AuthorSource.Diagnose([(name + ".cs", source)]);

        var got = found.Select(d => (Line: d.Location.GetLineSpan().StartLinePosition.Line + 1, d.Id, Token: AuthorSource.Token(d))).ToList();
        var expected = Corpus.Expected(source).ToList();
        var missing = expected.Except(got).Select(e => $"missing  ({e.Line}) {e.Id} `{e.Token}`");
        var surplus = found.Where(d => !expected.Contains((d.Location.GetLineSpan().StartLinePosition.Line + 1, d.Id, AuthorSource.Token(d)))).Select(d => $"surplus  {Line(d)}");
        Assert.True(!missing.Any() && !surplus.Any(), "\n" + string.Join("\n", missing.Concat(surplus)));
        Assert.Equal(expected.Count, got.Count);
    }

    private static string Line(Diagnostic d) => $"({d.Location.GetLineSpan().StartLinePosition.Line + 1}) {d.Id} `{AuthorSource.Token(d)}`: {d.GetMessage()}";
}
