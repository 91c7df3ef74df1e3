using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using TorchSharp;

namespace SemAim.App.Tests;

/// <summary>Runs alone: counts of live tensors are of the whole process.</summary>
[CollectionDefinition("live tensors", DisableParallelization = true)]
public sealed class LiveTensors;

/// <summary>The loop itself, on a model of a few thousand weights.</summary>
[Collection("live tensors")]
public sealed class ResumeTests : IDisposable
{
    private const int Steps = 12;
    private readonly SmallPictures pictures = new(11);

    public ResumeTests() => torch.set_num_threads(1);

    public void Dispose() => pictures.Dispose();

    // every order that draws, both precisions, accumulation, the average, dropped paths; an epoch has 5 or 2 steps, so that most interruptions fall into one
    [Theory]
    [InlineData("attention_center", false, 1, false, 0)]
    [InlineData("attention_guided", true, 1, true, 0.4)]
    [InlineData("stochastic", true, 2, false, 0)]
    [InlineData("stochastic_center", false, 2, true, 0.4)]
    [InlineData("center2out", true, 1, false, 0.4)]
    [InlineData("out2center", false, 1, true, 0)]
    [InlineData("attention", true, 2, true, 0.4)]
    public void A_run_interrupted_after_any_step_ends_with_the_same_bytes(string order, bool narrow, int accumulation, bool average, double dropPath)
    {
        var settings = Settings(order, narrow, accumulation);
        var whole = Train(settings, new RunCheckpoints(Fresh()), stopAfter: null, average: average, dropPath: dropPath).Bytes;

        for (var stop = 1; stop < Steps; stop++)
        {
            var folder = Fresh();
            Assert.Equal(ExitCodes.Stopped, Train(settings, new RunCheckpoints(folder), stop, average: average, dropPath: dropPath).Outcome);

            Assert.Equal(stop, new RunCheckpoints(folder).Newest(_ => { })?.State.Step);

            var (outcome, bytes) = Train(settings, new RunCheckpoints(folder), stopAfter: null, average: average, dropPath: dropPath);

            Assert.Equal(ExitCodes.Done, outcome);
            Assert.True(whole.AsSpan().SequenceEqual(bytes), $"interrupted after step {stop}, the weights differ");
        }
        if (dropPath > 0) Assert.False(whole.AsSpan().SequenceEqual(Train(settings, null, null, average: average).Bytes), "nothing was dropped");
    }

    [Fact]
    public void The_averages_of_an_epoch_are_those_of_all_its_steps_although_it_was_interrupted()
    {
        var settings = Settings("stochastic", false, 2);
        Train(settings, null, null);
        var folder = Fresh();
        Train(settings, new RunCheckpoints(folder), stopAfter: 3);
        Train(settings, new RunCheckpoints(folder), stopAfter: 5);
        Train(settings, new RunCheckpoints(folder), stopAfter: null);

        var epochs = File.ReadLines(Path.Combine(pictures.Folder, "metrics.jsonl")).Where(l => l.Contains("\"epoch\",", StringComparison.Ordinal)).ToList();

        Assert.Equal(2 * (Steps / 2), epochs.Count);
        Assert.Equal(epochs[..(Steps / 2)], epochs[(Steps / 2)..]);
    }

    [Fact]
    public void A_save_is_told_when_its_folder_is_whole_also_beside_training()
    {
        using var model = Model();
        using var arena = new Runtime.Tensors.ParameterArena(model, slot => Runtime.Optim.ParameterGroups.Pretraining(slot), narrow: false);
        using var optimizer = new Runtime.Optim.ArenaAdamW(arena, new Dictionary<int, double> { [0] = 0, [1] = 0 });
        var folder = Fresh();
        var told = new List<(long Step, bool IsWhole, bool Beside)>();
        using (var saver = new BackgroundSaver(new RunCheckpoints(folder), (step, _, beside) => told.Add((step, Directory.Exists(Path.Combine(folder, $"step-{step:D8}")), beside)), refusal => Assert.Fail(refusal)))
        {
            TrainingState State(long step) => TrainingState.Of(model, arena, optimizer, null, step, 0, new Dictionary<string, string>());
            saver.Save(State(1));
            saver.SaveNow(State(2));
        }

        Assert.Equal([(1, true, true), (2, true, false)], told);
    }

    [Fact]
    public void The_number_of_live_tensors_never_grows_from_step_to_step()
    {
        var counts = new List<long>();

        Train(Settings("attention_center", true, 2) with { SaveEvery = 0 }, null, null, _ => counts.Add(torch.Tensor.TotalCount));

        Assert.Equal(Steps, counts.Count);
        // the count is the process's: what other tests left may be finalised in between and lower it, but what a step leaves raises it in every step
        Assert.All(counts.Skip(1).Zip(counts.Skip(2)), pair => Assert.True(pair.Second <= pair.First, string.Join(' ', counts)));
    }

    [Fact]
    public void A_damaged_checkpoint_is_passed_over_and_named()
    {
        var folder = Fresh();
        Train(Settings("raster", false, 1) with { SaveEvery = 5 }, new RunCheckpoints(folder, keep: 3), null);
        var newest = Path.Combine(folder, $"step-{Steps:D8}", "model.safetensors");
        using (var file = File.OpenWrite(newest))
        {
            file.Position = file.Length - 1;
            file.WriteByte(0x5a);
        }
        var told = new List<string>();

        var found = new RunCheckpoints(folder).Newest(told.Add);

        Assert.Equal(10, found?.State.Step);
        Assert.Contains("sha256 differs", Assert.Single(told));
    }

    [Fact]
    public void A_run_none_of_whose_checkpoints_is_whole_is_not_begun_anew_in_silence()
    {
        var folder = Fresh();
        Train(Settings("raster", false, 1) with { SaveEvery = 0 }, new RunCheckpoints(folder), null);
        File.WriteAllText(Path.Combine(folder, $"step-{Steps:D8}", "state.json"), "{");

        Assert.Contains("no checkpoint is whole (1 is damaged); --resume none starts anew", Assert.Throws<RefusedException>(() => new RunCheckpoints(folder).Newest(_ => { })).Message);
    }

    [Fact]
    public void A_checkpoint_is_named_by_its_folder_a_file_in_it_or_the_run()
    {
        var run = Fresh();
        var folder = Path.Combine(run, "checkpoints");
        Train(Settings("raster", false, 1) with { SaveEvery = 5 }, new RunCheckpoints(folder, keep: 3), null);
        var (older, newest) = (Path.Combine(folder, "step-00000010"), Path.Combine(folder, $"step-{Steps:D8}"));

        foreach (var (given, found) in new[] { (older, older), (Path.Combine(older, "model.safetensors"), older), (run, newest), (folder, newest), (Path.Combine(folder, "latest"), newest) })
            Assert.Equal(Path.GetFullPath(found), Path.GetFullPath(RunCheckpoints.Given(given, _ => { }).Folder));

        var weights = Path.Combine(run, "model.safetensors");
        File.Delete(Path.Combine(folder, "latest"));
        File.WriteAllText(Path.Combine(pictures.Data, "weights.pth"), "");
        Assert.Contains("weights alone are no checkpoint", Assert.Throws<RefusedException>(() => RunCheckpoints.Given(Path.Combine(pictures.Data, "weights.pth"), _ => { })).Message);
        Assert.Contains("there is no such file or folder", Assert.Throws<RefusedException>(() => RunCheckpoints.Given(weights + ".gone/x", _ => { })).Message);
    }

    [Fact]
    public void What_was_written_aside_is_never_read()
    {
        var folder = Fresh();
        Directory.CreateDirectory(Path.Combine(folder, "step-00000099.part"));

        Assert.Null(new RunCheckpoints(folder).Newest(_ => { }));
    }

    [Fact]
    public void Only_the_newest_checkpoints_stay()
    {
        var folder = Fresh();

        Train(Settings("raster", false, 1) with { SaveEvery = 3 }, new RunCheckpoints(folder, keep: 2), null);

        Assert.Equal(["step-00000009", "step-00000012"], Directory.GetDirectories(folder).Select(Path.GetFileName).Order());
        Assert.Equal("step-00000012", File.ReadAllText(Path.Combine(folder, "latest")).Trim());
    }

    [Fact]
    public void A_full_disk_leaves_the_checkpoints_before_it_and_says_so()
    {
        var folder = Fresh();
        var room = 600_000L;                                   // for one checkpoint of this model, not for three
        var log = Path.Combine(pictures.Folder, "metrics.jsonl");

        var refusal = Assert.Throws<RefusedException>(() => Train(Settings("raster", false, 1) with { SaveEvery = 2 }, new RunCheckpoints(folder, keep: 3, path => new FullDisk(path, () => room, n => room -= n)), null));

        Assert.Contains("No space left on device", refusal.Message);
        Assert.Contains("the checkpoints before it are untouched", refusal.Message);
        Assert.Contains("save failed", File.ReadAllText(log));
        var newest = new RunCheckpoints(folder).Newest(told => Assert.Fail(told));
        Assert.Equal(Path.GetFileName(newest?.Folder), File.ReadAllText(Path.Combine(folder, "latest")).Trim());
        Assert.DoesNotContain(Directory.GetDirectories(folder), d => d.EndsWith(".part", StringComparison.Ordinal));
    }

    [Fact]
    public void Checkpoints_written_beside_training_are_those_written_while_it_waits()
    {
        var folder = Fresh();
        Train(Settings("raster", false, 1) with { SaveEvery = 1 }, new RunCheckpoints(folder, keep: 20), null);
        var alone = Fresh();
        Train(Settings("raster", false, 1), new RunCheckpoints(alone), stopAfter: 7);

        foreach (var file in new[] { "model.safetensors", "optimizer.safetensors" })
            Assert.True(File.ReadAllBytes(Path.Combine(folder, "step-00000007", file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(alone, "step-00000007", file))), file);
    }

    [Fact]
    public void A_changed_option_that_alters_the_mathematics_is_refused_with_both_values()
    {
        var saved = new Dictionary<string, string> { ["lr"] = "0.001", ["seed"] = "1" };

        var refusal = Assert.Throws<UsageException>(() => RunCheckpoints.Compare(saved, new Dictionary<string, string> { ["lr"] = "0.002", ["seed"] = "1" }));

        Assert.Contains("--lr 0.002", refusal.Message);
        Assert.Contains("0.001", refusal.Message);
    }

    [Fact]
    public void Of_several_changed_options_the_one_that_the_others_follow_from_is_named()
    {
        static string Refusal(Dictionary<string, string> saved, Dictionary<string, string> given) => Assert.Throws<UsageException>(() => RunCheckpoints.Compare(saved, given)).Message;

        Assert.StartsWith("--finetune b.pth: the run that would go on was started with a.pth; ", Refusal(new() { ["model"] = "vit", ["finetune"] = "a.pth" }, new() { ["finetune"] = "b.pth", ["model"] = "vit_tiny" }), StringComparison.Ordinal);
        Assert.StartsWith("--finetune none: the run that would go on was started with a.pth; ", Refusal(new() { ["finetune"] = "a.pth" }, new() { ["finetune"] = "" }), StringComparison.Ordinal);
        Assert.StartsWith("--max_steps 9: the run that would go on was started without it; ", Refusal(new() { ["seed"] = "1" }, new() { ["seed"] = "1", ["max_steps"] = "9" }), StringComparison.Ordinal);
        Assert.StartsWith("--max_steps none: the run that would go on was started with 9; ", Refusal(new() { ["seed"] = "1", ["max_steps"] = "9" }, new() { ["seed"] = "1" }), StringComparison.Ordinal);
    }

    [Fact]
    public void Three_steps_that_are_not_finite_end_the_run_with_4_and_leave_records_and_whole_weights()
    {
        var folder = Fresh();
        var bad = Path.Combine(pictures.Folder, "bad-steps");
        using var model = Model();
        using (torch.no_grad()) model.parameters().First().fill_(float.NaN);

        var (outcome, _) = Train(Settings("raster", false, 1), new RunCheckpoints(folder), null, badSteps: new BadStepRecords(bad, new RecordedRun("pretrain", new Dictionary<string, object?> { ["seed"] = 5 }, path => ModelWeights.Save(model, path)), _ => { }), model: model);

        Assert.Equal(ExitCodes.NotFinite, outcome);
        Assert.Equal(["step-00000001.json", "step-00000001.safetensors", "step-00000002.json", "step-00000003.json"], Directory.GetFiles(bad).Select(Path.GetFileName).Order());
        var record = BadStepRecords.Read(Path.Combine(bad, "step-00000003.json"));
        Assert.Equal((3, "step-00000001.safetensors", 2), (record.Step, record.Weights, record.Samples.Length));
        Assert.True(double.IsNaN(record.Loss));
        Assert.Equal(3, new RunCheckpoints(folder).Newest(_ => { })?.State.Step);
    }

    private static PretrainSettings Settings(string order, bool narrow, int accumulation) => new()
    {
        BatchSize = 2,
        Accumulation = accumulation,
        Steps = Steps,
        Rate = 1e-2,
        WarmupSteps = 3,
        ClipGrad = 3,
        Seed = 5,
        Workers = 2,
        Narrow = narrow,
        Order = order,
        LogEvery = 5,
    };

    private static AimViT Model(double dropPath = 0)
    {
        torch.random.manual_seed(3);
        return new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192, dropPath: dropPath);
    }

    private string Fresh() => Path.Combine(pictures.Folder, Guid.NewGuid().ToString("n"));

    private (int Outcome, byte[] Bytes) Train(PretrainSettings settings, RunCheckpoints? checkpoints, int? stopAfter, Action<long>? afterStep = null, BadStepRecords? badSteps = null, AimViT? model = null, bool average = false, double dropPath = 0)
    {
        using var own = model is null ? Model(dropPath) : null;
        model ??= own!;
        using var teacher = average ? Model(dropPath) : null;
        teacher?.eval();
        using var source = SampleSources.Open(pictures.Data, "train", out _);
        using var objective = new PixelObjective();
        using var log = new MetricsLog(Path.Combine(pictures.Folder, "metrics.jsonl"));
        using var stop = new StopRequest(TimeSpan.MaxValue);
        if (stopAfter == 1) stop.Ask("test");
        var loop = new PretrainLoop(model, objective, source, settings, log, new Narrator(true))
        {
            Checkpoints = checkpoints,
            From = checkpoints?.Newest(_ => { }),
            Stop = stop,
            BadSteps = badSteps,
            AverageTeacher = teacher,
            AfterStep = step =>
            {
                if (step + 1 == stopAfter) stop.Ask("test");
                afterStep?.Invoke(step);
            },
        };
        loop.Run();
        var path = Fresh();
        ModelWeights.Save(model, path);
        return (loop.Outcome, File.ReadAllBytes(path));
    }

    // a file on a disk with so many bytes left
    private sealed class FullDisk(string path, Func<long> room, Action<int> take) : FileStream(path, FileMode.Create, FileAccess.Write)
    {
        public override void Write(byte[] buffer, int offset, int count)
        {
            if (count > room()) throw new IOException($"No space left on device : '{Name}'");
            take(count);
            base.Write(buffer, offset, count);
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);
    }
}
