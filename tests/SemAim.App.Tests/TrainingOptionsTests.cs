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
        foreach (var line in new[] { "data ", "model ", "target ", "batch ", "run     6000 steps of 2", "checked ", "all can be decoded", "memory ", "foreseen by the compiler", "disk ", "step ", "length  6000 steps, 6 an epoch: " }) Assert.Contains(line, output);
        Assert.False(Directory.Exists(Path.Combine(pictures.Folder, "aim_tiny.exp")));
    }

    [Fact]
    public void A_dry_run_names_pictures_that_cannot_be_decoded_and_counts_micro_batches()
    {
        File.WriteAllText(Path.Combine(pictures.Data, "train", "left", "broken.jpg"), "this is no picture");

        var (code, output, _) = Semaim.Run(Command("--dry-run", "--accum_iter", "6", "--max-steps", "1000"));

        Assert.Equal(0, code);
        Assert.Contains("batch   2 × 6 micro-batches = 12 pictures a step", output);
        Assert.Contains("for 12 pictures", output);
        Assert.Contains("refused left/broken.jpg: ", output);
    }

    [Fact]
    public void A_dry_run_refuses_what_does_not_fit_the_memory_before_it_tries()
    {
        File.WriteAllText(Path.Combine(pictures.Data, "train.txt"), string.Concat(Enumerable.Repeat("left/000.png 0\n", 200000)));

        var (code, _, errors) = Semaim.Run("pretrain", "--data-path", pictures.Data, "--model", "aim_tiny", "--batch-size", "200000", "--output-dir", pictures.Folder, "--dry-run");

        Assert.Equal(3, code);
        Assert.Matches(@"--batch_size 200000: about \d+\.\d GB are needed and \d+\.\d GB are free: --batch_size 100000 --accum_iter 2", errors);
    }

    [Fact]
    public void A_run_states_everything_first_and_leaves_curves_under_the_originals_tags()
    {
        string[] Curves(string time) => [.. Command("--experiment", "curves", "--accum_iter", "2", "--max-steps", "7", "--blr", "0.1", "--clip_grad", "3", "--norm_pix_loss", "--max_time", time).Select(a => a == "5" ? "1" : a)];
        Assert.Equal(75, Semaim.Run(Curves("0.001s")).Code);

        var (code, _, errors) = Semaim.Run(Curves("1h"));

        Assert.True(code == 0, errors);
        foreach (var line in new[] { "data    ImageFolder", "model   aim_tiny: ", "trained weights, width 64, 3 encoder and 1 query blocks, MLP head, pictures 64 px, patches 8 px", "target  pixels, L2, normalised by patch; order attention_center by the cls map of the model itself", "batch   2 × 2 micro-batches = 4", "run     7 steps of 4 (3 an epoch), lr 0.001563 after", "clip 3, fp32 on cpu", "saves   every 3 steps", "epoch 1 of 3: loss " }) Assert.Contains(line, errors);
        var run = Path.Combine(pictures.Folder, "aim_tiny.curves");
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "config.json")));
        Assert.Equal((7, 0.1 * 4 / 256), (config.RootElement.GetProperty("max_steps").GetInt32(), config.RootElement.GetProperty("lr").GetDouble()));
        Assert.Matches("^[0-9a-f]{32}$", config.RootElement.GetProperty("fingerprint").GetString());
        var logged = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).Where(l => l.GetProperty("kind").GetString() == "step").ToList();
        var curves = EventFileReader.Read(Path.Combine(run, "tensorboard"));
        Assert.Equal(["grad_norm", "loss", "lr"], curves.Select(c => c.Tag).Distinct().Order());
        // micro-batches of the run: 6 an epoch, the last one of each step; also where the run went on
        Assert.Equal([1, 3, 5, 7, 9, 11, 13], curves.Where(c => c.Tag == "loss").Select(c => c.X));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], logged.Select(l => l.GetProperty("step").GetInt32()));
        foreach (var tag in new[] { "loss", "lr", "grad_norm" }) Assert.Equal(logged.Select(l => (float)l.GetProperty(tag).GetDouble()), curves.Where(c => c.Tag == tag).Select(c => c.Value));
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
        using var written = JsonDocument.Parse(File.ReadAllText(record));
        Assert.Equal(["step", "loss", "grad_norm", "lr", "order_is_finite", "rng", "samples", "weights", "average", "verb", "options"], written.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(written.RootElement.GetProperty("step").GetInt64() - 1, written.RootElement.GetProperty("rng").GetProperty("step").GetInt64());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"step":1,"loss":"NaN","grad_norm":1,"rng":{"seed":0,"step":0,"micro_batch":1},"weights":"../x","options":{},"samples":[{"epoch":0,"index":0,"path":"a"}]}""")]
    [InlineData("""{"step":1,"loss":"NaN","grad_norm":1,"rng":{"seed":0,"step":0,"micro_batch":1},"weights":"x","options":{"batch_size":"many","data_path":"d"},"samples":[{"epoch":0,"index":0,"path":"a"}]}""")]
    [InlineData("no JSON")]
    public void A_record_that_is_none_is_refused_with_3(string text)
    {
        var path = Path.Combine(pictures.Folder, "record.json");
        File.WriteAllText(path, text);

        var (code, _, errors) = Semaim.Run("replay", path);

        Assert.Equal(3, code);
        Assert.Contains("record.json", errors);
        Assert.DoesNotContain("SemAim.", errors);              // names of our types help nobody
        if (text.StartsWith("no", StringComparison.Ordinal)) Assert.EndsWith("record.json: no record of a bad step: malformed JSON at line 1, byte 2\n", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_of_an_order_that_reads_a_table_is_refused()
    {
        var (code, _, errors) = Semaim.Run("pretrain", "--data-path", pictures.Data, "--model", "aim_tiny", "--permutation_type", "raster", "--cuda_graph", "on");

        Assert.Equal(2, code);
        Assert.Contains("--cuda_graph on: --permutation_type raster reads a table", errors);
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
