using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>Dense order masks become causal attention over sorted tokens, wherever that is certain.</summary>
public sealed class LowerOrderMasksTests : PassTests
{
    private const string Block = """

        namespace Test
        {
            [SemAim.Dsl.Module]
            [SemAim.Dsl.Require("D % H == 0")]
            public sealed partial class Layer(int D, int H) : SemAim.Dsl.GraphModule
            {
                private int E => D / H;
                private readonly SemAim.Dsl.LayerNorm norm = new(D);
                private readonly SemAim.Dsl.Linear q = new(D, D), k = new(D, D), v = new(D, D);
                [SemAim.Dsl.Graph]
                [return: SemAim.Dsl.Shape("B T D")]
                public SemAim.Dsl.Sym Forward([SemAim.Dsl.Shape("B T D")] SemAim.Dsl.Sym x, [SemAim.Dsl.Shape("B T T")] SemAim.Dsl.OrderMask? mask = null)
                {
                    var n = norm.Forward(x);
                    var y = SemAim.Dsl.Ops.Attend(q.Forward(n).Rearrange("B T (H E) -> B H T E", H), k.Forward(n).Rearrange("B T (H E) -> B H T E", H), v.Forward(n).Rearrange("B T (H E) -> B H T E", H), mask);
                    return x + y.Rearrange("B H T E -> B T (H E)");
                }
            }
        }
        """;

    private const string Graph = "    [Graph] [return: Shape(\"B N+1 D\")] public Sym Go([Shape(\"B N+1 D\")] Sym x, [Shape(\"B N\")] Sym rank) ";

    private static string Lowered(string body, string sizes, object[] arguments, bool ties)
    {
        using var scope = NewDisposeScope();
        var net = CompiledModels.Module(body, sizes, "[Require(\"D % H == 0\")]");
        var (assembly, generated) = CompiledModels.Compile("Author", [("Net.cs", net), ("Layer.cs", Block)]);
        var model = CompiledModels.Make(assembly, "Test.Net", arguments);
        Comparison.Fill(model);
        var (x, rank) = (Comparison.Input(2, 7, 4), ties ? tensor(new double[] { 2, 1, 1, 2, 0, 1, 0, 0, 3, 3, 0, 3 }).reshape(2, 6) : tensor(new double[] { 5, 3, 1, 2, 0, 4, 0, 1, 2, 5, 4, 3 }).reshape(2, 6));

        var specified = Comparison.Gradients(model, CompiledModels.Call(model, "Go", Sym.Of(x, Run.Eval), Sym.Of(rank, Run.Eval)), x);
        var compiled = Comparison.Gradients(model, CompiledModels.Call(model, "Go", x, rank), x);

        Comparison.Equal(specified, compiled);
        return generated["Test.Net.g.cs"];
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_loop_of_masked_calls_is_sorted_once(bool ties)
    {
        var code = Lowered("    private readonly Repeat<Layer> layers = new(L, i => new(D, H));\n" + Graph + "{ for (var i = 0; i < L; i++) x = layers[i].Forward(x, OrderMask.UpTo(rank)); return x; }", "int D, int H, int L, int N", [4, 2, 3, 6], ties);

        Assert.Contains("AttentionBias.Causal", code);
        Assert.DoesNotContain("AttentionBias.UpTo", code);
        Assert.Equal(2, Count(code, "Kernels.ReorderTokens"));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_host_choice_between_masked_calls_is_no_obstacle(bool deep, bool ties)
    {
        var code = Lowered("    private readonly Layer first = new(D, H), second = new(D, H), third = new(D, H);\n" + Graph
            + "{ x = first.Forward(x, OrderMask.UpTo(rank)); if (deep) x = second.Forward(x.Gelu(), OrderMask.UpTo(rank)); return third.Forward(x, OrderMask.UpTo(rank)); }", "int D, int H, int N, bool deep", [4, 2, 6, deep], ties);

        Assert.DoesNotContain("AttentionBias.UpTo", code);
        Assert.Equal(2, Count(code, "Kernels.ReorderTokens"));
    }

    [Theory]
    [InlineData("x = first.Forward(x + table, OrderMask.UpTo(rank)); return second.Forward(x * 2.0 + table, OrderMask.UpTo(rank));")]
    [InlineData("x = first.Forward(Concat(\"B [t] D\", x[\"B [..2] D\"], x[\"B [2..] D\"]), OrderMask.UpTo(rank)); return second.Forward(x, OrderMask.UpTo(rank)) + table;")]
    [InlineData("var y = second.Forward(x, OrderMask.UpTo(rank)); return y * y.Mean(\"B [t] D\", keep: true) + x;")]
    public void Parameters_weights_and_joined_values_are_sorted_where_they_enter(string body)
    {
        var code = Lowered("    private readonly Layer first = new(D, H), second = new(D, H);\n    private readonly Weight table = new([1, 7, D], Inits.Ones);\n" + Graph.Replace("N+1", "7").Replace("\"B N\"", "\"B 6\"") + "{ " + (body.Contains("first") ? "" : "x = first.Forward(x); ") + body + " }", "int D, int H", [4, 2], ties: true);

        Assert.Contains("AttentionBias.Causal", code);
        Assert.DoesNotContain("AttentionBias.UpTo", code);
    }

    [Fact]
    public void A_choice_inside_a_loop_is_no_obstacle_either()
    {
        var code = Lowered("    private readonly Repeat<Layer> layers = new(L, i => new(D, H));\n    private readonly Layer other = new(D, H);\n" + Graph
            + "{ for (var i = 0; i < L; i++) { if (deep) x = layers[i].Forward(x, OrderMask.UpTo(rank)); else x = other.Forward(x, OrderMask.UpTo(rank)); } return x; }", "int D, int H, int L, int N, bool deep", [4, 2, 3, 6, false], ties: true);

        Assert.DoesNotContain("AttentionBias.UpTo", code);
    }

    [Fact]
    public void Equal_ranks_that_see_each_other_keep_the_dense_mask_and_leave_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        var net = CompiledModels.Module("    private readonly Repeat<Layer> layers = new(L, i => new(D, H));\n" + Graph + "{ for (var i = 0; i < L; i++) x = layers[i].Forward(x, OrderMask.UpTo(rank, Ties.Together)); return x; }", "int D, int H, int L, int N", "[Require(\"D % H == 0\")]");
        var (assembly, generated) = CompiledModels.Compile("Author", [("Net.cs", net), ("Layer.cs", Block)]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4, 2, 3, 6);
        Comparison.Fill(model);
        var (x, rank) = (Comparison.Input(2, 7, 4), zeros(2, 6, float64));
        ((Tensor)CompiledModels.Call(model, "Go", x, rank)).Dispose();
        var before = TorchSharp.DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        ((Tensor)CompiledModels.Call(model, "Go", x, rank)).Dispose();

        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        var code = generated["Test.Net.g.cs"];
        Assert.Contains("AttentionBias.UpTo", code);
        Assert.True(code.IndexOf("AttentionBias.UpTo", StringComparison.Ordinal) < code.IndexOf("for (int i", StringComparison.Ordinal), "the mask is made once, before the loop");
    }

    [Fact]
    public void Dense_masks_work_with_products_in_bfloat16()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var model = TinyAim.Model(4);
        model.to(float32);
        var (images, rank) = (TinyAim.Images().to(float32), TinyAim.TiedRank().to(float32));
        var wide = model.PredictTied(images, rank);
        foreach (var slot in model.Slots().Where(s => s.IsProductWeight).ToList()) slot.Weight.Tensor = slot.Weight.Tensor.detach().to(bfloat16);

        var narrow = model.PredictTied(images, rank).to(float32);

        Assert.InRange((wide - narrow).abs().max().item<float>() / wide.abs().max().item<float>(), 0, 0.05);
    }
}
