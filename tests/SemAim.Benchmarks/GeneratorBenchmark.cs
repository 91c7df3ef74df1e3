using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SemAim.Generators;
using SemAim.Mutation;

namespace SemAim.Benchmarks;

/// <summary>What the generator adds to a build and to a keystroke: cold over the declared modules, and after an edit that changes nothing.</summary>
internal static class GeneratorBenchmark
{
    private const int Rounds = 15;

    internal static int Run()
    {
        var files = MutationRun.Sets(Repository.Root).First().Files;
        var cold = new List<double>();
        var binding = new List<double>();
        var edit = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var compilation = AuthorAssembly.Of(files).Compilation;
            cold.Add(Milliseconds(() => CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(compilation)));
            // an edit's floor: Roslyn binds the methods of the declared modules again
            var driver = CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(compilation);
            var old = compilation.SyntaxTrees.First(t => t.FilePath == "AimViT.cs");
            var edited = compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(old + "\n// a comment\n", (CSharpParseOptions)old.Options, old.FilePath));
            var same = edited.Clone();
            binding.Add(Milliseconds(() => Bind(same)));
            edit.Add(Milliseconds(() => driver = driver.RunGenerators(edited)));
        }
        Console.WriteLine($"modules in {files.Count} files, {Rounds} rounds, the first {Rounds / 3} are warm-up");
        Print("cold compile of all modules", cold);
        Print("edit that changes nothing", edit);
        Print("of it, binding alone", binding);
        return 0;
    }

    private static void Bind(CSharpCompilation compilation)
    {
        foreach (var tree in compilation.SyntaxTrees)
        {
            var model = compilation.GetSemanticModel(tree);
            foreach (var method in tree.GetRoot().DescendantNodes().OfType<Microsoft.CodeAnalysis.CSharp.Syntax.MethodDeclarationSyntax>())
                if (((SyntaxNode?)method.Body ?? method.ExpressionBody) is { } body) model.GetOperation(body);
        }
    }

    private static double Milliseconds(Action run)
    {
        GC.Collect();
        var clock = Stopwatch.StartNew();
        run();
        return clock.Elapsed.TotalMilliseconds;
    }

    private static void Print(string what, List<double> times)
    {
        var warm = times.Skip(Rounds / 3).Order().ToList();
        Console.WriteLine(FormattableString.Invariant($"{what,-30} median {warm[warm.Count / 2],7:F1} ms   least {warm[0],7:F1}   greatest {warm[^1],7:F1}   first {times[0],7:F1}"));
    }
}
