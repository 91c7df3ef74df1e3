using System.Security.Cryptography;
using System.Text.Json.Nodes;
using SemAim.App.Training;
using SemAim.Dsl;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests;

/// <summary>Numbers that go bad: what is skipped, recorded, and named when the step is repeated.</summary>
[Collection(Evaluations.Alone.Name)]
public sealed class BadStepTests : IDisposable
{
    private readonly SmallPictures pictures = new(12);

    public BadStepTests()
    {
        set_num_threads(1);
        for (var i = 0; i < 4; i++) SmallPictures.Draw(Path.Combine(pictures.Data, "val", i % 2 == 0 ? "left" : "right", $"{i}.png"), i);
    }

    public void Dispose() => pictures.Dispose();

    [Theory]
    // the encoder guides too, so its values come first there; a bias is read just before its layer's result
    [InlineData("fp32", "blocks.1.mlp.fc1.weight", 1e38f, "first value not finite, in the pass that guides: blocks.1.mlp.fc1: Linear ")]
    [InlineData("fp32", "query_blocks.0.mlp.fc2.bias", float.PositiveInfinity, "first value not finite: query_blocks.0.mlp.fc2: bias ")]
    [InlineData("bf16", "query_blocks.0.attn.proj.weight", float.NaN, "first value not finite: query_blocks.0.attn.proj: weight ")]
    [InlineData("fp32", "prediction_head.fc2.bias", 2e19f, "first value not finite: the loss; every value up to the prediction is finite")]
    public void A_value_planted_in_a_run_that_goes_on_is_the_one_that_replay_names(string precision, string weight, float value, string named)
    {
        string[] Command(params string[] more) => ["pretrain", "--data-path", pictures.Data, "--model", "aim_tiny", "--batch-size", "2", "--accum_iter", "2", "--permutation-type", "attention_center", "--output-dir", pictures.Folder, "--num-workers", "1", "--max-steps", "9", "--precision", precision, "--use_ema_model", .. more];
        var stopped = Semaim.Run(Command("--max-time", "0.001s", "--quiet"));
        Assert.Equal((75, "semaim: saved; the same command goes on from here\n"), (stopped.Code, stopped.Errors));
        var checkpoint = Path.Combine(pictures.Folder, "aim_tiny.exp", "checkpoints", "step-00000001");
        foreach (var file in new[] { "model.safetensors", "ema.safetensors" })
            if (file[0] == 'm' || named.Contains("guides", StringComparison.Ordinal)) Plant(checkpoint, file, weight, value);

        var (code, _, errors) = Semaim.Run(Command());

        Assert.True(code == 4, errors);
        Assert.Contains("3 steps in a row were not finite", errors, StringComparison.Ordinal);
        var folder = Path.Combine(pictures.Folder, "aim_tiny.exp", "bad-steps");
        Assert.Equal(["step-00000002.ema.safetensors", "step-00000002.json", "step-00000002.safetensors", "step-00000003.json", "step-00000004.json"], Directory.GetFiles(folder).Select(f => Path.GetFileName(f)!).Order());
        var replayed = Semaim.Run("replay", Path.Combine(folder, "step-00000003.json"));
        Assert.True(replayed.Code == 0, replayed.Errors);
        Assert.Contains(named, replayed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Fine_tuning_records_skips_ends_with_4_and_replay_names_the_planted_value()
    {
        var weights = Encoder("blocks.1.mlp.fc1.weight", 1e38f);
        string[] command = ["finetune", "--data_path", pictures.Data, "--finetune", weights, "--batch_size", "2", "--accum_iter", "2", "--epochs", "5", "--drop_path", "0", "--mixup", "0.8", "--max_bad_steps", "4", "--output_dir", pictures.Folder, "--num_workers", "1"];

        var (code, _, errors) = Semaim.Run(command);

        Assert.True(code == 4, errors);
        Assert.Contains("4 steps in a row were not finite", errors, StringComparison.Ordinal);
        var run = Path.Combine(pictures.Folder, "vit_tiny.exp");
        Assert.Equal(["step-00000001.json", "step-00000001.safetensors", "step-00000002.json", "step-00000003.json", "step-00000004.json"], Directory.GetFiles(Path.Combine(run, "bad-steps")).Select(f => Path.GetFileName(f)!).Order());
        Assert.Equal((4L, 4), (RunCheckpoints.Read(Path.Combine(run, "checkpoints", "step-00000004")).Step, RunCheckpoints.Read(Path.Combine(run, "checkpoints", "step-00000004")).BadInARow));
        File.Delete(weights);                                  // a record needs nothing but itself and the pictures
        var replayed = Semaim.Run("replay", Path.Combine(run, "bad-steps", "step-00000002.json"));
        Assert.True(replayed.Code == 0, replayed.Errors);
        Assert.Contains("first value not finite: blocks.1.mlp.fc1: Linear 2×65×256 ", replayed.Output, StringComparison.Ordinal);
        Assert.Contains("repeated: loss NaN", replayed.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("crop_flip", "fp32")]
    [InlineData("none", "bf16")]
    public void Probing_records_skips_ends_with_4_and_replay_names_the_planted_value(string augment, string precision)
    {
        var weights = Encoder("blocks.2.attn.qkv.weight", 1e38f);

        var (code, _, errors) = Semaim.Run("linprobe", "--data_path", pictures.Data, "--finetune", weights, "--batch_size", "4", "--epochs", "5", "--augment", augment, "--precision", precision, "--output_dir", pictures.Folder, "--num_workers", "1", augment == "none" ? "--cache_features" : "--quiet");

        Assert.True(code == 4, errors);
        var run = Path.Combine(pictures.Folder, "vit_tiny.exp.linear");
        var why = $"semaim: 3 steps in a row were not finite; see {Path.Combine(run, "bad-steps")}";
        Assert.EndsWith(why + "\n", errors, StringComparison.Ordinal);
        // quiet: the reason, and the warning that held-out pictures are training pictures
        if (augment != "none") Assert.Equal(why, Assert.Single(errors.TrimEnd().Split('\n'), l => !l.StartsWith("warning: ", StringComparison.Ordinal)));
        using (var file = SafetensorsFile.Open(Path.Combine(run, "checkpoints", "step-00000003", "model.safetensors")))
        {
            // the skipped steps left the running statistics where they were
            Assert.Equal(0, file.Read("head.0.running_mean").abs().max().item<float>());
            Assert.Equal(1, file.Read("head.0.running_var").max().item<float>());
        }
        File.Delete(weights);
        var replayed = Semaim.Run("replay", Path.Combine(run, "bad-steps", "step-00000003.json"));
        Assert.True(replayed.Code == 0, replayed.Errors);
        Assert.Contains("first value not finite: blocks.2.attn.qkv: Linear 4×65×192 ", replayed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_that_overflows_is_named_by_its_layer()
    {
        var (code, _, errors) = Semaim.Run("linprobe", "--data_path", pictures.Data, "--finetune", Encoder(null, 0), "--batch_size", "4", "--epochs", "5", "--warmup_epochs", "0", "--lr", "3e38", "--output_dir", pictures.Folder, "--num_workers", "1");

        Assert.True(code == 4, errors);
        var replayed = Semaim.Run("replay", Directory.GetFiles(Path.Combine(pictures.Folder, "vit_tiny.exp.linear", "bad-steps"), "*.json").Order().First());
        Assert.True(replayed.Code == 0, replayed.Errors);
        Assert.Contains("first value not finite: head.1: Linear 4×2 ", replayed.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]                       // added to the loss, this leaves every gradient finite
    public void One_bad_step_is_skipped_recorded_and_left_out_of_the_epoch(float bad)
    {
        using var head = new ProbeHead(4, 2).Initialise();
        var arena = new ParameterArena(head, _ => 0, narrow: false);
        using var optimizer = new ArenaSgd(arena, new Dictionary<int, double> { [0] = 0 });
        var metrics = Path.Combine(pictures.Folder, "metrics.jsonl");
        var records = new BadStepRecords(Path.Combine(pictures.Folder, "bad-steps"), new RecordedRun("linprobe", new Dictionary<string, object?>(), path => ModelWeights.Save(head, path)), _ => { });
        var seen = new List<float>();
        using (var log = new MetricsLog(metrics))
        {
            var loop = new Spoilt(head, arena, optimizer, new ClassifierSettings { BatchSize = 2, Epochs = 2, Rate = 0.1, MaxBadSteps = 2, LogEvery = 1 }, log, step => step is 1 or 3 ? bad : 0, () => seen.Add(arena.Weights.abs().sum().item<float>())) { BadSteps = records };

            loop.Run();

            Assert.Equal(ExitCodes.Done, loop.Outcome);
        }
        Assert.Equal(6, seen.Count);                           // before each step: 3 an epoch
        Assert.Equal((seen[1], seen[3]), (seen[2], seen[4]));  // steps 2 and 4 changed nothing, the others did
        Assert.True(seen[0] != seen[1] && seen[2] != seen[3] && seen[4] != seen[5]);
        Assert.Equal(["step-00000002.json", "step-00000002.safetensors", "step-00000004.json", "step-00000004.safetensors"], Directory.GetFiles(Path.Combine(pictures.Folder, "bad-steps")).Select(f => Path.GetFileName(f)!).Order());
        var epochs = File.ReadLines(metrics).Select(l => JsonNode.Parse(l)!).Where(l => (string)l["kind"]! == "epoch").ToList();
        Assert.Equal([2, 2], epochs.Select(e => (int)e["steps"]!));
        Assert.All(epochs, e => Assert.True(double.IsFinite((double)e["train_loss"]!)));
        Assert.Equal("b.png", BadStepRecords.Read(Path.Combine(pictures.Folder, "bad-steps", "step-00000004.json")).Samples[1].Path);
    }

    [Fact]
    public void A_record_that_the_disk_refuses_is_told_and_does_not_end_the_run()
    {
        var told = new List<string>();
        File.WriteAllText(Path.Combine(pictures.Folder, "bad-steps"), "a file where the folder belongs");

        new BadStepRecords(Path.Combine(pictures.Folder, "bad-steps"), new RecordedRun("pretrain", new Dictionary<string, object?>(), _ => { }), told.Add).Write(1, new(7, double.NaN, 1, 1, true, new(0, 6, 1), [new(0, 0, "a")]));

        Assert.StartsWith("the record of step 7 could not be written to ", Assert.Single(told), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_bad_steps_do_not_fill_the_disk()
    {
        var (folder, written) = (Path.Combine(pictures.Folder, "bad-steps"), 0);
        var records = new BadStepRecords(folder, new RecordedRun("pretrain", new Dictionary<string, object?>(), path =>
        {
            written++;
            File.WriteAllText(path, "weights");
        }), _ => { });

        for (var step = 1; step <= BadStepRecords.MostWeights + 5; step++) records.Write(1, new(step, double.NaN, 1, 1, true, new(0, step - 1, 1), [new(0, 0, "a")]));

        Assert.Equal(BadStepRecords.MostWeights, written);
        Assert.Equal(BadStepRecords.MostWeights + 5, Directory.GetFiles(folder, "*.json").Length);
        Assert.Contains("has no weights", Assert.Throws<Runtime.RefusedException>(() => BadStepRecords.Read(Path.Combine(folder, $"step-{BadStepRecords.MostWeights + 1:D8}.json"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_skipped_although_every_gradient_is_finite()
    {
        random.manual_seed(3);
        using var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192);
        // one channel whose square is above the range of floats, and a gradient of 1e17
        using (no_grad()) model.state_dict()["prediction_head.fc2.bias"][0] = 2e19f;
        using var source = SampleSources.Open(pictures.Data, "train", out _);
        using var objective = new PixelObjective();
        using var log = new MetricsLog(Path.Combine(pictures.Folder, "metrics.jsonl"));
        var loop = new PretrainLoop(model, objective, source, new PretrainSettings { BatchSize = 2, Steps = 2, Rate = 1e-2, Order = "raster", Workers = 1, MaxBadSteps = 2 }, log, new Narrator(true));

        loop.Run();

        Assert.Equal(ExitCodes.NotFinite, loop.Outcome);
    }

    [Fact]
    public void Of_gradients_that_are_not_finite_the_one_is_named_that_the_backward_pass_reached_first()
    {
        random.manual_seed(3);
        using var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192);
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), narrow: false);
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (images, rank) = (rand(2, 3, 32, 32), arange(16).to(float32).expand(2, 16));
        string Named() => NotFinite.Gradient(arena, model, () => model.Predict(Sym.Of(images, Dsl.Run.Eval), Sym.Of(rank, Dsl.Run.Eval)));
        foreach (var name in new[] { "patch_embed.proj.weight", "cls_token", "blocks.0.mlp.fc1.weight", "blocks.1.attn.proj.bias", "query_blocks.0.norm1.weight", "prediction_head.fc1.weight" })
        {
            arena.View(arena.Gradients, name).fill_(float.NaN);

            Assert.Equal(name, Named());
        }
    }

    // sets a row of a weight (an element of a bias) in a checkpoint, and the hash that guards it
    private static void Plant(string checkpoint, string file, string weight, float value)
    {
        var path = Path.Combine(checkpoint, file);
        Plant(path, weight, value);
        var state = JsonNode.Parse(File.ReadAllText(Path.Combine(checkpoint, "state.json")))!;
        state["Sha256"]![file] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
        File.WriteAllText(Path.Combine(checkpoint, "state.json"), state.ToJsonString());
    }

    private static void Plant(string path, string weight, float value)
    {
        using var scope = NewDisposeScope();
        List<KeyValuePair<string, Tensor>> tensors;
        using (var file = SafetensorsFile.Open(path)) tensors = [.. file.Names.Select(n => KeyValuePair.Create(n, file.Read(n).clone()))];
        using var row = tensors.Single(t => t.Key == weight).Value[3];
        row.fill_(value);
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["model"] = "aim_tiny" });
    }

    private string Encoder(string? weight, float value)
    {
        var path = Path.Combine(pictures.Folder, "encoder.safetensors");
        random.manual_seed(3);
        using (var model = ModelCatalogue.CreateAim("aim_tiny")) ModelWeights.Save(model, path, new Dictionary<string, string> { ["model"] = "aim_tiny" });
        if (weight is not null) Plant(path, weight, value);
        return path;
    }

    // six pictures in three steps; the loss of some steps is spoilt
    private sealed class Spoilt(ProbeHead head, ParameterArena arena, IArenaOptimizer optimizer, ClassifierSettings settings, MetricsLog log, Func<long, float> bad, Action before)
        : ClassifierLoop(head, arena, optimizer, new Dictionary<int, double> { [0] = 1 }, 6, settings, log, new Narrator(true))
    {
        private protected override string Title => "spoilt";

        private protected override void Begin() => before();

        private protected override Tensor Loss(long step, int micro)
        {
            random.manual_seed(step);
            return nn.functional.cross_entropy(head.Forward(randn(2, 4)), tensor(new long[] { 0, 1 })).add(Number.Of(bad(step)), Number.One);
        }

        private protected override StepSample Sample(long batch, int row) => new(0, row, row == 0 ? "a.png" : "b.png");

        private protected override Accuracy Judge() => new(1, 50, 100, 1);
    }
}
