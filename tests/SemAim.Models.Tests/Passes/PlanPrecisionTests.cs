using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>Products compute in the type of their weights; statistics, softmax and reductions in float32.</summary>
public sealed class PlanPrecisionTests : PassTests
{
    private const string Source = "    private readonly LayerNorm norm = new(D);\n    private readonly Linear a = new(D, D), b = new(D, D);\n"
        + "    [Graph] [return: Shape(\"B D\", \"\")] public (Sym, Sym) Pair([Shape(\"B D\")] Sym x) { var h = norm.Forward(x); var y = a.Forward(h) + b.Forward(h); return (y.Softmax(\"B [D]\"), y.Mean()); }\n"
        + "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) { var h = norm.Forward(x); return (a.Forward(h) + b.Forward(h)).Softmax(\"B [D]\"); }";

    private static object[] Values() => [Comparison.Input(3, 4)];

    [Fact]
    public void Casts_stand_before_products_and_statistics_each_once()
    {
        var code = Check(Source, "int D", [4], Values);

        Assert.Equal(1, Count(Body(code), "Kernels.Raise("));
        Assert.True(code.IndexOf("Kernels.Raise(", StringComparison.Ordinal) < code.IndexOf(".softmax(", StringComparison.Ordinal));
    }

    [Fact]
    public void With_narrow_weights_products_are_narrow_and_statistics_are_not()
    {
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Source, "int D"))]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4);
        foreach (var slot in model.Slots().Where(s => s.IsProductWeight).ToList()) slot.Weight.Tensor = slot.Weight.Tensor.detach().to(bfloat16);

        var (map, mean) = ((Tensor, Tensor))CompiledModels.Call(model, "Pair", rand(3, 4));

        Assert.Equal(ScalarType.Float32, map.dtype);
        Assert.Equal(ScalarType.Float32, mean.dtype);
        Assert.Equal(1, map.sum(1).mean().item<float>(), 1e-6f);                                    // a bfloat16 softmax misses 1 by more
    }

    [Fact]
    public void Left_out_there_is_no_cast()
    {
        var code = Check(Source, "int D", [4], Values, "", ("SemAimWithoutPass", "PlanPrecision"));

        Assert.DoesNotContain("Kernels.Lower(", code);
        Assert.DoesNotContain("Kernels.Raise(", code);
    }
}
