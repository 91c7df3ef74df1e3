using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>Handles go at the last use, on the same line; what was not there before a call is not there after it.</summary>
public sealed class ScheduleAndDisposeTests : PassTests
{
    private const string Loop = "    private readonly Repeat<Linear> fcs = new(3, i => new(D, D));\n    private readonly Weight gamma = new([D], Inits.Ones);\n"
        + "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) { var y = x; var z = x * gamma; foreach (var f in fcs) { y = y + f.Forward(y).Gelu(); if (wide) z = z + y; } return y * z + x; }";

    private static object[] Values() => [Comparison.Input(3, 4)];

    [Fact]
    public void Each_value_is_disposed_on_the_line_that_reads_it_last()
    {
        var code = Body(Check("    private readonly Linear fc = new(D, D);\n    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) { var a = x.Tanh(); var b = fc.Forward(a); return (a + b).Sigmoid(); }", "int D", [4], Values));

        Assert.Contains("Kernels.Add(a, b); a.Dispose(); b.Dispose();", code);
        Assert.DoesNotContain("x.Dispose()", code);                                                     // the caller's
    }

    [Fact]
    public void A_parameter_that_is_returned_gets_a_handle_of_its_own()
    {
        var code = Body(Check("    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) => x.Rearrange(\"B D -> B D\");", "int D", [4], Values));

        Assert.Contains("return x.alias();", code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_left_behind_by_loops_and_branches(bool wide)
    {
        Check(Loop, "int D, bool wide", [4, wide], Values);
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Loop, "int D, bool wide"))]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4, wide);
        using var x = rand(3, 4);
        using var guard = no_grad();
        ((Tensor)CompiledModels.Call(model, "Go", x)).Dispose();

        using var inner = NewDisposeScope();
        for (var i = 0; i < 20; i++) ((Tensor)CompiledModels.Call(model, "Go", x)).Dispose();

        Assert.Equal(0, inner.DisposablesCount);
    }

    [Fact]
    public void Left_out_handles_stay_until_the_caller_s_scope_ends()
    {
        var code = Body(Check(Loop, "int D, bool wide", [4, true], Values, "", ("SemAimWithoutPass", "ScheduleAndDispose")));

        Assert.DoesNotContain(".Dispose()", code);
    }
}
