using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace SemAim.Generators.Tests;

/// <summary>An edit costs what it changes.</summary>
public sealed class IncrementalityTests
{
    [Theory]
    [InlineData("Blocks/Mlp.cs", "[Graph]", "// a comment\n\n    [Graph]", 0)]
    [InlineData("Blocks/Mlp.cs", ".Gelu()", ".Relu()", 1)]
    [InlineData("Blocks/Mlp.cs", "[return: Shape(\"... O\")]\n    public Sym Forward([Shape(\"... D\")] Sym x)", "[return: Shape(\"... O\")]\n    public Sym Forward([Shape(\"... D\")] Sym input)", -1)]
    public void An_edit_recompiles_what_it_changes(string file, string written, string edit, int recompiled)
    {
        var files = AuthorSource.Models.Select(m => (m.Key, m.Value)).ToList();
        var compilation = AuthorSource.Compilation(files);
        var driver = Driver();
        driver = driver.RunGenerators(compilation);
        var old = compilation.SyntaxTrees.First(t => t.FilePath == file);
        Assert.Contains(written, old.ToString());
        var edited = compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(old.ToString().Replace(written, edit), (CSharpParseOptions)old.Options, file));

        var steps = driver.RunGenerators(edited).GetRunResult().Results[0].TrackedSteps[TrackingNames.Compile];

        var changed = steps.SelectMany(s => s.Outputs).Count(o => o.Reason is IncrementalStepRunReason.Modified or IncrementalStepRunReason.New);
        if (recompiled >= 0) Assert.Equal(recompiled, changed);
        else Assert.True(steps.SelectMany(s => s.Outputs).Count(o => o.Reason is IncrementalStepRunReason.Unchanged or IncrementalStepRunReason.Modified) > 1, "callers look again at a changed signature");
    }

    [Theory]
    [InlineData("Usings.cs", "global using System;", "global using System; // a comment")]
    [InlineData("Usings.cs", "global using System;", "namespace Elsewhere { internal static class Plain { internal static int Two => 2; } }\n")]
    [InlineData("Blocks/Mlp.cs", "namespace", "\n\n\nnamespace")]
    public void Another_file_or_a_shifted_line_compiles_nothing(string file, string written, string edit)
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        var driver = Driver();
        driver = driver.RunGenerators(compilation);
        var old = compilation.SyntaxTrees.First(t => t.FilePath == file);
        var text = old.ToString();
        var at = text.IndexOf(written, StringComparison.Ordinal);
        // usings stay in front of what is added
        var changed = edit.StartsWith("namespace", StringComparison.Ordinal) ? text + "\n" + edit : text[..at] + edit + text[(at + written.Length)..];
        var edited = compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(changed, (CSharpParseOptions)old.Options, file));

        var steps = driver.RunGenerators(edited).GetRunResult().Results[0].TrackedSteps;

        foreach (var name in new[] { TrackingNames.Signatures, TrackingNames.Link, TrackingNames.Compile, TrackingNames.Price, TrackingNames.Emit })
            Assert.All(steps[name].SelectMany(s => s.Outputs), o => Assert.True(o.Reason is IncrementalStepRunReason.Cached, $"{name}: {o.Reason}"));
        Assert.All(steps[TrackingNames.Compile].SelectMany(s => s.Outputs), o => Assert.Equal(IncrementalStepRunReason.Cached, o.Reason));
    }

    [Theory]
    [InlineData("Blocks/Mlp.cs", "[Graph]", "// a comment\n\n    [Graph]")]
    [InlineData("Blocks/Mlp.cs", "namespace SemAim.Models;", "/* one */ namespace   SemAim.Models ;\n\n")]
    [InlineData("Blocks/Mlp.cs", "/// <summary>", "/// <summary>Said in other words. ")]
    [InlineData("AimViT.cs", "\n", "\r\n")]
    public void An_edit_of_comments_and_white_space_reads_nothing_again(string file, string written, string edit)
    {
        var steps = Edit(file, text => text.Replace(written, edit));

        foreach (var name in new[] { TrackingNames.Sources, TrackingNames.Parse, TrackingNames.Signatures, TrackingNames.Link, TrackingNames.Compile, TrackingNames.Price, TrackingNames.Emit })
            Assert.All(steps[name].SelectMany(s => s.Outputs), o => Assert.True(o.Reason == IncrementalStepRunReason.Cached || name == TrackingNames.Sources && o.Reason == IncrementalStepRunReason.Unchanged, $"{name}: {o.Reason}"));
    }

    private const string Directed = """"
        using SemAim.Dsl;
        namespace Test;
        [Module]
        public sealed partial class Net(int D) : GraphModule
        {
            private readonly Linear fc = new(D, 2 * D);

            [Graph]
            [return: Shape("B E")]
            public Sym Forward([Shape("B D")] Sym x)
            {
                var y = fc.Forward(x);
        #if WIDE
                return y;
        #else
                return y.Gelu();
        #endif
            }

            private int E => 2 * D;

            public const string Words = """a raw text""";
        }
        """";

    // whatever a module can mean something else by is more than white space
    [Theory]
    [InlineData("#if WIDE", "#if !WIDE", true)]
    [InlineData("using SemAim.Dsl;", "#define WIDE\nusing SemAim.Dsl;", true)]
    [InlineData("Gelu", "Relu", true)]
    [InlineData("\"B D\"", "\"B  D\"", true)]
    [InlineData("a raw text", "another", false)]
    [InlineData("2 * D);", "2 * D)", false)]
    public void An_edit_of_a_token_or_a_directive_is_read(string written, string edit, bool changes)
    {
        Assert.Contains(written, Directed);
        var compilation = AuthorSource.Compilation([("Net.cs", Directed)]);
        var driver = Driver().RunGenerators(compilation);

        var steps = driver.RunGenerators(Edited(compilation, "Net.cs", text => text.Replace(written, edit))).GetRunResult().Results[0].TrackedSteps;

        Assert.All(steps[TrackingNames.Sources].SelectMany(s => s.Outputs), o => Assert.Equal(IncrementalStepRunReason.Modified, o.Reason));
        if (changes) Assert.Contains(steps[TrackingNames.Compile].SelectMany(s => s.Outputs), o => o.Reason is IncrementalStepRunReason.Modified);
    }

    [Fact]
    public void A_shifted_line_is_read_where_line_directives_are_wanted()
    {
        var compilation = AuthorSource.Compilation([("Net.cs", Directed)]);
        var driver = Driver().WithUpdatedAnalyzerConfigOptions(new WithLineDirectives()).RunGenerators(compilation);
        var before = driver.GetRunResult().GeneratedTrees.Single(t => t.FilePath.Contains("Net", StringComparison.Ordinal)).ToString();

        var after = driver.RunGenerators(Edited(compilation, "Net.cs", text => "\n\n" + text)).GetRunResult().GeneratedTrees.Single(t => t.FilePath.Contains("Net", StringComparison.Ordinal)).ToString();

        Assert.Contains("#line", before);
        Assert.NotEqual(before, after);
    }

    [Fact]
    public void Other_references_are_other_sources()
    {
        var compilation = AuthorSource.Compilation([("Net.cs", Directed)]);
        var driver = Driver().RunGenerators(compilation);

        var steps = driver.RunGenerators(compilation.AddReferences(AuthorSource.Compilation([("Other.cs", "public class Other;")]).ToMetadataReference())).GetRunResult().Results[0].TrackedSteps;

        Assert.All(steps[TrackingNames.Sources].SelectMany(s => s.Outputs), o => Assert.Equal(IncrementalStepRunReason.Modified, o.Reason));
    }

    private sealed class WithLineDirectives : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new On();

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => GlobalOptions;

        private sealed class On : AnalyzerConfigOptions
        {
            public override bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out string? value)
            {
                value = key == "build_property.SemAimLineDirectives" ? "true" : null;
                return value is not null;
            }
        }
    }

    private static GeneratorDriver Driver()
        => CSharpGeneratorDriver.Create([new ModuleGenerator().AsSourceGenerator()], driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    private static CSharpCompilation Edited(CSharpCompilation compilation, string file, Func<string, string> edit)
    {
        var old = compilation.SyntaxTrees.First(t => t.FilePath == file);
        var changed = edit(old.ToString());
        Assert.NotEqual(old.ToString(), changed);
        return compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(changed, (CSharpParseOptions)old.Options, file));
    }

    // all models of the project, then one edit
    private static IReadOnlyDictionary<string, ImmutableArray<IncrementalGeneratorRunStep>> Edit(string file, Func<string, string> edit)
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        return Driver().RunGenerators(compilation).RunGenerators(Edited(compilation, file, edit)).GetRunResult().Results[0].TrackedSteps;
    }

    [Fact]
    public void A_signature_compiles_its_module_and_its_callers_again_and_no_other()
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        var driver = Driver();
        driver = driver.RunGenerators(compilation);
        const string file = "Blocks/Mlp.cs";
        var old = compilation.SyntaxTrees.First(t => t.FilePath == file);
        var edited = compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(old.ToString().Replace("Sym x)", "Sym input)").Replace("fc1.Forward(x)", "fc1.Forward(input)"), (CSharpParseOptions)old.Options, file));

        var linked = driver.RunGenerators(edited).GetRunResult().Results[0].TrackedSteps[TrackingNames.Link].SelectMany(s => s.Outputs)
            .Where(o => o.Reason is IncrementalStepRunReason.Modified).Select(o => ((Link.LinkedUnit)o.Value).Unit.Name).Order().ToList();

        Assert.Equal(["Block", "Mlp", "QueryBlock"], linked);
    }

    [Fact]
    public void An_equal_compilation_runs_nothing_again()
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        var driver = Driver();

        var steps = driver.RunGenerators(compilation).RunGenerators(compilation.Clone()).GetRunResult().Results[0].TrackedSteps;

        foreach (var name in new[] { TrackingNames.Signatures, TrackingNames.Link, TrackingNames.Compile, TrackingNames.Price, TrackingNames.Emit })
            Assert.All(steps[name].SelectMany(s => s.Outputs), o => Assert.True(o.Reason is IncrementalStepRunReason.Cached, $"{name}: {o.Reason}"));
    }

    [Fact]
    public void What_is_cached_holds_data_alone()
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        var driver = Driver();
        var steps = driver.RunGenerators(compilation).GetRunResult().Results[0].TrackedSteps;

        foreach (var name in new[] { TrackingNames.Parse, TrackingNames.Signatures, TrackingNames.Link, TrackingNames.Compile, TrackingNames.Emit })
            foreach (var output in steps[name].SelectMany(s => s.Outputs)) Walk(output.Value, name, []);
    }

    private static void Walk(object? value, string step, HashSet<object> seen)
    {
        if (value is null || value.GetType().IsPrimitive || value is string || value.GetType().IsEnum || !seen.Add(value)) return;
        Assert.False(value is ISymbol or SyntaxNode or SyntaxTree or Compilation or Location or SemanticModel, $"{step} keeps a {value.GetType().Name}");
        if (value is System.Collections.IEnumerable items)
            foreach (var item in items) Walk(item, step, seen);
        foreach (var field in value.GetType().GetFields(System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Public))
            if (!field.FieldType.IsPointer) Walk(field.GetValue(value), step, seen);
    }
}
