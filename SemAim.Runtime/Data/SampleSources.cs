namespace SemAim.Runtime.Data;

/// <summary>Finds out what a folder holds.</summary>
internal static class SampleSources
{
    /// <summary>All pictures below a folder, or a single one.</summary>
    /// <exception cref="RefusedException">there are none</exception>
    internal static ISampleSource Pictures(string folder, DecodeOptions? decode = null)
    {
        try { return File.Exists(folder) ? FileSource.FromImage(folder, decode) : FileSource.FromImages(folder, IndexCache.Default, decode); }
        catch (InvalidDataException e) { throw new RefusedException($"--data_path {folder}: {e.Message}", e); }
    }

    /// <summary>
    /// A list file (<c>SPLIT.txt</c>), tar shards (<c>SPLIT/*.tar</c>, <c>SPLIT*.tar</c>; for training also <c>*.tar</c> or one shard itself), an ImageFolder tree (<c>SPLIT/CLASS/*</c>),
    /// or a plain folder of pictures, without classes.
    /// </summary>
    /// <param name="path">as in --data_path</param>
    /// <param name="split">train or val</param>
    /// <param name="kind">what it is, for the log</param>
    /// <param name="decode">how its pictures are to be read; null: as the original does</param>
    /// <exception cref="UsageException">there is nothing at the path</exception>
    /// <exception cref="RefusedException">nothing of that, or it is damaged or hostile</exception>
    internal static ISampleSource Open(string path, string split, out string kind, DecodeOptions? decode = null)
        => Find(path, split, out kind, decode) ?? throw new RefusedException($"--data_path {path}: there is no {split} folder with class folders, no {split}.txt and no {split}*.tar");

    /// <summary>The same; null where there is nothing of that split.</summary>
    internal static ISampleSource? Find(string path, string split, out string kind, DecodeOptions? decode = null)
    {
        kind = "";
        try
        {
            if (IsShard(path) && File.Exists(path) && split == "train") return Shards([path], out kind, decode);
            if (File.Exists(path)) throw new UsageException($"--data_path {path}: a file; give the folder{(IsShard(path) ? $" that holds {split}*.tar" : "")}");
            if (!Directory.Exists(path)) throw new UsageException($"--data_path {path}: there is no such folder");
            var (folder, cache) = (Path.Combine(path, split), IndexCache.Default);
            if (File.Exists(Path.Combine(path, split + ".txt")))
            {
                kind = $"list file {split}.txt";
                return FileSource.FromList(Directory.Exists(folder) ? folder : path, Path.Combine(path, split + ".txt"), decode);
            }
            if (Directory.Exists(folder) && In(folder, "*.tar") is { Length: > 0 } below) return Shards(below, out kind, decode);
            if (In(path, split + "*.tar") is { Length: > 0 } named) return Shards(named, out kind, decode);
            if (Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Any())
            {
                kind = $"ImageFolder {split}";
                return FileSource.FromFolder(folder, cache, decode);
            }
            if (split == "train" && In(path, "*.tar") is { Length: > 0 } any && any.Where(IsNotHeldOut).ToArray() is { Length: > 0 } own) return Shards(own, out kind, decode);
            if (split == "train" || Directory.Exists(folder))
            {
                kind = "folder of pictures without classes";
                return FileSource.FromImages(Directory.Exists(folder) ? folder : path, cache, decode);
            }
        }
        catch (InvalidDataException e) { throw new RefusedException($"--data_path {path}: {e.Message}", e); }
        return null;
    }

    private static TarSource Shards(string[] shards, out string kind, DecodeOptions? decode)
    {
        kind = $"{shards.Length} tar {(shards.Length == 1 ? "shard" : "shards")}";
        return new TarSource(shards, IndexCache.Default) { Decode = decode ?? DecodeOptions.Default };
    }

    private static bool IsShard(string path) => path.EndsWith(".tar", StringComparison.OrdinalIgnoreCase);

    private static bool IsNotHeldOut(string shard) => !Path.GetFileName(shard).StartsWith("val", StringComparison.OrdinalIgnoreCase) && !Path.GetFileName(shard).StartsWith("test", StringComparison.OrdinalIgnoreCase);

    private static string[] In(string folder, string pattern) => [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)];
}
