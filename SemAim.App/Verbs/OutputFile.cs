using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary>Files that options name for results: whether they can be written is found out before anything is computed for them.</summary>
internal static class OutputFile
{
    /// <summary>Makes the folder of a file. An empty path is none.</summary>
    /// <param name="option">as typed, for messages</param>
    /// <exception cref="UsageException">it is a folder, or there can be no file</exception>
    internal static void Prepare(string option, string path)
    {
        if (path.Length == 0) return;
        if (Directory.Exists(path)) throw new UsageException($"{option} {path}: a folder; give a file");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Try(option, path, () => Directory.CreateDirectory(folder));
        Try(option, path, () =>
        {
            var isNew = !File.Exists(path);
            File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite).Dispose();
            if (isNew) File.Delete(path);
        });
    }

    /// <summary>Makes a folder.</summary>
    /// <param name="option">as typed, for messages</param>
    /// <exception cref="UsageException">there can be none</exception>
    internal static void PrepareFolder(string option, string path)
    {
        if (path.Length > 0) Try(option, path, () => Directory.CreateDirectory(path));
    }

    private static void Try(string option, string path, Action make)
    {
        try { make(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException) { throw new UsageException($"{option} {path}: cannot be written: {e.Message}", e); }
    }
}
