namespace SemAim.App.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public void Help_lists_every_verb_and_ends_with_0()
    {
        var (code, output, _) = Semaim.Run("--help");

        Assert.Equal(0, code);
        foreach (var verb in new[] { "demo", "pretrain", "knn", "visualize", "report", "data-demo", "doctor", "bench-step" }) Assert.Contains(verb, output);
    }

    [Theory]
    [InlineData("'pretrian' is no verb (did you mean pretrain?)", "pretrian")]
    [InlineData("--batchsize: pretrain has no such option (did you mean batch_size?)", "pretrain", "--data-path", "x", "--batchsize", "3")]
    [InlineData("--permutation: pretrain has no such option (did you mean permutation_type?)", "pretrain", "--data-path", "x", "--permutation", "raster")]
    [InlineData("--batch_size many: not a whole number", "pretrain", "--data-path", "x", "--batch-size", "many")]
    [InlineData("--precision fp8: not a choice; choose one of fp32, bf16", "pretrain", "--data-path", "x", "--precision", "fp8")]
    [InlineData("--data_path is missing", "pretrain")]
    [InlineData("--data_path /nowhere/at/all: there is no such folder", "pretrain", "--data-path", "/nowhere/at/all")]
    [InlineData("--max_time 3x: a number with its unit", "pretrain", "--data-path", "x", "--max-time", "3x")]
    [InlineData("--batch_size 0: at least 1", "pretrain", "--data_path", "x", "--batch_size", "0")]
    [InlineData("--recipe small-picture: there is no such file and no such recipe (did you mean small-pictures?)", "pretrain", "--recipe", "small-picture")]
    [InlineData("--pretrained_weights is missing", "knn", "--data-path", "x")]
    public void A_wrong_call_is_one_line_and_ends_with_2(string expected, params string[] args)
    {
        var (code, output, errors) = Semaim.Run(args);

        Assert.Equal(2, code);
        Assert.Contains(expected, errors);
        Assert.Single(errors.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", errors);
        Assert.Empty(output);
    }

    [Theory]
    [InlineData("pretrain")]
    [InlineData("knn")]
    [InlineData("demo")]
    public void Each_verb_explains_its_options(string verb)
    {
        var (code, output, errors) = Semaim.Run(verb, "--help");

        Assert.Equal(0, code);
        Assert.Contains("(Default:", output);
        Assert.DoesNotContain("(Default: )", output);
        Assert.Matches(@"\n  --quiet +\(Default: false\)", output);
        Assert.Empty(errors);
    }

    [Fact]
    public void Doctor_names_libtorch_and_the_decoder()
    {
        var (code, output, _) = Semaim.Run("doctor");

        Assert.Equal(0, code);
        Assert.Contains("native", output);
        Assert.Contains("JPEG", output);
    }
}
