using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Tests;

/// <summary>Whole modules as authors write them, judged by hand: right ones are silent, in wrong ones each mistake is reported once, at its token, and nothing else.</summary>
public sealed class CorpusTests
{
    public static TheoryData<string> Right => [.. Corpus.Files("right")];

    public static TheoryData<string> Wrong => [.. Corpus.Files("wrong")];

    public static TheoryData<string> Remarks => [.. Corpus.Files("remarks")];

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

        Judge(source, AuthorSource.Diagnose([(name + ".cs", source)]));
    }

    /// <summary>Remarks, and what the build sees beside the source: other assemblies, manifests of checkpoints.</summary>
    [Theory]
    [MemberData(nameof(Remarks))]
    public void Each_remark_is_made_once_at_its_token(string name)
    {
        var source = Corpus.Read("remarks", name);

        var found = AuthorSource.Diagnose([(name + ".cs", source)], DiagnosticSeverity.Info, Corpus.Manifests(source), DescriptorTests.OutsideAssembly.Value);

        Judge(source, [.. found.Where(d => d.Severity >= DiagnosticSeverity.Warning || d.Id.StartsWith("SEM", StringComparison.Ordinal))]);
    }

    private static void Judge(string source, IReadOnlyList<Diagnostic> found)
    {
        // what speaks of a file beside the source stands under its name
        (int Line, string Id, string Token) Place(Diagnostic d) => d.Location.SourceTree is null
            ? (Corpus.Expected(source).FirstOrDefault(e => e.Id == d.Id && e.Token == d.Location.GetLineSpan().Path).Line, d.Id, d.Location.GetLineSpan().Path)
            : (d.Location.GetLineSpan().StartLinePosition.Line + 1, d.Id, AuthorSource.Token(d));
        var got = found.Select(Place).ToList();
        var expected = Corpus.Expected(source).ToList();
        var missing = expected.Except(got).Select(e => $"missing  ({e.Line}) {e.Id} `{e.Token}`");
        var surplus = found.Where(d => !expected.Contains(Place(d))).Select(d => $"surplus  {Line(d)}");
        Assert.True(!missing.Any() && !surplus.Any(), "\n" + string.Join("\n", missing.Concat(surplus)));
        Assert.Equal(expected.Count, got.Count);
    }

    private static string Line(Diagnostic d) => $"({d.Location.GetLineSpan().StartLinePosition.Line + 1}) {d.Id} `{(d.Location.SourceTree is null ? d.Location.GetLineSpan().Path : AuthorSource.Token(d))}`: {d.GetMessage()}";
}
