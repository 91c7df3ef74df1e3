using System.Text.Json;
using SemAim.App.Training;
using SemAim.Runtime;

namespace SemAim.App.Tests;

/// <summary>Options of training that can be tried in a child process or without one.</summary>
public sealed class TrainingOptionsTests : IDisposable
{
    private readonly SmallPictures pictures = new(12);

    public void Dispose() => pictures.Dispose();

    private string[] Command(params string[] more)
        => ["pretrain", "--data-path", pictures.Data, "--model", "aim_tiny", "--batch-size", "2", "--permutation-type", "attention_center", "--output-dir", pictures.Folder, "--num-workers", "1", "--log-every", "5", .. more];

    [Fact]
    public void A_dry_run_predicts_the_length_and_writes_nothing()
    {
        var (code, output, _) = Semaim.Run(Command("--dry-run", "--epochs", "1000"));

        Assert.Equal(0, code);
        foreach (var line in new[] { "data ", "model ", "memory ", "disk ", "step ", "run     6000 steps, 6 an epoch: " }) Assert.Contains(line, output);
        Assert.False(Directory.Exists(Path.Combine(pictures.Folder, "aim_tiny.exp")));
    }

    [Fact]
    public void The_average_guides_and_k_NN_is_logged_on_the_way()
    {
        for (var i = 0; i < 6; i++) SmallPictures.Draw(Path.Combine(pictures.Data, "val", i % 2 == 0 ? "left" : "right", $"{i}.png"), i);

        var (code, _, errors) = Semaim.Run(Command("--max-steps", "12", "--knn-every", "1", "--use_ema_model"));

        Assert.True(code == 0, errors);
        var run = Path.Combine(pictures.Folder, "aim_tiny.exp");
        var knn = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).Where(l => l.GetProperty("kind").GetString() == "knn").ToList();
        Assert.Equal([6, 12], knn.Select(l => l.GetProperty("step").GetInt32()));
        Assert.True(File.Exists(Path.Combine(run, "checkpoints", "step-00000012", "ema.safetensors")));
    }

    [Fact]
    public void K_NN_without_validation_pictures_is_refused_before_training()
    {
        var (code, _, errors) = Semaim.Run(Command("--max-steps", "2", "--knn-every", "1"));

        Assert.Equal(2, code);
        Assert.Contains("--knn_every 1", errors);
    }

    [Fact]
    public void Bench_step_prints_the_documented_object()
    {
        var (code, output, _) = Semaim.Run("bench-step", "--model", "aim_tiny", "--batch-size", "2", "--steps", "1", "--json");

        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output.Trim().Split('\n')[^1]);
        Assert.Equal(["images_per_second", "cpu_seconds_per_image", "split", "gflops", "gemm_gflops", "utilisation", "peak_memory_bytes"], json.RootElement.EnumerateObject().Select(p => p.Name));
        var split = json.RootElement.GetProperty("split").EnumerateObject().ToList();
        Assert.Equal(["guidance", "forward", "backward", "optimiser"], split.Select(p => p.Name));
        Assert.Equal(json.RootElement.GetProperty("cpu_seconds_per_image").GetDouble(), split.Sum(p => p.Value.GetDouble()), 1e-9);
    }

    [Fact]
    public void A_bad_step_is_replayed_and_its_first_value_that_is_not_finite_named()
    {
        // a learning rate that throws the weights out of the range of floats
        var (code, _, errors) = Semaim.Run(Command("--max-steps", "30", "--lr", "1e38", "--warmup-epochs", "0", "--save-every", "100"));
        Assert.True(code == 4, errors);
        var record = Directory.GetFiles(Path.Combine(pictures.Folder, "aim_tiny.exp", "bad-steps"), "*.json").Order().First();

        var replayed = Semaim.Run("replay", record);

        Assert.True(replayed.Code == 0, replayed.Errors);
        Assert.Contains("recorded loss NaN", replayed.Output);
        Assert.Contains("repeated: loss NaN", replayed.Output);
        Assert.True(replayed.Output.Contains("first value not finite", StringComparison.Ordinal), replayed.Output);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"Step":1,"Loss":"NaN","GradNorm":1,"Weights":"../x","Options":{},"Samples":[{"Epoch":0,"Index":0,"Path":"a"}]}""")]
    [InlineData("""{"Step":1,"Loss":"NaN","GradNorm":1,"Weights":"x","Options":{"batch_size":"many","data_path":"d"},"Samples":[{"Epoch":0,"Index":0,"Path":"a"}]}""")]
    [InlineData("no JSON")]
    public void A_record_that_is_none_is_refused_with_3(string text)
    {
        var path = Path.Combine(pictures.Folder, "record.json");
        File.WriteAllText(path, text);

        var (code, _, errors) = Semaim.Run("replay", path);

        Assert.Equal(3, code);
        Assert.Contains("record.json", errors);
    }

    [Theory]
    [InlineData("auto", 0, "cpu")]
    [InlineData("cpu", 2, "cpu")]
    [InlineData("auto", 2, "cuda:0")]
    [InlineData("cuda", 1, "cuda:0")]
    [InlineData("cuda:1", 2, "cuda:1")]
    public void A_device_is_chosen_by_name(string name, int gpus, string device)
    {
        var chosen = ComputeDevice.Of(name, gpus);

        Assert.Equal(device, chosen.type == TorchSharp.DeviceType.CPU ? "cpu" : $"cuda:{Math.Max(0, chosen.index)}");
    }

    [Theory]
    [InlineData("cuda", 0, "sees no GPU")]
    [InlineData("cuda:3", 2, "0 to 1")]
    [InlineData("gpu", 1, "choose cpu, cuda")]
    [InlineData("cuda:-1", 1, "choose cpu, cuda")]
    public void A_device_that_is_not_there_is_refused(string name, int gpus, string why)
        => Assert.Contains(why, Assert.Throws<UsageException>(() => ComputeDevice.Of(name, gpus)).Message);
}
