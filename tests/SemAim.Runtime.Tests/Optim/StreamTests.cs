using SemAim.Dsl;
using SemAim.Runtime.Native;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>The passes over a float32 stream whose branches are in bfloat16: normalisation into a branch, sum with a branch, sums of gradients.</summary>
public sealed class StreamTests
{
    [Theory]
    [InlineData(3, 16, 1)]
    [InlineData(37, 192, 30)]
    [InlineData(200, 768, 0.01)]
    public void A_normalisation_into_bfloat16_and_its_gradients_are_as_near_to_float64_as_the_librarys(int rows, int width, double spread)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(rows);
        var x = (randn(1, rows, width) * spread + spread).requires_grad_();
        var (weight, bias) = (randn(width).requires_grad_(), randn(width).requires_grad_());
        if (!RowNorm.Takes(x, weight)) return;                                           // the library's operations are all there is
        var seed = randn(1, rows, width).to(bfloat16);
        Tensor[] Values(Tensor y, params Tensor[] leaves) => [y, .. autograd.grad([y], leaves, [seed.to(y.dtype)])];
        Tensor[] exactLeaves = [.. new[] { x, weight, bias }.Select(t => t.detach().to(float64).requires_grad_())];
        var exact = Values(nn.functional.layer_norm(exactLeaves[0], [width], exactLeaves[1], exactLeaves[2], 1e-6), exactLeaves);

        var own = Values(NarrowNorm.Of(x, weight, bias, 1e-6), x, weight, bias);

        Assert.Equal(bfloat16, own[0].dtype);
        Assert.True(((own[0].to(float64) - exact[0]).abs() - exact[0].abs() * 0.0040 - 1e-5).max().item<double>() <= 0);       // one rounding to eight bits
        for (var i = 1; i < 4; i++)
        {
            Assert.Equal((float32, exact[i].shape.Length), (own[i].dtype, own[i].shape.Length));
            Assert.True((own[i].to(float64) - exact[i]).norm().item<double>() <= 1e-5 * exact[i].norm().item<double>());
        }
        using (no_grad()) Assert.Equal(0, (NarrowNorm.Of(x, weight, bias, 1e-6) - own[0]).abs().max().to(float32).item<float>());
    }

    [Fact]
    public void A_row_that_is_constant_or_not_finite_stays_alone_with_it()
    {
        using var scope = NewDisposeScope();
        var x = randn(3, 32);
        if (!RowNorm.Takes(x, ones(32))) return;
        x[0] = ones(32) * 7;
        x[1, 5] = float.NaN;
        var y = RowNorm.Forward(x, ones(32), ones(32) * 2, 1e-6, null).to(float32);

        Assert.Equal(0, (y[0] - 2).abs().max().item<float>());
        Assert.True(y[1].isnan().all().item<bool>());
        Assert.True(y[2].isfinite().all().item<bool>());
    }

    [Fact]
    public void A_normalised_value_that_a_product_computes_again_has_the_same_bits()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        using var layer = new LayerNorm(48) { IsNarrow = true };
        var x = randn(5, 48).requires_grad_();
        if (!RowNorm.Takes(x, layer.Weight)) return;
        var y = Kernels.NarrowLayerNorm(x, layer);
        var known = NormalizedValue.Of(y);

        Assert.NotNull(known);
        Assert.True(NormalizedValue.Again(known.Input, layer.Weight, layer.Bias, layer.Eps, known.Type, known.IsFused).equal(y).all().item<bool>());
        Assert.Equal(float32, Kernels.LayerNorm(x, layer).dtype);
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(3, 17)]
    [InlineData(64, 1000)]
    public void A_branch_added_to_the_stream_gives_the_librarys_bits_and_gradients(int rows, int width)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(width);
        var (stream, branch, seed) = (randn(rows, width).requires_grad_(), randn(rows, width).to(bfloat16).requires_grad_(), randn(rows, width));
        if (!WideSum.Takes(stream, branch)) return;

        var own = Kernels.Add(stream, branch);
        var gradients = autograd.grad([own], [stream, branch], [seed]);

        Assert.True(own.equal(stream.add(branch)).all().item<bool>());
        Assert.True(gradients[0].equal(seed).all().item<bool>());
        Assert.True(gradients[1].equal(seed.to(bfloat16)).all().item<bool>());
    }

    [Fact]
    public void Other_shapes_and_layouts_go_the_librarys_way()
    {
        using var scope = NewDisposeScope();
        var (wide, narrow) = (randn(32, 16), randn(32, 16).to(bfloat16));

        Assert.False(WideSum.Takes(wide, narrow[0]));
        Assert.False(WideSum.Takes(wide.t(), randn(16, 32).to(bfloat16)));
        Assert.False(WideSum.Takes(narrow, narrow));
        Assert.False(WideSum.TakesRows(narrow.t(), zeros(32)));
        Assert.True(Kernels.Add(wide, narrow[0]).equal(wide + narrow[0]).all().item<bool>());
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(300, 48)]
    [InlineData(1000, 208)]
    public void Sums_over_rows_are_added_to_what_is_there(int rows, int width)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(rows);
        var (matrix, sums) = (randn(rows, width).to(bfloat16), randn(width));
        if (!WideSum.TakesRows(matrix, sums)) return;
        var expected = sums.to(float64) + matrix.to(float64).sum([0L]);

        WideSum.RowsInto(sums, matrix);

        Assert.True((sums.to(float64) - expected).abs().max().item<double>() < 1e-4);
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        Step();                                                                          // the gradients given back stay until the next
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 3; i++) Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        static void Step()
        {
            using var scope = NewDisposeScope();
            using var layer = new LayerNorm(32) { IsNarrow = true };
            var x = randn(8, 32).requires_grad_();
            var y = Kernels.Add(x, Kernels.NarrowLayerNorm(x, layer));
            y.sum().backward();
            foreach (var p in layer.parameters()) p.grad?.Dispose();
            x.grad?.Dispose();
        }
    }
}
