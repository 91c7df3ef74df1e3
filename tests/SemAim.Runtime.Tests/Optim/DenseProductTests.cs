using SemAim.Dsl;
using SemAim.Runtime.Native;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>Products by oneDNN against the library's own linear layer.</summary>
public sealed class DenseProductTests
{
    [Theory]
    [InlineData(false, true, true, 1e-5)]
    [InlineData(true, true, true, 1e-5)]
    [InlineData(true, false, true, 1e-5)]
    [InlineData(false, true, false, 1e-5)]
    public void Values_and_gradients_are_those_of_a_linear_layer(bool gelu, bool bias, bool inputLearns, double tolerance)
    {
        if (!OneDnn.IsAvailable) return;                       // the plain call is all there is
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        var x = randn(2, 7, 48).requires_grad_(inputLearns);
        var weight = randn(24, 48).requires_grad_();
        var offset = bias ? randn(24).requires_grad_() : null;
        var seed = randn(2, 7, 24);
        Tensor[] leaves = [.. new[] { inputLearns ? x : null, weight, offset }.OfType<Tensor>()];

        var own = DenseProduct.Of(x, weight, offset, gelu);
        var ownGradients = autograd.grad([own], leaves, [seed]);
        var theirs = nn.functional.linear(gelu ? nn.functional.gelu(x) : x, weight, offset);
        var theirGradients = autograd.grad([theirs], leaves, [seed]);

        Assert.True((own - theirs).abs().max().item<float>() < tolerance * 10);
        foreach (var (a, b) in ownGradients.Zip(theirGradients)) Assert.True((a - b).norm().item<float>() <= tolerance * b.norm().item<float>());
    }

    [Fact]
    public void Many_steps_keep_no_tensor_alive()
    {
        using var scope = NewDisposeScope();
        using Linear first = new(16, 32), second = new(32, 16);
        var counts = new List<long>();
        for (var i = 0; i < 5; i++)
        {
            using (var step = NewDisposeScope())
            {
                var hidden = Kernels.Linear(randn(4, 16), first);
                var y = Kernels.GeluLinear(hidden, second);
                hidden.Dispose();
                y.square().sum().backward();
                counts.Add(step.DisposablesCount);
            }
        }

        Assert.Single(counts.Skip(1).Distinct());
    }
}
