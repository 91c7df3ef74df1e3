namespace SemAim.Models.Tests.Passes;

/// <summary>Attention written out becomes one attention.</summary>
public sealed class RecognizeAttentionTests : PassTests
{
    private const string Head = "    [Graph] [return: Shape(\"B H T E\")] public Sym Go([Shape(\"B H T E\")] Sym q, [Shape(\"B H M E\")] Sym k, [Shape(\"B H M E\")] Sym v) ";

    private static object[] Values() => [Comparison.Input(2, 3, 5, 4), Comparison.Input(2, 3, 6, 4), Comparison.Input(2, 3, 6, 4) * 0.5];

    [Theory]
    [InlineData("{ var s = Einsum(\"B H T E, B H M E -> B H T M\", q, k) * (1 / Math.Sqrt(E)); return Einsum(\"B H T M, B H M E -> B H T E\", s.Softmax(\"B H T [M]\"), v); }")]
    [InlineData("{ var s = Einsum(\"B H T E, B H M E -> B H T M\", q, k) / Math.Sqrt(E); return Einsum(\"B H T M, B H M E -> B H T E\", s.Softmax(\"B H T [M]\"), v); }")]
    [InlineData("{ var s = Einsum(\"b h t e, b h m e -> b h t m\", q / Math.Sqrt(E), k); return Einsum(\"B H T M, B H M E -> B H T E\", s.Softmax(\"B H T [M]\"), v); }")]
    public void Written_out_it_is_found(string body)
    {
        var code = Check(Head + body, "int E", [4], Values);

        Assert.Contains("Kernels.Attend(q, k, v, default)", code);
        Assert.DoesNotContain("softmax", code);
    }

    [Theory]
    [InlineData("{ var s = Einsum(\"B H T E, B H M E -> B H T M\", q, k) * 0.25; return Einsum(\"B H T M, B H M E -> B H T E\", s.Softmax(\"B H T [M]\"), v); }")]
    [InlineData("{ var s = Einsum(\"B H T E, B H M E -> B H T M\", q, k) / Math.Sqrt(E); var a = s.Softmax(\"B H T [M]\"); return Einsum(\"B H T M, B H M E -> B H T E\", a, v) * a.Sum(); }")]
    [InlineData("{ var s = Einsum(\"B H T E, B H M E -> B H T M\", q, k) / Math.Sqrt(E); return Einsum(\"B H T M, B H M E -> B H T E\", s.Softmax(\"B H [T] M\"), v); }")]
    public void Another_scale_a_map_that_is_read_or_another_axis_stays_as_it_is(string body)
    {
        var code = Check(Head + body, "int E", [4], Values);

        Assert.DoesNotContain("Attend", code);
    }
}
