using System.Text.Json;
using SemAim.Runtime.Data;

namespace SemAim.App.Tests;

/// <summary>data-check, data-show, data-pack and bench-data as a user calls them.</summary>
public sealed class DataVerbTests : IDisposable
{
    private readonly SmallPictures pictures = new(24);

    public void Dispose() => pictures.Dispose();

    private string In(string name) => Path.Combine(pictures.Folder, name);

    private static JsonElement Last(string output)
    {
        using var json = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        return json.RootElement.Clone();
    }

    [Fact]
    public void Check_counts_measures_and_names_what_is_broken_or_in_both_splits()
    {
        var some = Directory.GetFiles(Path.Combine(pictures.Data, "train"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        Directory.CreateDirectory(Path.Combine(pictures.Data, "val", "left"));
        File.Copy(some, Path.Combine(pictures.Data, "val", "left", "copy.png"));
        var (code, output, _) = Semaim.Run("data-check", "--data-path", pictures.Data, "--json", "--quiet");

        Assert.Equal(0, code);
        Assert.Contains("duplicates between train and val: 1", output);
        var train = Last(output).GetProperty("splits").GetProperty("train");
        Assert.Equal(Directory.GetFiles(Path.Combine(pictures.Data, "train"), "*", SearchOption.AllDirectories).Length, train.GetProperty("count").GetInt32());
        Assert.Equal(train.GetProperty("count").GetInt32(), train.GetProperty("shorter_side").EnumerateObject().Sum(b => b.Value.GetInt32()));
        Assert.EndsWith("copy.png", Last(output).GetProperty("duplicates_between_splits")[0].GetProperty("val").GetString());

        File.WriteAllText(Path.Combine(pictures.Data, "train", "left", "broken.jpg"), "no picture");
        (code, output, var errors) = Semaim.Run("data-check", "--data-path", pictures.Data);
        Assert.Equal(3, code);
        Assert.Contains("unreadable: left/broken.jpg: not an image file", output);
        Assert.Contains("1 file cannot be decoded", errors);
    }

    [Theory]
    [InlineData("pretrain")]
    [InlineData("finetune")]
    public void Show_makes_the_very_sample_that_training_saw(string transform)
    {
        var (code, output, errors) = Semaim.Run("data-show", "--data-path", pictures.Data, "--epoch", "3", "--index", "17", "--seed", "5", "--transform", transform, "--reprob", "0", "--input-size", "64", "--output-dir", In("shown"), "--json");

        Assert.True(code == 0, errors);
        Assert.Contains("crop ", output);
        Assert.Contains("flip ", output);
        using var source = SampleSources.Open(pictures.Data, "train", out _);
        var options = transform == "pretrain" ? TrainingOptions.Pretraining(5, 64) : TrainingOptions.Finetuning(5, 64, new RandAugmentOptions(), 0, 0, 1);
        var plan = new TrainingPlan(source.Count, 4, 0, 1, 5, epochs: 4, consumed: 3L * (source.Count / 4 * 4));
        using var loader = new RingLoader(source, plan, () => new TrainingPipeline(options), new RingOptions(2, 3, 64, 4, 5));
        var found = false;
        while (!found && loader.Take() is { } batch)
        {
            for (var row = 0; row < batch.Rows; row++)
            {
                if (batch.Info[row].Index != 17) continue;
                found = true;
                unsafe { Assert.Equal(new ReadOnlySpan<byte>((byte*)batch.Memory.Pixels + row * 3 * 64 * 64, 3 * 64 * 64).ToArray(), Planes(In("shown/seen.png"))); }
            }
            batch.Return();
        }
        Assert.True(found || source.Count % 4 != 0);
        Assert.True(File.Exists(In("shown/decoded.png")) && File.Exists(In("shown/crop.png")));
    }

    private static unsafe byte[] Planes(string png)
    {
        using var decoder = new ImageDecoder();
        var image = decoder.Decode(File.ReadAllBytes(png));
        var planes = new byte[3 * image.Width * image.Height];
        fixed (byte* p = planes) PilResampler.ToPlanar(image.Pixels, image.Width * image.Height, p);
        return planes;
    }

    [Fact]
    public void Show_says_what_takes_the_place_of_a_broken_file_and_refuses_a_wrong_address()
    {
        File.WriteAllText(Path.Combine(pictures.Data, "train", "left", "0.jpg"), "no picture");
        using var source = SampleSources.Open(pictures.Data, "train", out _);
        var index = Enumerable.Range(0, source.Count).First(i => source.Name(i) == "left/0.jpg");
        var (code, output, _) = Semaim.Run("data-show", "--data-path", pictures.Data, "--index", $"{index}", "--output-dir", In("shown"));

        Assert.Equal(0, code);
        Assert.Contains($"substitute   {BadFiles.Substitute(0, index, 1, source.Count)}", output);
        (code, _, var errors) = Semaim.Run("data-show", "--data-path", pictures.Data, "--index", "100000");
        Assert.Equal(2, code);
        Assert.Contains($"--index 100000: train has the samples 0 to {source.Count - 1}", errors);
    }

    [Fact]
    public void Packed_pictures_train_like_the_folder()
    {
        var (code, output, errors) = Semaim.Run("data-pack", "--data-path", pictures.Data, "--output-dir", In("packed"), "--shard-bytes", "65536", "--quiet");

        Assert.True(code == 0, errors);
        Assert.Contains("train: ", output);
        string[] Command(string data, string name) => ["pretrain", "--data-path", data, "--model", "aim_tiny", "--batch-size", "4", "--max-steps", "3", "--output-dir", In("out"), "--experiment", name, "--quiet"];
        Assert.Equal(0, Semaim.Run(Command(pictures.Data, "folder")).Code);
        Assert.Equal(0, Semaim.Run(Command(In("packed"), "shards")).Code);
        Assert.Equal(File.ReadAllBytes(In("out/aim_tiny.folder/model.safetensors")), File.ReadAllBytes(In("out/aim_tiny.shards/model.safetensors")));
        Assert.Equal(3, Semaim.Run("data-pack", "--data-path", In("out"), "--output-dir", In("again")).Code);
    }

    [Fact]
    public void Bench_reports_every_path_with_the_host_and_decoder()
    {
        var (code, output, errors) = Semaim.Run("bench-data", "--data-path", pictures.Data, "--seconds", "0.05", "--batch-size", "4", "--input-size", "32", "--num-workers", "1", "--consumer", "200", "--json");

        Assert.True(code == 0, errors);
        var result = Last(output);
        Assert.Equal(Environment.ProcessorCount, result.GetProperty("cores").GetInt32());
        foreach (var path in new[] { "pretrain", "finetune", "eval" })
            foreach (var rate in new[] { "images_per_second", "images_per_cpu_second" }) Assert.True(result.GetProperty("paths").GetProperty(path).GetProperty(rate).GetDouble() > 0);
        Assert.InRange(result.GetProperty("consumer").GetProperty("waiting").GetDouble(), 0, 1);
    }
}
