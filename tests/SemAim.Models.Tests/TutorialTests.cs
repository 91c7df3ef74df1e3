using System.Reflection;
using System.Text.RegularExpressions;
using SemAim.Dsl;
using SemAim.Runtime.Data.Demo;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The tutorial's code is what its page says it is.</summary>
public sealed class TutorialTests
{
    [Fact]
    public void The_tutorial_s_program_compiles_learns_and_equals_its_specification()
    {
        var page = File.ReadAllText(Path.Combine(CompiledModels.Root, "docs", "dsl-tutorial.md"));
        var blocks = Regex.Matches(page, "```csharp\n(.*?)```", RegexOptions.Singleline).Select(m => m.Groups[1].Value).ToList();
        Assert.True(blocks.Count >= 4, "the page has lost its code");
        var (assembly, generated) = CompiledModels.Compile("Tutorial", [("Mae.cs", string.Join('\n', blocks))]);
        var training = assembly.GetType("Training")!;
        var pictures = Path.Combine(Path.GetTempPath(), "semaim-tutorial-" + Guid.NewGuid().ToString("N"));
        try
        {
            DemoSet.Write(pictures, new DemoSetOptions(Train: 40, Val: 10, Size: 32));

            var losses = (List<double>)training.GetMethod("Run")!.Invoke(null, [Path.Combine(pictures, "train"), 25])!;

            Assert.Equal(25, losses.Count);
            Assert.True(losses[^5..].Average() < 0.8 * losses[..2].Average(), string.Join(' ', losses.Select(l => l.ToString("F3"))));
        }
        finally { if (Directory.Exists(pictures)) Directory.Delete(pictures, recursive: true); }

        using var scope = NewDisposeScope();
        var model = assembly.GetType("Mae")!.GetMethod("Demo")!.Invoke(null, null)!;
        Assert.True((double)training.GetMethod("Difference", BindingFlags.Static | BindingFlags.Public)!.Invoke(null, [model, randn(2, 3, 32, 32), rand(2, 16)])! < 1e-5);
        var code = generated["Mae.g.cs"];
        Assert.True(code.IndexOf(".narrow(1, K, ", StringComparison.Ordinal) is >= 0 and var cut && cut < code.IndexOf(", head);", StringComparison.Ordinal), "the slice is cut before the head:\n" + code);
        Assert.Contains("\"mae_demo\", \"Paint\"", code);
    }
}
