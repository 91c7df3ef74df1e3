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
    private List<(byte[]? Picture, long? Label)> Rows()
    {
        using var source = Runtime.Data.FileSource.FromFolder(Path.Combine(pictures.Data, "train"));
        return [.. Enumerable.Range(0, source.Count).Select(i => (Picture(i), (long?)source.Label(i)))];

        byte[]? Picture(int i)
        {
            byte[] buffer = [];
            var length = source.Read(i, ref buffer);
            return buffer[..length];
        }
    }

    private (int Code, string Output, string Errors) Pack(params string[] more)
        => Semaim.Run(["data-pack", "--data-path", In("parquet"), "--output-dir", In("packed"), "--quiet", .. more]);

    private string Parquet(string name)
    {
        Directory.CreateDirectory(In("parquet"));
        return In("parquet/" + name);
    }

    [Fact]
    public void Packed_parquet_trains_like_its_pictures()
    {
        var rows = Rows();
        // two files and several row groups
        ParquetFile.Write(Parquet("train-00000-of-00002.parquet"), rows[..7], rowsAGroup: 3);
        ParquetFile.Write(Parquet("train-00001-of-00002.parquet"), rows[7..], rowsAGroup: 100);

        var (code, output, errors) = Pack();

        Assert.True(code == 0, errors);
        Assert.Contains($"train: {rows.Count} pictures in 1 shard", output);
        string[] Command(string data, string name) => ["pretrain", "--data-path", data, "--model", "aim_tiny", "--batch-size", "4", "--max-steps", "3", "--output-dir", In("out"), "--experiment", name, "--quiet"];
        Assert.Equal(0, Semaim.Run(Command(pictures.Data, "folder")).Code);
        Assert.Equal(0, Semaim.Run(Command(In("packed"), "parquet")).Code);
        Assert.Equal(File.ReadAllBytes(In("out/aim_tiny.folder/model.safetensors")), File.ReadAllBytes(In("out/aim_tiny.parquet/model.safetensors")));
        using var shards = Runtime.Data.SampleSources.Open(In("packed"), "train", out _);
        Assert.Equal(rows.Select(r => (int)r.Label!), Enumerable.Range(0, shards.Count).Select(shards.Label));
    }

    [Fact]
    public void Names_of_classes_come_from_the_files_metadata_and_a_row_without_a_class_has_none()
    {
        var rows = Rows();
        const string Names = """{"info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["ant", "bee", "cat", "dog"], "_type": "ClassLabel"}}}}""";
        ParquetFile.Write(Parquet("train.parquet"), rows, rowsAGroup: 5, metadata: Names);
        ParquetFile.Write(Parquet("validation.parquet"), [.. rows.Select(r => (r.Picture, (long?)-1))], rowsAGroup: 5, metadata: Names);

        var (code, output, errors) = Pack();

        Assert.True(code == 0, errors);
        Assert.Contains($"val: {rows.Count} pictures", output);
        Assert.Equal("""["ant","bee","cat","dog"]""", File.ReadAllText(In("packed/classes.json")));
        Assert.DoesNotContain(Entries(In("packed/val-000000.tar")), n => n.EndsWith(".cls", StringComparison.Ordinal));
    }

    private static List<string> Entries(string tar)
    {
        using var reader = new System.Formats.Tar.TarReader(File.OpenRead(tar));
        List<string> names = [];
        while (reader.GetNextEntry() is { } entry) names.Add(entry.Name);
        return names;
    }

    [Theory]
    [InlineData("no picture", "row 4 has no picture")]
    [InlineData("no label", "row 4 has no label")]
    [InlineData("label below", "row 4: label -2")]
    [InlineData("label above", "row 4: label 4 of 4 classes")]
    [InlineData("label beyond", "row 4: label 4294967296")]
    [InlineData("large picture", "row 4: a picture of 5000 bytes, above --max_file_bytes 4000")]
    [InlineData("other columns", "there is no column image.bytes among image.png, image.path, label")]
    [InlineData("no rows", "nothing to pack")]
    [InlineData("cut off", "not")]
    public void What_cannot_be_packed_ends_with_3_and_a_line_that_says_where_and_shards_that_are_there_stay(string fault, string message)
    {
        var rows = Rows();
        ParquetFile.Write(Parquet("train.parquet"), rows, rowsAGroup: 100);
        Assert.Equal(0, Pack().Code);
        var before = File.ReadAllBytes(In("packed/train-000000.tar"));

        if (fault == "no picture") rows[4] = (null, 0);
        if (fault == "no label") rows[4] = (rows[4].Picture, null);
        if (fault.StartsWith("label", StringComparison.Ordinal)) rows[4] = (rows[4].Picture, fault == "label below" ? -2 : fault == "label above" ? 4 : 1L << 32);
        if (fault == "large picture") rows[4] = (new byte[5000], 0);
        if (fault == "no rows") rows.Clear();
        ParquetFile.Write(Parquet("train.parquet"), rows, rowsAGroup: 100, image: fault == "other columns" ? "png" : "bytes",
            metadata: fault == "label above" ? """{"info": {"features": {"label": {"names": ["a", "b", "c", "d"]}}}}""" : "{");
        if (fault == "cut off") File.WriteAllBytes(Parquet("train.parquet"), File.ReadAllBytes(Parquet("train.parquet"))[..^100]);

        var (code, _, errors) = Pack(fault == "large picture" ? ["--max-file-bytes", "4000"] : []);

        Assert.Equal(3, code);
        Assert.Contains(message, Assert.Single(errors.Trim().Split('\n')));
        Assert.Equal(before, File.ReadAllBytes(In("packed/train-000000.tar")));
        Assert.Equal(["train-000000.tar"], Directory.GetFiles(In("packed")).Select(Path.GetFileName));
    }

    [Fact]
    public void Pictures_without_labels_are_packed_without()
    {
        var rows = Rows();
        ParquetFile.Write(Parquet("train.parquet"), rows, rowsAGroup: 4, label: "caption_length");

        var (code, _, errors) = Pack();

        Assert.True(code == 0, errors);
        Assert.Equal(rows.Count, Entries(In("packed/train-000000.tar")).Count);
    }

    [Fact]
    public void Damaged_parquet_ends_with_3_and_one_line()
    {
        var path = Parquet("train.parquet");
        ParquetFile.Write(path, Rows(), rowsAGroup: 100);
        var whole = File.ReadAllBytes(path);
        var (rng, read, refused) = (new Random(3), 0, 0);
        for (var i = 0; i < 12; i++)
        {
            var mutant = (byte[])whole.Clone();
            if (i % 3 == 0) mutant = mutant[..rng.Next(mutant.Length)];
            else for (var n = 0; n < 4; n++) mutant[i % 3 == 1 ? mutant.Length - 1 - rng.Next(400) : rng.Next(mutant.Length)] = (byte)rng.Next(256);
            File.WriteAllBytes(path, mutant);

            var (code, _, errors) = Pack();

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
