using System.Text.Json;

namespace SemAim.App.Tests.Evaluations;

/// <summary>Fine-tuning and probing that are tried first, and that end after so many steps.</summary>
public sealed class DryRunTests(EvaluationVerbTests.Pictures pictures) : IClassFixture<EvaluationVerbTests.Pictures>, IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("semaim-dry-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData("finetune", "run     50 epochs of 5 steps of 8", "length  250 steps, 5 an epoch: ")]
    [InlineData("linprobe", "run     90 epochs of 5 steps of 8", "length  450 steps, 5 an epoch: ")]
    public void A_dry_run_says_what_a_run_would_take_and_writes_nothing(string verb, params string[] lines)
    {
        var (code, output, errors) = Semaim.Run(verb, "--data_path", pictures.Data, "--finetune", pictures.Weights, "--batch_size", "8", "--output_dir", root, "--dry-run");

        Assert.True(code == 0, errors);
        foreach (var line in (string[])["memory  ", "disk    ", "step    ", " held-out pictures a second", .. lines]) Assert.Contains(line, output);
        Assert.Empty(Directory.EnumerateFileSystemEntries(root));
    }

    [Fact]
    public void A_run_of_so_many_steps_ends_with_the_held_out_pictures_judged()
    {
        var (code, output, errors) = Semaim.Run("finetune", "--data_path", pictures.Data, "--finetune", pictures.Weights, "--batch_size", "8", "--max-steps", "7", "--output_dir", root, "--json", "--log_every", "1");

        Assert.True(code == 0, errors);
        Assert.Contains("run     2 epochs of 5 steps of 8", errors);
        var run = Assert.Single(Directory.GetDirectories(root));
        var lines = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(7, lines.Count(l => l.GetProperty("kind").GetString() == "step"));
        Assert.Equal([5, 7], lines.Where(l => l.GetProperty("kind").GetString() == "epoch").Select(l => l.GetProperty("step").GetInt32()));
        using var result = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(20, result.RootElement.GetProperty("samples").GetInt32());
    }
}
