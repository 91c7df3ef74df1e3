using SemAim.Dsl;
using SemAim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The author's method is the oracle of the generated one: values and the gradient of every parameter, in float64.</summary>
public sealed class CompiledEqualsSpecificationTests
{
    private const double Tolerance = 1e-10;

    [Theory]
    [InlineData(4, false)]
    [InlineData(2, false)]
    [InlineData(4, true)]
    public void Prediction_over_sorted_tokens_equals_the_dense_masks(int Q, bool ties)
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(Q);
        var (images, rank) = (TinyAim.Images(), ties ? TinyAim.TiedRank() : TinyAim.Rank());

        var specified = Gradients(model, model.Predict(Sym.Of(images, Run.Eval), Sym.Of(rank, Run.Eval)).Value);
        var compiled = Gradients(model, model.Predict(images, rank));

        AssertEqual(specified, compiled);
    }

    [Fact]
    public void Drop_path_takes_the_same_draws()
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(2, dropPath: 0.3);
        var (images, rank) = (TinyAim.Images(), TinyAim.Rank());
        var table = rand(2 * (4 + 2), 2, float64, generator: new Generator(7));

        var specified = Gradients(model, model.Predict(Sym.Of(images, Run.Train(table)), Sym.Of(rank, Run.Eval)).Value);
        var compiled = Gradients(model, model.Predict(images, rank, new Draws(table)));

        AssertEqual(specified, compiled);
    }

    [Fact]
    public void Encoding_and_guidance_are_equal()
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(4);
        var images = TinyAim.Images();

        var (tokens, guidance) = model.Encode(Sym.Of(images, Run.Eval));
        var (compiledTokens, compiledGuidance) = model.Encode(images);

        Assert.True(Difference(tokens.Value, compiledTokens) < Tolerance);
        Assert.True(Difference(guidance.Value, compiledGuidance) < Tolerance);
    }

    [Fact]
    public void Bfloat16_products_stay_close_to_float32()
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(4);
        model.to(float32);
        var (images, rank) = (TinyAim.Images().to(float32), TinyAim.Rank().to(float32));
        var wide = model.Predict(images, rank);
        foreach (var slot in model.Slots().Where(s => s.IsProductWeight).ToList()) slot.Weight.Tensor = slot.Weight.Tensor.detach().to(bfloat16);

        var narrow = model.Predict(images, rank).to(float32);

        // bfloat16 keeps 8 bits: 0.4 % a product, some tens of them in a row
        Assert.True(Difference(wide, narrow) / wide.abs().max().item<float>() < 0.05);
        Assert.True(Difference(wide, narrow) > 0);
    }

    [Fact]
    public void No_tensor_is_left_behind_with_or_without_gradient()
    {
        using var outer = NewDisposeScope();
        var model = TinyAim.Model(4);
        var (images, rank) = (TinyAim.Images(), TinyAim.Rank());
        Step(model, images, rank);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        for (var i = 0; i < 3; i++) Step(model, images, rank);
        using (no_grad()) model.Predict(images, rank).Dispose();

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    private static void Step(AimViT model, Tensor images, Tensor rank)
    {
        using var predicted = model.Predict(images, rank);
        var (loss, perPatch) = model.Loss(predicted, images);
        loss.backward();
        loss.Dispose();
        perPatch.Dispose();
    }

    private static Tensor[] Gradients(GraphModule model, Tensor result)
    {
        model.zero_grad();
        result.square().sum().backward();
        return [result.detach(), .. model.parameters().Select(p => p.grad is { } g ? g.clone() : zeros_like(p))];
    }

    private static void AssertEqual(Tensor[] specified, Tensor[] compiled)
    {
        Assert.Equal(specified.Length, compiled.Length);
        for (var i = 0; i < specified.Length; i++)
        {
            var scale = Math.Max(1, specified[i].abs().max().item<double>());
            Assert.True(Difference(specified[i], compiled[i]) <= Tolerance * scale, $"tensor {i} differs by {Difference(specified[i], compiled[i])} at scale {scale}");
        }
    }

    private static double Difference(Tensor a, Tensor b) => (a - b).abs().max().to(float64).item<double>();
}
