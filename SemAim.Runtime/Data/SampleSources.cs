namespace SemAim.Runtime.Data;

/// <summary>Finds out what a folder holds.</summary>
internal static class SampleSources
{
    /// <summary>All pictures below a folder.</summary>
    /// <exception cref="RefusedException">there are none</exception>
    internal static ISampleSource Pictures(string folder)
    {
        try { return FileSource.FromImages(folder); }
        catch (InvalidDataException e) { throw new RefusedException($"--data_path {folder}: {e.Message}", e); }
    }

    /// <summary>An ImageFolder tree (<c>SPLIT/CLASS/*</c>), a list file (<c>SPLIT.txt</c>), or, for training, a plain folder of pictures.</summary>
    /// <param name="path">as in --data-path</param>
    /// <param name="split">train or val</param>
    /// <param name="kind">what it is, for the log</param>
    /// <exception cref="RefusedException">nothing of that</exception>
    internal static ISampleSource Open(string path, string split, out string kind)
    {
        if (!Directory.Exists(path)) throw new UsageException($"--data_path {path}: there is no such folder");
        try
        {
            var folder = Path.Combine(path, split);
            if (File.Exists(Path.Combine(path, split + ".txt")))
            {
                kind = $"list file {split}.txt";
                return FileSource.FromList(Directory.Exists(folder) ? folder : path, Path.Combine(path, split + ".txt"));
            }
            if (Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Any())
            {
                kind = $"ImageFolder {split}";
                return FileSource.FromFolder(folder);
            }
            if (split == "train" || Directory.Exists(folder))
            {
                kind = "folder of pictures without classes";
                return FileSource.FromImages(Directory.Exists(folder) ? folder : path);
            }
        }
        catch (InvalidDataException e) { throw new RefusedException($"--data_path {path}: {e.Message}", e); }
        throw new RefusedException($"--data_path {path}: there is no {split} folder with class folders and no {split}.txt");
    }
}
