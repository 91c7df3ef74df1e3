using SemAim.App.Figures;
using SemAim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests.Figures;

public sealed class OrdersOfModelTests
{
    [Fact]
    public void Maps_of_one_pass_are_those_that_the_model_gives_in_three()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192);
        model.to(float64);
        model.eval();
        var images = randn(3, 3, 32, 32, dtype: float64);

        var (tokens, seen) = model.EncodeSelf(images);

        Assert.True(allclose(model.SelfAttentionMap(images), seen, 0, 1e-12));
        Assert.True(allclose(model.Encode(images).Item2, OrdersOfModel.Resemblance(tokens, "cls"), 0, 1e-12));
        Assert.True(allclose(model.EncodeGap(images).Item2, OrdersOfModel.Resemblance(tokens, "gap"), 0, 1e-12));
    }
}
