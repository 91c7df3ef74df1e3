namespace SemAim.Models.Tests.Passes;

/// <summary>Equal things are computed once; what only looks equal is not.</summary>
public sealed class CommonSubexpressionsTests : PassTests
{
    private const string Layers = "    private readonly LayerNorm norm = new(D);\n    private readonly Linear fc = new(D, D);\n    private readonly Repeat<Linear> fcs = new(2, i => new(D, D));\n";
    private const string Head = "    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) ";

    private static object[] Values() => [Comparison.Input(3, 4)];

    [Theory]
    [InlineData("=> fc.Forward(norm.Forward(x)) * norm.Forward(x) + fcs[0].Forward(x) + fcs[1].Forward(x);", 1)]
    [InlineData("{ var a = norm.Forward(x); var y = x; for (var i = 0; i < 2; i++) y = fcs[i].Forward(y) + fc.Forward(norm.Forward(x)); return y + a; }", 1)]
    public void A_layer_of_the_same_value_runs_once(string body, int norms)
    {
        var code = Body(Check(Layers + Head + body, "int D", [4], Values));

        Assert.Equal(norms, Count(code, "LayerNorm("));
    }

    [Theory]
    [InlineData("=> fc.Forward(norm.Forward(x)) + norm.Forward(fc.Forward(x)) + fcs[0].Forward(x) + fcs[1].Forward(x);", "LayerNorm(", 2)]
    [InlineData("=> fcs[0].Forward(x) * fcs[1].Forward(x) + fc.Forward(norm.Forward(x));", "Kernels.Linear(", 3)]
    [InlineData("{ var y = x; for (var i = 0; i < 2; i++) y = fcs[i].Forward(norm.Forward(y)) + fc.Forward(x); return y + norm.Forward(x); }", "LayerNorm(", 2)]
    public void Another_operand_copy_or_round_is_another_value(string body, string operation, int count)
    {
        var code = Body(Check(Layers + Head + body, "int D", [4], Values));

        Assert.Equal(count, Count(code, operation));
    }

    [Fact]
    public void Draws_are_never_shared()
    {
        var code = Check(Layers + Head + "=> x.DropPath(rate) + x.DropPath(rate) + fc.Forward(norm.Forward(x)) + fcs[0].Forward(x) + fcs[1].Forward(x);", "int D, double rate", [4, 0.5], Values);

        Assert.Equal(2, Count(code, "Kernels.DropPath("));
    }

    [Fact]
    public void Left_out_it_runs_as_often_as_written()
    {
        var code = Body(Check(Layers + Head + "=> fc.Forward(norm.Forward(x)) * norm.Forward(x) + fcs[0].Forward(x) + fcs[1].Forward(x);", "int D", [4], Values, "", ("SemAimWithoutPass", "CommonSubexpressions")));

        Assert.Equal(2, Count(code, "LayerNorm("));
    }
}
