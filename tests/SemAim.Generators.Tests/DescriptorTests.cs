namespace SemAim.Generators.Tests;

/// <summary>Every diagnostic is announced and explained.</summary>
public sealed class DescriptorTests
{
    [Fact]
    public void Every_id_has_a_release_entry_and_a_page()
    {
        var release = File.ReadAllText(Path.Combine(AuthorSource.Root, "SemAim.Generators", "AnalyzerReleases.Unshipped.md"));

        foreach (var d in new GraphAnalyzer().SupportedDiagnostics)
        {
            Assert.Contains(d.Id + " | SemAim | ", release);
            Assert.True(File.Exists(Path.Combine(AuthorSource.Root, d.HelpLinkUri)), $"{d.HelpLinkUri} is missing");
        }
    }
}
