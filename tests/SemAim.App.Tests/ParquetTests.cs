namespace SemAim.App.Tests;

/// <summary>
/// Hugging Face style parquet. The default build refuses it in one line that says which build reads it; that build packs it:
/// <c>dotnet test -c Release tests/SemAim.App.Tests -p:Parquet=true --filter FullyQualifiedName~Parquet</c>.
/// </summary>
public sealed class ParquetTests : IDisposable
{
    private readonly SmallPictures pictures = new(12);

    public void Dispose() => pictures.Dispose();

    private string In(string name) => Path.Combine(pictures.Folder, name);

#if PARQUET
    [Fact]
    public void Packed_parquet_trains_like_its_pictures()
    {
        using var source = Runtime.Data.FileSource.FromFolder(Path.Combine(pictures.Data, "train"));
        Directory.CreateDirectory(In("parquet"));
        // two files and several row groups
        ParquetFile.Write(In("parquet/train-00000-of-00002.parquet"), source, 0, 7, rowsAGroup: 3);
        ParquetFile.Write(In("parquet/train-00001-of-00002.parquet"), source, 7, source.Count - 7, rowsAGroup: 100);

        var (code, output, errors) = Semaim.Run("data-pack", "--data-path", In("parquet"), "--output-dir", In("packed"), "--quiet");

        Assert.True(code == 0, errors);
        Assert.Contains($"train: {source.Count} pictures in 1 shard", output);
        string[] Command(string data, string name) => ["pretrain", "--data-path", data, "--model", "aim_tiny", "--batch-size", "4", "--max-steps", "3", "--output-dir", In("out"), "--experiment", name, "--quiet"];
        Assert.Equal(0, Semaim.Run(Command(pictures.Data, "folder")).Code);
        Assert.Equal(0, Semaim.Run(Command(In("packed"), "parquet")).Code);
        Assert.Equal(File.ReadAllBytes(In("out/aim_tiny.folder/model.safetensors")), File.ReadAllBytes(In("out/aim_tiny.parquet/model.safetensors")));
        using var shards = Runtime.Data.SampleSources.Open(In("packed"), "train", out _);
        Assert.Equal(Enumerable.Range(0, source.Count).Select(source.Label), Enumerable.Range(0, shards.Count).Select(shards.Label));
    }

    [Fact]
    public void Damaged_parquet_ends_with_3_and_one_line()
    {
        using var source = Runtime.Data.FileSource.FromFolder(Path.Combine(pictures.Data, "train"));
        Directory.CreateDirectory(In("parquet"));
        var path = In("parquet/train.parquet");
        ParquetFile.Write(path, source, 0, source.Count, rowsAGroup: 100);
        var whole = File.ReadAllBytes(path);
        var (rng, read, refused) = (new Random(3), 0, 0);
        for (var i = 0; i < 12; i++)
        {
            var mutant = (byte[])whole.Clone();
            if (i % 3 == 0) mutant = mutant[..rng.Next(mutant.Length)];
            else for (var n = 0; n < 4; n++) mutant[i % 3 == 1 ? mutant.Length - 1 - rng.Next(400) : rng.Next(mutant.Length)] = (byte)rng.Next(256);
            File.WriteAllBytes(path, mutant);

            var (code, _, errors) = Semaim.Run("data-pack", "--data-path", In("parquet"), "--output-dir", In("packed"), "--quiet");

            Assert.True(code is 0 or 3, $"mutant {i}: {code} {errors}");
            if (code == 3) Assert.Single(errors.Trim().Split('\n'));
            _ = code == 3 ? refused++ : read++;
        }
        Assert.True(refused > 3, $"{refused} refused, {read} read");
    }
#else
    [Fact]
    public void Parquet_is_refused_with_the_build_that_reads_it()
    {
        Directory.CreateDirectory(In("parquet"));
        File.WriteAllText(In("parquet/train-00000-of-00001.parquet"), "PAR1");

        var (code, _, errors) = Semaim.Run("data-pack", "--data-path", In("parquet"), "--output-dir", In("packed"), "--quiet");

        Assert.Equal(2, code);
        Assert.Contains("-p:Parquet=true", Assert.Single(errors.Trim().Split('\n')));
    }
#endif
}
