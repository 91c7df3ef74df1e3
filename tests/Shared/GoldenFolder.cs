namespace SemAim.Tests;

/// <summary>Where recorded numbers lie: the folder that SEMAIM_GOLDEN names, else tests/golden of the checkout.</summary>
internal static class GoldenFolder
{
    internal static string Path { get; } = Environment.GetEnvironmentVariable("SEMAIM_GOLDEN") is { Length: > 0 } given ? given : System.IO.Path.Combine(Repository, "tests", "golden");

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

    /// <summary>Files of a pattern below the folder; a slash leads into a folder of it.</summary>
    internal static IEnumerable<string> Files(string pattern)
    {
        var slash = pattern.LastIndexOf('/');
        var folder = slash < 0 ? Path : System.IO.Path.Combine(Path, pattern[..slash]);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern[(slash + 1)..]).Order(StringComparer.Ordinal) : [];
    }
}
