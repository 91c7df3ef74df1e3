using SemAim.App.Training;
using SemAim.App.Verbs;
using SemAim.Runtime;
using SemAim.Runtime.Data.Demo;

namespace SemAim.App.Tests;

/// <summary>What a hostile or hasty person types, and what may not be lost by it.</summary>
public sealed class ArgumentTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-arguments-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("'stray': pretrain takes no such argument; 'semaim pretrain --help'", "pretrain", "--data_path", "x", "stray")]
    [InlineData("'true': pretrain takes no such argument; --norm_pix_loss is a switch, without a value", "pretrain", "--data_path", "x", "--norm_pix_loss", "true")]
    [InlineData("'stray': pretrain takes no such argument", "pretrain", "stray", "--data_path=x")]
    [InlineData("--lr 0,0003: not a number: decimals are written with a point (0.0003)", "pretrain", "--data_path", "x", "--lr", "0,0003")]
    [InlineData("--lr 1,234,5: not a number", "pretrain", "--lr=1,234,5")]
    [InlineData("--precision 1: not a choice; choose one of fp32, bf16", "pretrain", "--precision", "1")]
    [InlineData("--precision needs a value; 'semaim pretrain --help' says which", "pretrain", "--data_path", "x", "--precision")]
    [InlineData("--precision needs a value", "pretrain", "--precision", "--data_path", "x")]
    [InlineData(null, "pretrain", "--data_path", "x", "--lr", "-1", "--norm_pix_loss", "--keep", "3")]
    public void What_the_parser_lets_pass_in_silence_is_a_fault(string? fault, params string[] args)
    {
        if (fault is null) Assert.Null(ArgumentCheck.Fault(args, typeof(PretrainVerb)));
        else Assert.StartsWith(fault, ArgumentCheck.Fault(args, typeof(PretrainVerb)), StringComparison.Ordinal);
    }

    [Fact]
    public void Lists_and_named_arguments_take_several_words()
    {
        Assert.Null(ArgumentCheck.Fault(["knn", "--nb_knn", "20", "10", "30", "--json"], typeof(KnnVerb)));
        Assert.StartsWith("--nb_knn needs a value", ArgumentCheck.Fault(["knn", "--nb_knn"], typeof(KnnVerb)), StringComparison.Ordinal);
        Assert.Null(ArgumentCheck.Fault(["report", "a", "b", "--output", "c"], typeof(ReportVerb)));
        Assert.Equal("report: one of the arguments is empty", ArgumentCheck.Fault(["report", ""], typeof(ReportVerb)));
        Assert.StartsWith("'c': ckpt-diff takes no such argument", ArgumentCheck.Fault(["ckpt-diff", "a", "b", "c"], typeof(CheckpointDiffVerb)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--batch_size 99999999999: not a whole number up to 2147483647", "pretrain", "--data_path", "x", "--batch_size", "99999999999")]
    [InlineData("--seed -1: not a whole number from 0 on", "pretrain", "--data_path", "x", "--seed", "-1")]
    [InlineData("--precision bf17: not a choice; choose one of fp32, bf16 (did you mean bf16?)", "pretrain", "--data_path", "x", "--precision", "bf17")]
    [InlineData("--lr NaN: 0 or more", "pretrain", "--data_path", "x", "--lr", "nan")]
    [InlineData("--clip_grad 0: more than 0", "pretrain", "--data_path", "x", "--clip_grad", "0")]
    [InlineData("--drop_path NaN: 0 to less than 1", "finetune", "--data_path", "x", "--drop_path", "nan")]
    [InlineData("--dist_backend mpi: this version trains in one process", "pretrain", "--data_path", "x", "--dist-backend", "mpi")]
    [InlineData("RUN is missing; 'semaim report --help'", "report")]
    [InlineData("too many of RUN", "report", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13")]
    [InlineData("FROM is missing", "ckpt-convert")]
    [InlineData("-b: pretrain has no such option", "pretrain", "-b", "3")]
    [InlineData("--json, --html and --mermaid exclude each other", "model-show", "--model", "aim_tiny", "--json", "--mermaid")]
    public void A_wrong_call_is_one_line_that_says_what_is_allowed(string expected, params string[] args)
    {
        var (code, output, errors) = Semaim.Run(args);

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"semaim: {expected}", Assert.Single(errors.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_belongs_to_one_process_at_a_time_and_reading_it_needs_no_leave()
    {
        using (new RunFolder(folder, "m", "a"))
        {
            Assert.Contains("another process is at work in", Assert.Throws<UsageException>(() => new RunFolder(folder, "m", "a")).Message);
            Assert.Equal(Path.Combine(folder, "m.a"), new RunFolder(folder, "m", "a", writes: false).Folder);
            using var beside = new RunFolder(folder, "m", "b");
        }

        using var after = new RunFolder(folder, "m", "a");
        Assert.Empty(Directory.EnumerateFileSystemEntries(after.Folder));
    }

    [Theory]
    [InlineData("../up")]
    [InlineData("")]
    public void An_experiment_is_a_name(string experiment)
        => Assert.Contains("without slashes", Assert.Throws<UsageException>(() => new RunFolder(folder, "m", experiment)).Message);

    [Fact]
    public void A_file_where_the_runs_should_be_is_wrong_usage()
    {
        var file = Path.Combine(folder, "file");
        File.WriteAllText(file, "kept");

        Assert.StartsWith($"--output_dir {file}: ", Assert.Throws<UsageException>(() => new RunFolder(file, "m", "a")).Message);
        Assert.StartsWith("--output ", Assert.Throws<UsageException>(() => OutputFile.Prepare("--output", Path.Combine(file, "page.html"))).Message);
        Assert.EndsWith("a folder; give a file", Assert.Throws<UsageException>(() => OutputFile.Prepare("--output", folder)).Message);
        Assert.Equal("kept", File.ReadAllText(file));
    }

    [Fact]
    public void Ones_own_pictures_are_never_replaced_by_drawn_ones_but_an_earlier_set_is()
    {
        var (own, drawn) = (Path.Combine(folder, "own"), Path.Combine(folder, "drawn"));
        SmallPictures.Draw(Path.Combine(own, "train", "cat", "1.png"), 1);
        DemoSet.Write(drawn, new DemoSetOptions(Train: 20, Val: 10, Size: 16));

        Assert.Contains("is not of a demo set", Assert.Throws<UsageException>(() => DemoSet.Clear(own)).Message);
        DemoSet.Clear(drawn);

        Assert.True(File.Exists(Path.Combine(own, "train", "cat", "1.png")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(drawn));
        // in a class folder of the set too
        SmallPictures.Draw(Path.Combine(drawn, "train", "bars", "holiday.png"), 1);
        Assert.Throws<UsageException>(() => DemoSet.Clear(drawn));
    }
}
