using CommandLine;
using SemAim.App.Training;
using SemAim.Runtime;
using SemAim.Runtime.Data;

namespace SemAim.App.Verbs;

/// <summary><c>semaim data-pack</c>: pictures as tar shards in the WebDataset layout, which pretrain and the evaluations read without unpacking.</summary>
[Verb("data-pack", HelpText = "Pack a folder of pictures, a list or parquet files into tar shards (WebDataset layout). The pictures' bytes stay as they are.")]
internal sealed class DataPackVerb : PictureOptions, IVerb
{
    [Option("data_path", Required = true, HelpText = "A folder as pretrain takes it, or one with train*.parquet and val*.parquet (columns image.bytes and label; needs a build with -p:Parquet=true).")]
    public string DataPath { get; set; } = "";

    [Option("output_dir", Required = true, HelpText = "Folder for train-000000.tar …, val-000000.tar … and classes.json.")]
    public string OutputDir { get; set; } = "";

    [Option("shard_bytes", Default = 1L << 30, HelpText = "A shard is closed before it grows beyond this.")]
    public long ShardBytes { get; set; }

    [Option("quiet", Default = false, HelpText = "No progress.")]
    public bool Quiet { get; set; }

    public int Run()
    {
        if (ShardBytes < 1 << 16) throw new UsageException($"--shard_bytes {ShardBytes}: at least {1 << 16}");
        if (!Directory.Exists(DataPath)) throw new UsageException($"--data_path {DataPath}: there is no such folder");
        if (Path.GetFullPath(DataPath) == Path.GetFullPath(OutputDir)) throw new UsageException($"--output_dir {OutputDir}: the folder that is packed; choose another");
        OutputFile.PrepareFolder("--output_dir", OutputDir);
        var reading = Reading();
        var narrator = new Narrator(Quiet);
        var packed = 0;
        foreach (var split in new[] { "train", "val" })
        {
            string[] parquet = [.. Directory.GetFiles(DataPath, split + "*.parquet", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
            if (parquet.Length > 0)
            {
                narrator.Say($"{split}: {parquet.Length} parquet {(parquet.Length == 1 ? "file" : "files")}");
                packed += Parquet(parquet, split, narrator);
                continue;
            }
            using var source = SampleSources.Find(DataPath, split, out var kind, reading);
            if (source is null) continue;
            narrator.Say($"{split}: {kind}");
            narrator.Track($"pack {split}", source.Count, report =>
            {
                var shards = TarPack.Write(source, OutputDir, split, ShardBytes, done => report(done, split));
                Console.Out.WriteLine($"{split}: {source.Count} pictures in {shards} {(shards == 1 ? "shard" : "shards")}");
            });
            packed += source.Count;
        }
        if (packed == 0) throw new RefusedException($"--data_path {DataPath}: nothing to pack");
        return ExitCodes.Done;
    }

#if PARQUET
    private IReadOnlyList<string> _classes = [];        // of the split before

    private int Parquet(string[] files, string split, Narrator narrator)
    {
        var (count, classes) = (0, ParquetPictures.Classes(files[0]));
        if (classes.Count > 0 && _classes.Count > 0 && !classes.SequenceEqual(_classes)) throw new RefusedException($"{files[0]}: other classes than the split's before");
        if (classes.Count > 0) _classes = classes;
        var shards = TarPack.Write(ParquetPictures.Read(files, _classes.Count, MaxFileBytes), _classes, OutputDir, split, ShardBytes, done => count = done);
        Console.Out.WriteLine($"{split}: {count} pictures in {shards} {(shards == 1 ? "shard" : "shards")}");
        if (_classes.Count == 0) narrator.Say("class names are not in the files: classes are numbers");
        return count;
    }
#else
    private int Parquet(string[] files, string split, Narrator narrator)
        => throw new UsageException($"--data_path {DataPath}: {split} is parquet ({Path.GetFileName(files[0])}), which this build does not read; this one does: dotnet run -c Release --project SemAim.App -p:Parquet=true -- data-pack …");
#endif
}
