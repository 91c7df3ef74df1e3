using System.Text.Json;

namespace SemAim.App.Tests;

/// <summary>The verb in child processes, on real files.</summary>
public sealed class PretrainVerbTests : IDisposable
{
    private readonly SmallPictures pictures = new(12);

    public void Dispose() => pictures.Dispose();

    private string[] Command(string experiment, int steps, params string[] more)
        => ["pretrain", "--data-path", pictures.Data, "--model", "aim_tiny", "--batch-size", "2", "--max-steps", $"{steps}", "--blr", "0.1", "--warmup-epochs", "1", "--norm_pix_loss", "--clip-grad", "3",
            "--permutation-type", "attention_center", "--output-dir", pictures.Folder, "--experiment", experiment, "--seed", "4", "--num-workers", "1", "--log-every", "5", .. more];

    private string Run(string experiment) => Path.Combine(pictures.Folder, $"aim_tiny.{experiment}");

    private byte[] Weights(string experiment) => File.ReadAllBytes(Path.Combine(Run(experiment), "model.safetensors"));

    [Fact]
    public void A_folder_of_mixed_pictures_with_a_broken_one_trains_and_names_the_broken_one()
    {
        File.WriteAllText(Path.Combine(pictures.Data, "train", "left", "broken.jpg"), "this is no picture");

        var (code, output, errors) = Semaim.Run(Command("mixed", 12));

        Assert.Equal(0, code);
        Assert.Contains("refused left/broken.jpg", errors);
        Assert.EndsWith("model.safetensors", output.Trim());
        foreach (var file in new[] { "config.json", "metrics.jsonl", "report.html", "checkpoints/latest", "checkpoints/step-00000012/state.json" }) Assert.True(File.Exists(Path.Combine(Run("mixed"), file)), file);
        var lines = File.ReadLines(Path.Combine(Run("mixed"), "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal([1, 6, 11, 12], lines.Where(l => l.GetProperty("kind").GetString() == "step").Select(l => l.GetProperty("step").GetInt32()));
        Assert.Equal([0, 1], lines.Where(l => l.GetProperty("kind").GetString() == "epoch").Select(l => l.GetProperty("epoch").GetInt32()));
        Assert.Single(Directory.GetFiles(Path.Combine(Run("mixed"), "tensorboard")));
        Assert.Contains(lines, l => l.TryGetProperty("event", out var e) && e.GetString() == "refused sample" && l.GetProperty("step").GetInt32() > 0);
        Assert.Contains("left/broken.jpg", Assert.Single(File.ReadLines(Path.Combine(Run("mixed"), "quarantine.jsonl"))));
    }

    [Fact]
    public void A_recipe_sets_what_the_command_line_leaves_open()
    {
        var (code, _, errors) = Semaim.Run("pretrain", "--recipe", "small-pictures", "--data-path", pictures.Data, "--output-dir", pictures.Folder, "--experiment", "recipe", "--batch-size=2", "--max-steps", "2");

        Assert.Equal(0, code);
        Assert.Contains("lr 0.003", errors);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Run("recipe"), "config.json")));
        Assert.Equal("aim_tiny", config.RootElement.GetProperty("model").GetString());
        Assert.Equal(2, config.RootElement.GetProperty("batch_size").GetInt32());
    }

    [Fact]
    public void Too_many_broken_files_are_refused_with_3()
    {
        for (var i = 0; i < 14; i++) File.WriteAllText(Path.Combine(pictures.Data, "train", "left", $"broken{i}.jpg"), "no picture");

        var (code, _, errors) = Semaim.Run(Command("broken", 40));

        Assert.Equal(3, code);
        Assert.Contains("files cannot be decoded, more than the 1 allowed of", errors);
    }

    [Fact]
    public void A_terminated_run_saves_ends_with_75_and_goes_on_to_the_same_bytes()
    {
        Assert.Equal(0, Semaim.Run(Command("whole", 60)).Code);
        using var interrupted = Semaim.Start(Command("parts", 60, "--save-every", "1000"));
        WaitFor(Path.Combine(Run("parts"), "metrics.jsonl"), "\"step\":6,", interrupted);
        interrupted.Terminate();

        Assert.Equal(75, interrupted.End().Code);
        Assert.False(File.Exists(Path.Combine(Run("parts"), "model.safetensors")));
        var (code, _, errors) = Semaim.Run([.. Command("parts", 60)[..^4], "--num-workers", "2", "--log-every", "7"]);
        Assert.Equal(0, code);
        Assert.Contains("resume", errors);
        Assert.True(Weights("whole").AsSpan().SequenceEqual(Weights("parts")));
    }

    [Fact]
    public void An_interrupt_saves_and_ends_with_75()
    {
        using var interrupted = Semaim.Start(Command("interrupted", 100000, "--save-every", "100000"));
        WaitFor(Path.Combine(Run("interrupted"), "metrics.jsonl"), "\"step\":6,", interrupted);
        interrupted.Signal("INT");

        var (code, _, errors) = interrupted.End();

        Assert.Equal(75, code);
        Assert.Contains("SIGINT: stopping after step", errors);
        Assert.True(File.Exists(Path.Combine(Run("interrupted"), "checkpoints", "latest")));
    }

    [Fact]
    public void Signals_that_arrive_within_a_step_leave_its_memory_whole()
    {
        Assert.Equal(0, Semaim.Run(Command("undisturbed", 150)).Code);
        using var flooded = Semaim.Start(Command("flooded", 150));
        WaitFor(Path.Combine(Run("flooded"), "metrics.jsonl"), "\"step\":6,", flooded);
        flooded.Flood("CONT");                                 // the runtime has a handler for it

        Assert.Equal(0, flooded.End().Code);
        Assert.True(Weights("undisturbed").AsSpan().SequenceEqual(Weights("flooded")));
    }

    [Fact]
    public void A_disk_that_is_full_costs_its_saves_and_nothing_else()
    {
        Assert.Equal(0, Semaim.Run(Command("roomy", 12)).Code);
        Assert.Equal(75, Semaim.Run(Command("full", 12, "--max-time", "0.001s")).Code);

        // the weights (1 MB) fit, the moments (2 MB) do not
        var (code, _, errors) = Semaim.RunWithin(1500, Command("full", 12, "--save-every", "4"));

        Assert.Equal(3, code);
        Assert.Contains("could not be written", errors);
        Assert.Contains("the checkpoints before it are untouched", errors);
        Assert.Equal(["step-00000001"], Directory.GetDirectories(Path.Combine(Run("full"), "checkpoints")).Select(Path.GetFileName));
        Assert.Contains("\"save failed\"", File.ReadAllText(Path.Combine(Run("full"), "metrics.jsonl")));
        Assert.Equal(0, Semaim.Run(Command("full", 12)).Code);
        Assert.True(Weights("roomy").AsSpan().SequenceEqual(Weights("full")));
    }

    [Fact]
    public void A_run_whose_time_is_over_saves_and_ends_with_75()
    {
        var (code, _, errors) = Semaim.Run(Command("timed", 100000, "--save-every", "100000", "--max-time", "2s"));

        Assert.Equal(75, code);
        Assert.Contains("--max_time: stopping after step", errors);
        Assert.Contains("\"reason\":\"--max_time\"", File.ReadAllText(Path.Combine(Run("timed"), "metrics.jsonl")));
        Assert.True(File.Exists(Path.Combine(Run("timed"), "checkpoints", "latest")));
    }

    [Fact]
    public void A_second_signal_ends_the_program_at_once()
    {
        // one step of 6000 pictures, which takes many seconds
        File.WriteAllText(Path.Combine(pictures.Data, "train.txt"), string.Concat(Enumerable.Repeat("left/000.png 0\n", 6000)));
        using var run = Semaim.Start(Command("twice", 10, "--accum_iter", "3000"));
        WaitFor(Path.Combine(Run("twice"), "metrics.jsonl"), "\"start\"", run);
        run.Signal("TERM");
        Assert.False(run.EndsWithin(1000), "the first signal lets the step end");
        run.Signal("TERM");

        Assert.True(run.EndsWithin(5000), "still there after the second signal");
        var (code, _, errors) = run.End();
        Assert.True(code is not (0 or 75), $"{code}");
        Assert.Contains("a second signal ends the program at once", errors);
        Assert.False(Directory.Exists(Path.Combine(Run("twice"), "checkpoints")));
    }

    [Theory]
    [InlineData("lr", "0.5")]
    [InlineData("precision", "bf16")]
    [InlineData("loss_type", "L1")]
    public void An_option_that_alters_the_mathematics_is_refused_on_resume_with_both_values(string option, string value)
    {
        Assert.Equal(0, Semaim.Run(Command("changed", 2)).Code);

        var (code, _, errors) = Semaim.Run(Command("changed", 2, $"--{option}", value));

        Assert.Equal(2, code);
        Assert.Matches($"--{option} {value}: the run that would go on was started with (0.00|fp32|L2)", errors);
    }

    // SEMAIM_KILLS=40 is the long form; every third kill falls into a save
    [Fact]
    public void A_run_killed_again_and_again_goes_on_to_the_same_bytes()
    {
        var wanted = int.TryParse(Environment.GetEnvironmentVariable("SEMAIM_KILLS"), out var n) ? n : 9;
        var steps = 30 + 20 * wanted;
        string[] saving = ["--save-every", "1", "--keep", "3", "--use_ema_model"];
        Assert.Equal(0, Semaim.Run(Command("calm", steps, "--use_ema_model")).Code);
        var random = new Random(11);
        var (kills, inSaves) = (0, 0);
        while (kills < wanted)
        {
            using var run = Semaim.Start(Command("killed", steps, [.. saving, "--quiet"]));
            var next = Newest("killed") + 1 + random.Next(3);
            while (!run.EndsWithin(5) && Newest("killed") < next) { }
            if (kills % 3 == 2)
                while (!run.HasExited && !IsSaving("killed")) { }
            if (run.HasExited) break;
            var saved = IsSaving("killed");
            run.Kill();
            run.End();
            kills++;
            if (saved) inSaves++;
        }
        Assert.Equal(wanted, kills);
        Assert.True(inSaves >= kills / 3, $"{inSaves} of {kills} kills fell into a save");

        var (code, _, errors) = Semaim.Run(Command("killed", steps, saving));

        Assert.True(code == 0, errors);
        Assert.True(Weights("calm").AsSpan().SequenceEqual(Weights("killed")), $"after {kills} kills, {inSaves} of them in saves, the weights differ");
    }

    private bool IsSaving(string experiment)
    {
        var folder = Path.Combine(Run(experiment), "checkpoints");
        return Directory.Exists(folder) && Directory.EnumerateDirectories(folder, "*.part").Any();
    }

    private int Newest(string experiment)
    {
        var folder = Path.Combine(Run(experiment), "checkpoints");
        return Directory.Exists(folder) ? Directory.GetDirectories(folder, "step-????????").Select(d => int.Parse(Path.GetFileName(d)[5..])).DefaultIfEmpty(0).Max() : 0;
    }

    private static void WaitFor(string file, string text, Semaim run)
    {
        while (!run.EndsWithin(10) && !(File.Exists(file) && ReadShared(file).Contains(text))) { }
    }

    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }
}
