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

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(4096)]
    public void Gelu_and_its_gradient_in_one_pass_are_the_librarys_to_the_rounding(int count)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(count);
        var x = (randn(count, dtype: float32) * 3).to(bfloat16);
        if (!GeluGradient.Takes(x)) return;
        x[0] = tensor(-40f).to(bfloat16);
        var gradient = randn(count).to(bfloat16);
        var wide = x.to(float32).requires_grad_();
        var expected = nn.functional.gelu(wide);
        var expectedGradient = autograd.grad([expected], [wide], [gradient.to(float32)])[0];

        var activated = GeluGradient.Through(gradient, x);

        // one rounding to eight bits, and 1.5e-7 of the distribution's tail
        Assert.True(((activated.to(float32) - expected).abs() - expected.abs() * 0.0040 - 1e-6).max().item<float>() <= 0);
        Assert.True(((gradient.to(float32) - expectedGradient).abs() - expectedGradient.abs() * 0.0040 - 3e-6).max().item<float>() <= 0);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_value_that_is_not_finite_is_not_hidden_by_the_pass(float flaw)
    {
        using var scope = NewDisposeScope();
        var x = ones(20).to(bfloat16);
        if (!GeluGradient.Takes(x)) return;
        x[7] = tensor(flaw).to(bfloat16);
        var gradient = ones(20).to(bfloat16);
        var activated = GeluGradient.Through(gradient, x);
        Assert.False(float.IsFinite(activated[7].to(float32).item<float>()));
        Assert.True(float.IsFinite(activated[8].to(float32).item<float>()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_normalised_value_is_normalised_again_on_the_way_back_to_the_same_bits(bool narrow)
    {
        if (!OneDnn.IsAvailable) return;
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var x = randn(2, 7, 48).requires_grad_();
        using var norm = new LayerNorm(48);
        var weight = randn(24, 48).to(narrow ? bfloat16 : float32).detach().requires_grad_();
        var seed = randn(2, 7, 24).to(weight.dtype);
        Tensor[] leaves = [x, norm.Weight, weight];

        Tensor[] Gradients(bool known)
        {
            var value = Kernels.LayerNorm(x, norm);
            var read = Kernels.Lower(known ? value : value.alias(), weight);
            Assert.Equal(known, NormalizedValue.Of(read) is not null);
            var y = DenseProduct.Of(read, weight, null, gelu: false);
            read.Dispose();
            value.Dispose();
            return [.. autograd.grad([y], leaves, [seed])];
        }

        foreach (var (again, kept) in Gradients(known: true).Zip(Gradients(known: false))) Assert.True(again.equal(kept).all().item<bool>());
    }

    [Fact]
    public void An_input_that_is_gone_is_not_asked_for()
    {
        using var scope = NewDisposeScope();
        using var norm = new LayerNorm(8);
        var x = randn(2, 8).requires_grad_().alias();
        var value = Kernels.LayerNorm(x, norm);
        Assert.NotNull(NormalizedValue.Of(value));
        x.Dispose();

        Assert.Null(NormalizedValue.Of(value));
    }

    [Fact]
    public void Gradients_of_narrow_weights_are_added_to_the_wide_ones_and_go_nowhere_else()
    {
        if (!OneDnn.IsAvailable) return;
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var x = randn(5, 48).to(bfloat16);
        Tensor Leaf(params long[] shape) => randn(shape).to(bfloat16).detach().requires_grad_();
        var (weight, offset) = (Leaf(24, 48), Leaf(24));
        var wide = new WideGradients(ones(24, 48), ones(24));

        DenseProduct.Of(x, weight, offset, gelu: true, wide).sum().backward();
        Assert.Null(weight.grad);
        Assert.Null(offset.grad);
        DenseProduct.Of(x, weight, offset, gelu: true).sum().backward();

        Assert.True(wide.Weight!.equal(weight.grad!.to(float32).add(1)).all().item<bool>());
        Assert.True(wide.Bias!.equal(offset.grad!.to(float32).add(1)).all().item<bool>());
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
