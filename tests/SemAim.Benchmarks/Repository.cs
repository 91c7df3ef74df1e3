namespace SemAim.Benchmarks;

/// <summary>The folder that the sources lie in.</summary>
internal static class Repository
{
    internal static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SemAim.sln"))) folder = folder.Parent;
            return folder?.FullName ?? throw new DirectoryNotFoundException("SemAim.sln is in no folder above the benchmarks");
        }
    }
}
