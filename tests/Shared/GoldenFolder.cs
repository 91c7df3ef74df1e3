namespace SemAim.Tests;

/// <summary>Where recorded numbers lie: the folder that SEMAIM_GOLDEN names, else tests/golden of the checkout.</summary>
internal static class GoldenFolder
{
    internal static string Path { get; } = Environment.GetEnvironmentVariable("SEMAIM_GOLDEN") is { Length: > 0 } given ? Absolute(given) : System.IO.Path.Combine(Repository, "tests", "golden");

    /// <summary>A file of the checkout's own recorded ones, whatever SEMAIM_GOLDEN says: for tests that need that very file.</summary>
    internal static string Own(string name) => System.IO.Path.Combine(Repository, "tests", "golden", name);

    // tests run in the folder of their assembly: a relative folder is meant from where dotnet test was called
    private static string Absolute(string given)
        => new[] { Environment.GetEnvironmentVariable("PWD"), Repository, Environment.CurrentDirectory }.Where(f => !string.IsNullOrEmpty(f)).Select(f => System.IO.Path.GetFullPath(given, f!)).FirstOrDefault(Directory.Exists)
            ?? throw new DirectoryNotFoundException($"SEMAIM_GOLDEN={given}: there is no such folder");

    internal static string Fixtures => System.IO.Path.Combine(Repository, "tests", "fixtures");

    internal static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "SemAim.sln"))) folder = folder.Parent;
            return folder?.FullName ?? throw new DirectoryNotFoundException("SemAim.sln is in no folder above the tests");
        }
    }

    /// <summary>Files of a pattern below the folder; a slash leads into folders of it, whose names may have a * too.</summary>
    internal static IEnumerable<string> Files(string pattern)
    {
        var parts = pattern.Split('/');
        IEnumerable<string> folders = Directory.Exists(Path) ? [Path] : [];
        foreach (var part in parts[..^1]) folders = folders.SelectMany(f => Directory.EnumerateDirectories(f, part));
        return folders.SelectMany(f => Directory.EnumerateFiles(f, parts[^1])).Order(StringComparer.Ordinal);
    }
}
