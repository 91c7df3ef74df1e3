namespace SemAim.Models.Tests.Passes;

/// <summary>Where every position of an axis is selected once, the axis is taken apart at once.</summary>
public sealed class UnbindPartsTests : PassTests
{
    private const string Attention = """
            private int E => D / H;
            private readonly Linear qkv = new(D, 3 * D);
            [Graph] [return: Shape("B T D")]
            public Sym Go([Shape("B T D")] Sym x)
            {
                var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
                return Attend(q, k, v, null).Rearrange("B H T E -> B T (H E)");
            }

        """;

    private const string Require = "[Require(\"D % H == 0\")]";

    private static object[] Values() => [Comparison.Input(2, 5, 4)];

    [Fact]
    public void Packed_queries_keys_and_values_are_taken_apart_before_they_are_permuted()
    {
        var code = Body(Check(Attention, "int D, int H", [4, 2], Values, Require));

        Assert.Contains("Kernels.Unbind3(", code);
        Assert.Contains("var q = v4.transpose(1, 2); v4.Dispose();", code);
        Assert.DoesNotContain("select", code);
        Assert.DoesNotContain("permute", code);
    }

    [Fact]
    public void Left_out_the_positions_are_selected()
    {
        var code = Body(Check(Attention, "int D, int H", [4, 2], Values, Require, ("SemAimWithoutPass", "UnbindParts")));

        Assert.Equal(3, Count(code, ".select(0, "));
        Assert.Contains("permute(2, 0, 3, 1, 4)", code);
    }

    private static string Graph(string promised, string given, string body) => $"    [Graph] [return: Shape(\"{promised}\")] public Sym Go([Shape(\"{given}\")] Sym x) {{ {body} }}";

    [Theory]
    [InlineData("B T R", "B T 2*R", 6, "var (a, b) = x.Split(\"B T (2 R) -> 2 B T R\"); return a * b;", "var (a, b) = Kernels.Unbind2(v1, 2);")]
    [InlineData("B T R", "B T 4*R", 12, "var (a, b, c, d) = x.Split(\"B T (4 R) -> 4 B T R\"); return a * b + c * d;", "var (a, b, c, d) = Kernels.Unbind4(v1, 2);")]
    [InlineData("B T", "B T 2", 2, "return x[\"B T [0]\"] * x[\"B T [1]\"];", "var (v1, v2) = Kernels.Unbind2(x, 2);")]
    [InlineData("B T R", "B T 3*R", 9, "var (a, b, c) = x.Split(\"B T (3 R) -> 3 B T R\"); for (var i = 0; i < 2; i++) a = a * b; return a + c;", "var (a, b, c) = Kernels.Unbind3(v1, 2);")]
    public void Parts_that_need_no_permutation_are_the_values_themselves(string promised, string given, int width, string body, string line)
    {
        var code = Body(Check(Graph(promised, given, body), "int R", [3], () => [Comparison.Input(2, 5, width)]));

        Assert.Contains(line, code);
        Assert.DoesNotContain("select", code);
    }

    [Theory]
    [InlineData("B T R", "B T 3*R", 9, "var (a, _, c) = x.Split(\"B T (3 R) -> 3 B T R\"); return a * c;")]
    [InlineData("B T R", "B T 3*R", 9, "var y = x.Rearrange(\"B T (3 R) -> 3 B T R\"); return (y[\"[0] B T R\"] * y[\"[1] B T R\"] + y[\"[2] B T R\"]) * y.Sum(\"[3] B T R\");")]
    [InlineData("B T", "B T 5", 5, "return x[\"B T [0]\"] * x[\"B T [1]\"] + x[\"B T [2]\"] * x[\"B T [3]\"] - x[\"B T [4]\"];")]
    public void A_part_that_nobody_takes_another_reader_or_many_parts_leave_selections(string promised, string given, int width, string body)
    {
        var code = Body(Check(Graph(promised, given, body), "int R", [3], () => [Comparison.Input(2, 5, width)]));

        Assert.Contains(".select(", code);
        Assert.DoesNotContain("Unbind", code);
    }
}
