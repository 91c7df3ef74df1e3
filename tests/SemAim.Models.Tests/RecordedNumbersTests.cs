using SemAim.Dsl;
using SemAim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Numbers of the original (behaviour.md section 13), in float64.</summary>
public sealed class RecordedNumbersTests
{
    [Theory]
    [InlineData(4, 1.70231925138678, 11.9351516162180)]
    [InlineData(2, 4.18345698271474, 21.9277231974)]
    public void The_loss_and_its_gradient_are_the_originals(int Q, double loss, double norm)
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(Q);
        var (images, rank) = (TinyAim.Images(), TinyAim.Rank());

        var (value, _) = model.Loss(model.Predict(images, rank), images);
        value.backward();

        Assert.Equal(loss, value.item<double>(), 7);
        Assert.Equal(norm, Math.Sqrt(model.parameters().Sum(p => p.grad!.square().sum().item<double>())), 6);
    }

    [Fact]
    public void Tied_patches_that_see_each_other_give_the_originals_loss()
    {
        using var scope = NewDisposeScope();
        var model = TinyAim.Model(4);
        var images = TinyAim.Images();

        var (value, _) = model.Loss(model.PredictTied(images, TinyAim.TiedRank()), images);

        Assert.Equal(1.86743643277167, value.item<double>(), 7);
    }

    [Fact]
    public void Guidance_is_the_originals()
    {
        using var scope = NewDisposeScope();
        var (tokens, guidance) = TinyAim.Model(4).Encode(TinyAim.Images());

        Assert.Equal(-1.27354075, tokens[0, 0, 0].item<double>(), 1e-8);
        Assert.Equal(0.00347776651, guidance[0, 0].item<double>(), 9);
        Assert.Equal([42L, 138L], guidance.argmax(1).data<long>().ToArray());
    }

    [Fact]
    public void Aim_base_has_the_originals_names_and_counts()
    {
        using var scope = NewDisposeScope();
        using var model = AimViT.Base();
        var keys = File.ReadLines(Path.Combine(GoldenFolder.Fixtures, "state_dict_keys.txt")).Skip(1).TakeWhile(line => line.Length > 0).Select(line => line.Split('\t')[0]).Where(key => key != "gaussian_blur.weight");

        Assert.Equal(keys.Order(StringComparer.Ordinal), model.state_dict().Keys.Order(StringComparer.Ordinal));
        Assert.Equal(175_424_256, model.parameters().Sum(p => p.numel()));
    }
}
