using SemAim.Dsl;

namespace SemAim.Models.Tests;

/// <summary>Sizes below 1 are refused when a module is made, in one line that names the module and the size.</summary>
public sealed class SizeGuardTests
{
    [Theory]
    [InlineData("private readonly Linear fc = new(D, D);", "int D", 0, "Net: out of Linear is 0; a size must be at least 1")]
    [InlineData("private readonly LayerNorm norm = new(D);", "int D", -3, "Net: width of LayerNorm is -3; a size must be at least 1")]
    [InlineData("private readonly Weight w = new([1, D], Inits.Ones);", "int D", -3, "Net: axis 1 of a weight is -3; a size must be at least 1")]
    [InlineData("private readonly Repeat<Linear> fcs = new(D, _ => new(2, 2));", "int D", -1, "a Repeat of Linear has -1 copies")]
    [InlineData("", "int D", 0, "Net: D is 0; a size must be at least 1")]
    public void A_size_below_1_is_refused(string layer, string sizes, int value, string message)
    {
        var body = $"    {layer}\n    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) => x * 2;";
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(body, sizes))]);

        var refused = Assert.ThrowsAny<Exception>(() => CompiledModels.Make(assembly, "Test.Net", value));

        Assert.StartsWith(message, (refused.InnerException ?? refused).Message);
    }

    [Fact]
    public void A_size_of_0_is_refused_before_something_is_divided_by_it()
    {
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module("    private int E => D / H;\n    [Graph] [return: Shape(\"B E\")] public Sym Go([Shape(\"B E\")] Sym x) => x * 2;", attributes: "[Require(\"D % H == 0\")]"))]);

        var refused = Assert.ThrowsAny<Exception>(() => CompiledModels.Make(assembly, "Test.Net", 4, 0));

        Assert.Equal("Net: H is 0; a size must be at least 1", refused.InnerException!.Message);
    }

    [Theory]
    [InlineData(5, 3, null)]
    [InlineData(3, 3, "Net: K is 0; a size must be at least 1")]
    [InlineData(2, 3, "Net: K is -1; a size must be at least 1")]
    public void A_member_that_nothing_proves_to_be_positive_is_looked_at(int n, int r, string? message)
    {
        const string body = "    private int K => N - R;\n    private int M => N + R;\n    [Graph] [return: Shape(\"B K\", \"B M\")] public (Sym, Sym) Go([Shape(\"B K\")] Sym x, [Shape(\"B M\")] Sym y) => (x * 2, y * 2);";
        var (assembly, generated) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(body, "int N, int R"))]);

        Exception? refused = null;
        try { CompiledModels.Make(assembly, "Test.Net", n, r); }
        catch (System.Reflection.TargetInvocationException e) { refused = e.InnerException; }

        Assert.Equal(message, refused?.Message);
        Assert.DoesNotContain("(\"M\", (", generated["Test.Net.g.cs"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_size_that_a_call_passes_is_looked_at_too_and_a_number_that_is_no_size_is_not()
    {
        const string body = "    [Graph] [return: Shape(\"B k D\")] public Sym Go([Shape(\"B 1 D\")] Sym x, int k) => x.Expand(\"B 1 D -> B k D\", k);\n    [Graph] [return: Shape(\"B D\")] public Sym Scaled([Shape(\"B D\")] Sym x, int n) => x * n;";
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(body, "int D"))]);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var model = CompiledModels.Make(assembly, "Test.Net", 4);

        Assert.Equal([2, 3, 4], ((TorchSharp.torch.Tensor)CompiledModels.Call(model, "Go", TorchSharp.torch.rand(2, 1, 4), 3)).shape);
        Assert.Equal("Net.Go: k is -1; a size must be at least 1", Assert.Throws<ArgumentException>(() => CompiledModels.Call(model, "Go", TorchSharp.torch.rand(2, 1, 4), -1)).Message);
        CompiledModels.Call(model, "Scaled", TorchSharp.torch.rand(2, 4), 0);
    }

    [Theory]
    [InlineData("B T D", "[Shape(\"B T D\")] Sym x", 2, "x has shape 2 4, expected B T D")]
    [InlineData("B T D", "[Shape(\"B T D\")] Sym x", 4, "x has shape 2 4 4 4, expected B T D")]
    [InlineData("B T D", "[Shape(\"B T D\")] Sym x", 0, "x is a scalar, expected B T D")]
    [InlineData("... T D", "[Shape(\"... T D\")] Sym x", 1, "x has shape 2, expected ... T D")]
    [InlineData("D D", "[Shape(\"D D\")] Sym x", 1, "x has shape 2, expected 4 4")]
    [InlineData("", "[Shape(\"\")] Sym x", 2, "x has shape 2 4, expected a scalar")]
    public void A_value_with_too_few_axes_or_too_many_is_refused_in_the_words_of_its_contract(string result, string parameter, int axes, string message)
    {
        var body = $"    [Graph] [return: Shape(\"{result}\")] public Sym Go({parameter}) => x * 2;";
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(body, "int D"))]);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var model = CompiledModels.Make(assembly, "Test.Net", 4);
        long[] shape = [.. Enumerable.Range(0, axes).Select(i => i == 0 ? 2L : 4L)];

        Assert.Equal(message, Assert.Throws<ArgumentException>(() => CompiledModels.Call(model, "Go", TorchSharp.torch.rand(shape))).Message);
    }

    [Fact]
    public void A_size_that_may_be_1_everywhere_is_asked_for_after_the_axes_are_counted()
    {
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module("    [Graph] [return: Shape(\"D\")] public Sym Go([Shape(\"#B D\")] Sym x, [Shape(\"#B D\")] Sym y) => x.Mean(\"[b] D\") + y.Mean(\"[b] D\");", "int D"))]);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var model = CompiledModels.Make(assembly, "Test.Net", 4);

        Assert.Equal([4], ((TorchSharp.torch.Tensor)CompiledModels.Call(model, "Go", TorchSharp.torch.rand(1, 4), TorchSharp.torch.rand(3, 4))).shape);
        Assert.Equal("y is a scalar, expected #B D", Assert.Throws<ArgumentException>(() => CompiledModels.Call(model, "Go", TorchSharp.torch.rand(1, 4), TorchSharp.torch.rand([]))).Message);
    }

    [Fact]
    public void A_condition_that_is_not_bool_is_refused_when_it_comes()
    {
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module("    [Graph] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym isSeen, [Shape(\"B D\")] Sym x) => Where(isSeen, x, -x);", "int D"))]);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var model = CompiledModels.Make(assembly, "Test.Net", 4);
        var x = TorchSharp.torch.rand(2, 4);

        Assert.Equal("Where: the condition is Float32, and a condition must be bool", Assert.Throws<ArgumentException>(() => CompiledModels.Call(model, "Go", x, x)).Message);
        CompiledModels.Call(model, "Go", x > 0.5, x);
    }
}
