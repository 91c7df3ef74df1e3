using SemAim.Dsl;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>Training and evaluation have bodies of their own where an operation draws.</summary>
public sealed class SplitTrainEvalTests : PassTests
{
    private const string Source = "    private readonly Repeat<Linear> fcs = new(2, i => new(D, D));\n    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) { foreach (var f in fcs) x = x + f.Forward(x).DropPath(rate); return x; }";

    [Fact]
    public void The_evaluation_body_has_no_trace_of_them()
    {
        var code = Check(Source, "int D, double rate", [4, 0.4], () => [Comparison.Input(3, 4)]);

        var evaluation = Body(code);
        Assert.DoesNotContain("draws", evaluation);
        Assert.DoesNotContain("DropPath", evaluation);
        Assert.Equal(1, Count(code, "Kernels.DropPath"));
    }

    [Fact]
    public void The_training_body_takes_the_specification_s_draws()
    {
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Source, "int D, double rate"))]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4, 0.4);
        Comparison.Fill(model);
        var (x, table) = (Comparison.Input(3, 4), tensor(new[] { 0.1, 0.7, 0.5, 0.39, 0.41, 0.99 }).reshape(2, 3));

        var specified = Comparison.Gradients(model, CompiledModels.Call(model, "Go", Sym.Of(x, Run.Train(table))), x);
        var compiled = Comparison.Gradients(model, CompiledModels.Call(model, "Go", x, new Draws(table)), x);

        Comparison.Equal(specified, compiled);
    }

    [Fact]
    public void Without_a_drawing_operation_there_is_one_body()
    {
        var code = Check("    private readonly Linear fc = new(D, D);\n    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) => fc.Forward(x);", "int D", [4], () => [Comparison.Input(3, 4)]);

        Assert.Equal(1, Count(code, " __Go(Tensor x"));
    }
}
