using System.Diagnostics;
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
    public async Task Six_hundred_damaged_pictures_are_judged_within_512_MB()
    {
        var (rng, count) = (new Random(20251125), 0);
        foreach (var whole in HostilePictures.Whole())
            for (var i = 0; i < 19; i++) Put($"{count++:D4}.jpg", HostilePictures.Mutated(whole, rng));
        // sizes that a file cannot hold, just below the cap: a PNG's, and a JPEG's
        Put("wide.png", Sized(File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "img3.png"))));
        Put("wide.jpg", Sized(File.ReadAllBytes(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "img0.jpg"))));
        Assert.True(count >= 500, $"{count} files");

        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "semaim.dll"), "data-check", "--data-path", In("hostile"), "--num-workers", "2", "--quiet", "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        long peak = 0;
        while (!process.WaitForExit(10))
        {
            process.Refresh();
            try { peak = Math.Max(peak, process.PeakWorkingSet64); }
            catch (InvalidOperationException) { }                             // it ended just now
        }

        Assert.True(process.ExitCode == 3, await errors);
        Assert.InRange(peak, 1 << 20, 512L << 20);
        var split = Last(await output).GetProperty("splits").GetProperty("train");
        Assert.Equal(count + 2, split.GetProperty("count").GetInt32());
        var refused = split.GetProperty("unreadable").EnumerateArray().Select(b => b.GetProperty("path").GetString()).ToList();
        Assert.InRange(refused.Count, count / 4, count - 20);
        Assert.Contains("wide.jpg", refused);
        Assert.Contains("wide.png", refused);

        void Put(string name, byte[] content)
        {
            Directory.CreateDirectory(In("hostile"));
            File.WriteAllBytes(Path.Combine(In("hostile"), name), content);
        }

        static byte[] Sized(byte[] file)
        {
            // 9400 x 9400
            if (file[0] == 0x89) (file[18], file[19], file[22], file[23]) = (0x24, 0xB8, 0x24, 0xB8);
            else
            {
                var frame = file.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]);
                (file[frame + 5], file[frame + 6], file[frame + 7], file[frame + 8]) = (0x24, 0xB8, 0x24, 0xB8);
            }
            return file;
        }
    }

    [Theory]
    [InlineData("--max-pixels", "100", "exceeds the limit of 100 pixels")]
    [InlineData("--max-file-bytes", "50", "exceed the limit of 50")]
    public void Caps_refuse_pictures_by_their_header(string option, string value, string reason)
    {
        var (code, output, _) = Semaim.Run("data-check", "--data-path", pictures.Data, "--quiet", option, value);

        Assert.Equal(3, code);
        Assert.Contains(reason, output);
        Assert.Equal(2, Semaim.Run("pretrain", "--data-path", pictures.Data, option, "0").Code);
    }

    [Fact]
    public void Orientation_is_honoured_where_that_is_asked_for_and_belongs_to_the_run()
    {
        Directory.CreateDirectory(In("turned"));
        File.Copy(Path.Combine(GoldenFolder.Repository, "tests", "golden", "transforms", "exif6.jpg"), In("turned/a.jpg"));
        string Size(params string[] more) => Last(Semaim.Run(["data-show", "--data-path", In("turned"), "--index", "0", "--output-dir", In("shown"), "--json", .. more]).Output).GetProperty("drawn").EnumerateArray().First(d => d.GetProperty("what").GetString() == "picture").GetProperty("value").GetString()!;
        var sides = Size().Split(" x ");
        Assert.NotEqual(sides[0], sides[1]);
        Assert.Equal($"{sides[1]} x {sides[0]}", Size("--honour-orientation"));

        string[] Command(params string[] more) => ["pretrain", "--data-path", pictures.Data, "--model", "aim_tiny", "--batch-size", "4", "--output-dir", In("out"), "--quiet", .. more];
        Assert.Equal(0, Semaim.Run(Command("--max-steps", "2", "--honour-orientation", "--num-workers", "0")).Code);
        var (code, _, errors) = Semaim.Run(Command("--max-steps", "2", "--num-workers", "0"));
        Assert.Equal(2, code);
        Assert.Contains("orientation honoured", errors);
        var (shown, output, _) = Semaim.Run("data-show", "--run", In("out/aim_tiny.exp"), "--index", "1", "--output-dir", In("shown"));
        Assert.True(shown == 0, output);
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
