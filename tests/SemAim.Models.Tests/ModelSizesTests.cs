using SemAim.Dsl;
using SemAim.Models;
using SemAim.Models.Orders;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Sizes that a pretraining model may have: query depths, rectangles, shared blocks, hidden layers.</summary>
public sealed class ModelSizesTests
{
    [Theory]
    [InlineData(12, "1 2 3 4 6 12")]
    [InlineData(24, "1 2 3 4 6 8 12 24")]
    [InlineData(32, "1 2 3 4 5 6 8 10 16 32")]
    public void Query_depths_are_those_that_run_in_the_original(int encoderBlocks, string depths)
        => Assert.Equal(depths, string.Join(' ', AimViT.QueryDepths(encoderBlocks)));

    [Fact]
    public void A_query_depth_that_does_not_fit_is_refused_with_those_that_do()
    {
        var refused = Assert.Throws<ArgumentException>(() => new AimViT(S: 8, P: 4, D: 8, H: 2, L: 32, Q: 12, O: 48));
        Assert.Contains("1, 2, 3, 4, 5, 6, 8, 10, 16, 32", refused.Message, StringComparison.Ordinal);

        var usage = Assert.Throws<UsageException>(() => ModelCatalogue.CreateAim("aim_huge", new AimOptions { QueryDepth = 12 }));
        Assert.Equal("--query_depth 12: aim_huge has 32 encoder blocks, so one of 1, 2, 3, 4, 5, 6, 8, 10, 16, 32", usage.Message);
        Assert.Throws<UsageException>(() => ModelCatalogue.CreateAim("aim_base", new AimOptions { QueryDepth = 0 }));
        Assert.Throws<UsageException>(() => ModelCatalogue.CreateAim("aim_base", new AimOptions { InputSize = 100 }));
    }

    [Theory]
    [InlineData(32, 3, 30)]
    [InlineData(32, 5, 30)]
    [InlineData(5, 2, 4)]
    public void Blocks_that_no_query_block_reads_take_part_in_guidance_only(int L, int Q, int trailing)
    {
        using var scope = NewDisposeScope();
        var model = Filled(new AimViT(S: 8, P: 4, D: 8, H: 2, L: L, Q: Q, O: 48));
        var (images, rank) = (Pictures(8, 8), Ranks(4));
        Assert.Equal(trailing, model.FirstTrailingBlock);

        AssertCompiledEqualsSpecification(model, images, rank);

        foreach (var (name, weight) in model.named_parameters())
        {
            var last = name.StartsWith("blocks.", StringComparison.Ordinal) && int.Parse(name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture) >= trailing;
            Assert.Equal(last, weight.grad is null);
        }
        var before = model.Encode(images).Item2;
        using (no_grad()) model.named_parameters().First(p => p.name == $"blocks.{L - 1}.mlp.fc2.bias").parameter.add_(arange(8, float64));
        Assert.True(GoldenCase.Far(before, model.Encode(images).Item2) > 1e-6);
    }

    public static TheoryData<string> OrderNames => [.. Orders.Orders.Names];

    [Theory]
    [MemberData(nameof(OrderNames))]
    public void Rectangles_work_in_every_order(string name)
    {
        using var scope = NewDisposeScope();
        var model = Filled(new AimViT(Y: 20, X: 12, P: 4, D: 8, H: 2, F: 12, L: 2, Q: 1, M: 2, O: 48));
        var images = Pictures(20, 12);
        var (grid, order) = (model.PatchGrid, Orders.Orders.Of(name));
        Assert.Equal((5, 3), (grid.Rows, grid.Columns));

        var rank = order.Rank(model.Encode(images).Item2, rand(2, order.NoiseColumns(grid), float64, generator: new Generator(3)), grid);

        AssertCompiledEqualsSpecification(model, images, rank);
        // a patch's position is its row and its column: transposing the grid exchanges the two halves of the table
        var table = model.Slots().Single(s => s.Name == "pos_embed").Weight.Tensor;
        Assert.Equal(Math.Sin(2), table[0, 1 + 2, 0].item<double>(), 6);                                // patch in column 2, row 0
        Assert.Equal(Math.Sin(4), table[0, 1 + 4 * 3, 4].item<double>(), 6);                            // patch in column 0, row 4
    }

    [Theory]
    [InlineData(false, 2, 1)]
    [InlineData(true, 2, 2)]
    [InlineData(false, 5, 2)]
    public void Shared_blocks_compute_as_specified_and_are_counted_once(bool linearHead, int L, int Q)
    {
        using var scope = NewDisposeScope();
        var model = Filled(new AimViT(S: 12, P: 4, D: 8, H: 2, L: L, Q: Q, O: 48, linearHead: linearHead, shareWeight: true));
        var (images, rank) = (Pictures(12, 12), Ranks(9));

        AssertCompiledEqualsSpecification(model, images, rank);
        Assert.True(Difference(model.PredictTied(images, rank), model.Predict(images, rank)) < 1e-10);

        var names = model.Slots().Select(s => s.Name).ToList();
        Assert.Equal(L, names.Count(n => n.StartsWith("query_blocks.", StringComparison.Ordinal) && n.EndsWith("attn.qkv.weight", StringComparison.Ordinal)));
        Assert.Equal(names.Order(StringComparer.Ordinal), model.state_dict().Keys.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(model.named_parameters(), p => p.name.StartsWith("query_blocks.", StringComparison.Ordinal));
        using var arena = new Runtime.Tensors.ParameterArena(Filled(new AimViT(S: 12, P: 4, D: 8, H: 2, L: L, Q: Q, O: 48, linearHead: linearHead, shareWeight: true), float32), _ => 0, narrow: false);
        Assert.Equal(model.named_parameters().Count(), arena.Specs.Count);
    }

    [Fact]
    public void The_last_blocks_attention_is_the_same_however_it_is_asked_for()
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(4);
        var images = TinyAim.Images();

        var (tokens, seen) = model.EncodeSelf(images);

        Assert.True(Difference(seen, model.SelfAttentionMap(images)) < 1e-12);
        Assert.True(Difference(tokens, model.Encode(images).Item1) < 1e-12);
        Assert.True(Difference(tokens, model.Tokens(images)) < 1e-12);
        var (specified, specifiedSeen) = model.EncodeSelf(Sym.Of(images, Run.Eval));
        Assert.True(Difference(tokens, specified.Value) < 1e-10 && Difference(seen, specifiedSeen.Value) < 1e-10);
    }

    [Fact]
    public void Named_models_are_the_published_configurations()
    {
        using var scope = NewDisposeScope();
        using var named = ModelCatalogue.CreateAim("aim_tiny", new AimOptions());
        using var published = AimViT.Tiny();

        Assert.Equal(published.Slots().Select(s => (s.Name, string.Join('x', s.Weight.Tensor.shape))), named.Slots().Select(s => (s.Name, string.Join('x', s.Weight.Tensor.shape))));
        Assert.Equal((published.EncoderBlocks, published.QueryBlocks, published.ImageSize), (named.EncoderBlocks, named.QueryBlocks, named.ImageSize));
    }

    private static AimViT Filled(AimViT model, ScalarType type = ScalarType.Float64)
    {
        model.to(type);
        using var guard = no_grad();
        using var generator = new Generator(11);
        foreach (var p in model.parameters()) p.add_(randn(p.shape, type, generator: generator), 0.1);
        return model;
    }

    private static Tensor Pictures(int height, int width) => randn(2, 3, height, width, float64, generator: new Generator(5));

    private static Tensor Ranks(int patches) => rand(2, patches, float64, generator: new Generator(6));

    private static void AssertCompiledEqualsSpecification(AimViT model, Tensor images, Tensor rank)
    {
        var specified = Gradients(model, model.Predict(Sym.Of(images, Run.Eval), Sym.Of(rank, Run.Eval)).Value);
        var compiled = Gradients(model, model.Predict(images, rank));
        for (var i = 0; i < specified.Length; i++) Assert.True(Difference(specified[i], compiled[i]) <= 1e-10 * Math.Max(1, specified[i].abs().max().item<double>()), $"tensor {i}: {Difference(specified[i], compiled[i])}");
    }

    private static Tensor[] Gradients(GraphModule model, Tensor result)
    {
        foreach (var p in model.parameters()) p.grad = null;
        result.square().sum().backward();
        return [result.detach(), .. model.parameters().Select(p => p.grad is { } g ? g.clone() : zeros_like(p))];
    }

    private static double Difference(Tensor a, Tensor b) => (a - b).abs().max().to(float64).item<double>();
}
