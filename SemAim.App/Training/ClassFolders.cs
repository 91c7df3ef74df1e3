using SemAim.Runtime;
using SemAim.Runtime.Data;

namespace SemAim.App.Training;

/// <summary>Pictures to learn from and pictures to be judged by, of the same classes.</summary>
internal sealed class ClassFolders : IDisposable
{
    private ClassFolders(ISampleSource train, ISampleSource val, string kind) => (Train, Val, Kind) = (train, val, kind);

    internal ISampleSource Train { get; }

    internal ISampleSource Val { get; }

    /// <summary>What the folder is, for the log.</summary>
    internal string Kind { get; }

    /// <summary>Names of the classes.</summary>
    internal IReadOnlyList<string> Classes => Train.Classes;

    /// <summary>Held-out pictures whose bytes are also among the training pictures.</summary>
    internal int Duplicates { get; private set; }

    /// <summary>Opens both parts of a data set and warns where a picture is in both.</summary>
    /// <param name="path">as in --data_path</param>
    /// <param name="decode">how pictures are read</param>
    /// <param name="say">takes the warning</param>
    /// <exception cref="RefusedException">there are no classes, or other ones in the two parts</exception>
    internal static ClassFolders Open(string path, DecodeOptions decode, Action<string> say)
    {
        var train = SampleSources.Open(path, "train", out var kind, decode);
        ISampleSource? val = null;
        try
        {
            val = SampleSources.Open(path, "val", out _, decode);
            if (train.Classes.Count == 0) throw new RefusedException($"--data_path {path}: train has no class folders: an evaluation needs classes (train/CLASS/*, val/CLASS/*)");
            if (Difference(train.Classes, val.Classes) is { } difference) throw new RefusedException($"--data_path {path}: {difference}");
            var folders = new ClassFolders(train, val, kind);
            folders.Compare(say);
            return folders;
        }
        catch
        {
            train.Dispose();
            val?.Dispose();
            throw;
        }
    }

    private static string? Difference(IReadOnlyList<string> train, IReadOnlyList<string> val)
    {
        var (lacking, strange) = (train.Except(val).ToList(), val.Except(train).ToList());
        // list files number their classes: held-out pictures need not show all of them
        if (strange.Count == 0 && (lacking.Count == 0 || val.Count > 0 && train.All(c => int.TryParse(c, out _)) && val.SequenceEqual(train.Take(val.Count)))) return null;
        string Named(string part, List<string> names) => names.Count == 0 ? "" : $"{part} {string.Join(", ", names.Take(3))}{(names.Count > 3 ? $" and {names.Count - 3} more" : "")}";
        return $"the classes of val are not those of train:{Named(" val lacks", lacking)}{(lacking.Count > 0 && strange.Count > 0 ? "," : "")}{Named(" val also has", strange)}";
    }

    private void Compare(Action<string> say)
    {
        Duplicates = DuplicatePictures.Count(Train, Val);
        if (Duplicates > 0) say($"warning: {Duplicates} of {Val.Count} held-out pictures are also training pictures, byte for byte: what is measured on them is not held out");
    }

    public void Dispose()
    {
        Train.Dispose();
        Val.Dispose();
    }
}
