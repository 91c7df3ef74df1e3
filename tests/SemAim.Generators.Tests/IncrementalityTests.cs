using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

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
        GeneratorDriver driver = CSharpGeneratorDriver.Create([new ModuleGenerator().AsSourceGenerator()], driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
        driver = driver.RunGenerators(compilation);
        var old = compilation.SyntaxTrees.First(t => t.FilePath == file);
        Assert.Contains(written, old.ToString());
        var edited = compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(old.ToString().Replace(written, edit), (CSharpParseOptions)old.Options, file));

        var steps = driver.RunGenerators(edited).GetRunResult().Results[0].TrackedSteps[TrackingNames.Compile];

        var changed = steps.SelectMany(s => s.Outputs).Count(o => o.Reason is IncrementalStepRunReason.Modified or IncrementalStepRunReason.New);
        if (recompiled >= 0) Assert.Equal(recompiled, changed);
        else Assert.True(steps.SelectMany(s => s.Outputs).Count(o => o.Reason is IncrementalStepRunReason.Unchanged or IncrementalStepRunReason.Modified) > 1, "callers look again at a changed signature");
    }

    [Fact]
    public void What_is_cached_holds_data_alone()
    {
        var compilation = AuthorSource.Compilation(AuthorSource.Models.Select(m => (m.Key, m.Value)));
        GeneratorDriver driver = CSharpGeneratorDriver.Create([new ModuleGenerator().AsSourceGenerator()], driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
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
