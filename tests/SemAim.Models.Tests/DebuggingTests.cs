using System.Reflection.Metadata;
using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>What a project can ask of the generated code when something is wrong.</summary>
public sealed class DebuggingTests
{
    private const string Graph = "    private readonly Linear fc = new(D, D);\n    [Graph]\n    [return: Shape(\"B D\")]\n    public Sym Go([Shape(\"B D\")] Sym x)\n    {\n        var y = x + x;\n        var z = y\n            .Softmax(\"B [D]\");\n        return fc.Forward(z);\n    }";

    [Fact]
    public void With_line_directives_a_stack_trace_names_the_author_s_expression()
    {
        using var scope = NewDisposeScope();
        var source = CompiledModels.Module(Graph, "int D");
        var (assembly, generated) = CompiledModels.Compile("Author", [("/src/Net.cs", source)], properties: ("SemAimLineDirectives", "true"));
        var model = CompiledModels.Make(assembly, "Test.Net", 4);
        var line = source.Split('\n').ToList().FindIndex(l => l.Contains("var z = y")) + 1;

        var thrown = Record.Exception(() => CompiledModels.Call(model, "Go", ones(2, 4, int64)));        // libtorch has no softmax of whole numbers

        Assert.NotNull(thrown);
        Assert.Contains($"Net.cs:line {line}", thrown.StackTrace);
        Assert.Contains("#line (", generated["Test.Net.g.cs"]);
    }

    /// <summary>What a debugger walks through: every visible step of the compiled body is an expression of the author's, in their order, and each operation has one.</summary>
    [Fact]
    public void Stepping_through_compiled_code_walks_the_author_s_expressions()
    {
        var source = CompiledModels.Module("    private readonly Repeat<Linear> fcs = new(3, _ => new Linear(D, D));\n    [Graph]\n    [return: Shape(\"B D\")]\n    public Sym Go([Shape(\"B D\")] Sym x)\n    {\n        var y = x + x;\n        for (var i = 0; i < 3; i++)\n        {\n            y = fcs[i].Forward(y);\n        }\n        return y\n            .Softmax(\"B [D]\");\n    }", "int D");
        CompiledModels.Compile("Author", [("/src/Net.cs", source)], out var symbols, properties: ("SemAimLineDirectives", "true"));
        using var provider = MetadataReaderProvider.FromPortablePdbStream(symbols);
        var reader = provider.GetMetadataReader();
        var lines = source.Split('\n');
        string Text(SequencePoint p) => string.Join('\n', Enumerable.Range(p.StartLine, p.EndLine - p.StartLine + 1).Select(n => lines[n - 1][(n == p.StartLine ? p.StartColumn - 1 : 0)..(n == p.EndLine ? p.EndColumn - 1 : lines[n - 1].Length)]));
        var walks = new List<List<string>>();
        foreach (var handle in reader.MethodDebugInformation)
        {
            var points = reader.GetMethodDebugInformation(handle).GetSequencePoints().Where(p => !p.IsHidden).ToList();
            if (points.Count == 0 || !points.TrueForAll(p => reader.GetString(reader.GetDocument(p.Document).Name) == "/src/Net.cs")) continue;
            var walk = new List<string>();
            foreach (var text in points.Select(Text)) if (walk.Count == 0 || walk[^1] != text) walk.Add(text);
            walks.Add(walk);
        }

        Assert.True(walks.Exists(walk => walk.SequenceEqual(["x + x", "fcs[i].Forward(y)", "y\n            .Softmax(\"B [D]\")"])), string.Join("\n--\n", walks.Select(w => string.Join(" | ", w))));
    }

    [Fact]
    public void Without_the_property_the_code_has_no_positions()
    {
        var (_, generated) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Graph, "int D"))]);

        Assert.DoesNotContain("#line", generated["Test.Net.g.cs"]);
        Assert.DoesNotContain("Trace", generated["Test.Net.g.cs"]);
    }

    [Fact]
    public void Traced_code_reports_every_value_by_its_name()
    {
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Graph, "int D"))], properties: ("SemAimTrace", "true"));
        var model = CompiledModels.Make(assembly, "Test.Net", 4);
        var seen = new List<TracedValue>();
        var x = ones(2, 4);
        x[0, 0] = float.PositiveInfinity;

        Trace.Watch(model, seen.Add, () => CompiledModels.Call(model, "Go", x));

        Assert.Equal(["y", "z"], seen.Select(v => v.Name).Where(n => n is "y" or "z"));
        Assert.All(seen, v => Assert.Equal("Net.Go", v.Place));
        Assert.Equal("y", Trace.FirstNonFinite(model, () => CompiledModels.Call(model, "Go", x))!.Name);
    }

    [Fact]
    public void A_thread_may_have_the_author_s_methods_run_in_place_of_the_compiled_ones()
    {
        using var scope = NewDisposeScope();
        const string graph = "    private readonly Linear fc = new(D, D);\n    [Graph] [return: Shape(\"B D\", \"B\")] public (Sym, Sym) Go([Shape(\"B D\")] Sym x) { var y = fc.Forward(x).DropPath(0.5); return (x + y, y.Mean(\"B [D]\")); }";
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(graph, "int D"))]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4);
        Comparison.Fill(model);
        var (x, table) = (Comparison.Input(3, 4), tensor(new[] { 0.1, 0.9, 0.7 }).reshape(1, 3));
        (Tensor[], int) Go(Draws? draws)
        {
            var (result, operations) = (Array.Empty<Tensor>(), 0);
            Trace.Watch(model, _ => operations++, () => result = Comparison.Gradients(model, CompiledModels.Call(model, "Go", draws is null ? [x] : [x, draws]), x));
            return (result, operations);
        }

        var (compiled, none) = Go(new Draws(table));
        var evaluated = Go(null).Item1;
        GraphModule.UseReference = true;
        try
        {
            var (specified, some) = Go(new Draws(table));

            Assert.Equal(0, none);
            Assert.True(some > 3);
            Comparison.Equal(specified, compiled);
            Comparison.Equal(Go(null).Item1, evaluated);
        }
        finally
        {
            GraphModule.UseReference = false;
        }
    }
}
