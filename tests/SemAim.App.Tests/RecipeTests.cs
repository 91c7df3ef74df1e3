using System.Reflection;
using System.Text.Json;
using CommandLine;
using SemAim.Runtime;

namespace SemAim.App.Tests;

/// <summary>The presets that the program carries.</summary>
public sealed class RecipeTests
{
    public static TheoryData<string> Names => [.. Recipe.Names];

    [Fact]
    public void There_is_one_for_every_published_run_and_for_small_machines()
    {
        foreach (var name in new[] { "pretrain-base", "pretrain-large", "pretrain-single-gpu", "finetune-base", "finetune-large", "linprobe-base", "knn-base", "small-pictures", "own-pictures", "demo" }) Assert.Contains(name, Recipe.Names);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_says_what_it_is_for_costs_and_gives_and_its_options_are_those_of_its_verb(string name)
    {
        using var json = JsonDocument.Parse(Recipe.Text(name));
        string Text(string member) => json.RootElement.GetProperty(member).GetString()!;

        Assert.Equal(["about", "command", "cost", "expect", "options"], json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.True(Text("about").Length > 40);
        Assert.Matches("^(measured|computed, not measured|not measured)", Text("cost"));
        Assert.NotEmpty(json.RootElement.GetProperty("expect").EnumerateObject());
        if (name.Contains("large", StringComparison.Ordinal)) Assert.Contains("ASSUMPTION", Text("about"), StringComparison.Ordinal);
        var words = Text("command").Split(' ');
        Assert.Equal(["semaim", "--recipe", name], [words[0], words[2], words[3]]);
        var verb = typeof(Recipe).Assembly.GetTypes().Single(t => t.GetCustomAttribute<VerbAttribute>()?.Name == words[1]);
        var options = verb.GetProperties().Select(p => p.GetCustomAttribute<OptionAttribute>()?.LongName).OfType<string>().ToHashSet();
        Assert.All(json.RootElement.GetProperty("options").EnumerateObject(), option => Assert.Contains(option.Name, options));
        Assert.Contains("recipe", options);
    }

    [Fact]
    public void A_recipe_of_another_verb_is_refused()
    {
        var refusal = Assert.Throws<UsageException>(() => Recipe.Expand(["pretrain", "--recipe", "finetune-base"]));

        Assert.Equal("--recipe finetune-base: that recipe is for finetune, not for pretrain", refusal.Message);
    }

    [Fact]
    public void Options_on_the_command_line_win()
    {
        var args = Recipe.Expand(["pretrain", "--recipe", "pretrain-base", "--batch_size", "8", "--blr=1e-3"]);

        Assert.Equal(["8"], args.SkipWhile(a => a != "--batch_size").Skip(1).Take(1));
        Assert.Single(args, a => a.StartsWith("--blr", StringComparison.Ordinal));
        Assert.Contains("--norm_pix_loss", args);
    }
}
