using SemAim.Dsl;
using SemAim.Runtime.Native;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>Attention in bfloat16 beside the same written out in the library's operations, both against float32.</summary>
public sealed class AttentionProductTests
{
    [Theory]
    [InlineData(2, 3, 33, 33, 16, true)]
    [InlineData(1, 2, 7, 19, 8, true)]
    [InlineData(1, 2, 19, 7, 8, true)]
    [InlineData(2, 2, 48, 48, 64, false)]
    [InlineData(1, 1, 5, 50, 8, false)]
    [InlineData(1, 1, 1, 1, 8, true)]
    public void Values_and_gradients_are_as_near_to_float32_as_the_librarys_operations(int batch, int heads, int queries, int keys, int width, bool causal)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (Leaf(batch, heads, queries, width), Leaf(batch, heads, keys, width), Leaf(batch, heads, keys, width));
        if (!AttentionProduct.Takes(q, k, v, default)) return;                           // the library's operations are all there is
        var seed = randn(batch, heads, queries, width).to(bfloat16);
        Tensor[] wide = [.. new[] { q, k, v }.Select(t => t.detach().to(float32).requires_grad_())];

        var hidden = ones(queries, keys, dtype: @bool).triu(causal ? 1 : keys);
        Tensor WrittenOut(Tensor a, Tensor b, Tensor c) => (a / Math.Sqrt(width)).matmul(b.transpose(-2, -1)).masked_fill(hidden, double.NegativeInfinity).softmax(-1).matmul(c);
        var own = Kernels.Attend(q, k, v, causal ? AttentionBias.Causal : default);
        var theirs = WrittenOut(q, k, v);
        var exact = WrittenOut(wide[0], wide[1], wide[2]);
        Tensor[] Values(Tensor y, Tensor[] leaves, Tensor g) => [y, .. autograd.grad([y], leaves, [g])];
        var (a, b, c) = (Values(own, [q, k, v], seed), Values(theirs, [q, k, v], seed), Values(exact, wide, seed.to(float32)));

        Assert.Equal(bfloat16, own.dtype);
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(c[i].shape, a[i].shape);
            Assert.True(Off(a[i], c[i]) <= 1.3 * Off(b[i], c[i]) + 0.002, $"{i}: {Off(a[i], c[i])}, written out {Off(b[i], c[i])}");
        }
        using (no_grad()) Assert.Equal(0, Off(Kernels.Attend(q, k, v, causal ? AttentionBias.Causal : default), own.to(float32)));
    }

    [Fact]
    public void Packed_queries_keys_and_values_give_the_same_bits_as_separate_ones()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var packed = randn([2, 21, 3, 2, 16]).to(bfloat16).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (packed.select(0, 0), packed.select(0, 1), packed.select(0, 2));
        Assert.Equal(0, Off(Kernels.Attend(q, k, v, AttentionBias.Causal), Kernels.Attend(q.clone(), k.clone(), v.clone(), AttentionBias.Causal).to(float32)));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void What_is_not_finite_is_seen_in_its_row_and_after_it(float flaw)
    {
        using var scope = NewDisposeScope();
        var scores = randn(1, 24, 24).to(bfloat16);
        if (!RowSoftmax.Takes(24)) return;
        scores[0, 10, 3] = tensor(flaw).to(bfloat16);
        scores[0, 11, 20] = tensor(flaw).to(bfloat16);                                   // comes later than its row: hidden
        RowSoftmax.Forward(scores, 1, causal: true);
        var sums = scores.to(float32).sum([2L])[0];
        Assert.True(float.IsNaN(sums[10].item<float>()));
        for (var row = 0; row < 24; row++)
            if (row != 10) Assert.InRange(sums[row].item<float>(), 0.98f, 1.02f);
    }

    [Fact]
    public void Scores_far_apart_neither_overflow_nor_vanish()
    {
        using var scope = NewDisposeScope();
        if (!RowSoftmax.Takes(40)) return;
        var scores = (arange(40, dtype: float32).view(1, 1, 40) * 100 - 2000).expand(1, 3, 40).contiguous().to(bfloat16);
        RowSoftmax.Forward(scores, 1, causal: false);
        Assert.Equal(1f, scores[0, 2, 39].to(float32).item<float>());
        Assert.Equal(0f, scores[0, 2, 0].to(float32).item<float>());
    }

    [Fact]
    public void One_thread_and_two_give_the_same_bits()
    {
        using var scope = NewDisposeScope();
        if (!RowSoftmax.Takes(70)) return;
        random.manual_seed(6);
        var scores = randn(6, 70, 70).to(bfloat16);
        var before = get_num_threads();
        Tensor On(int threads)
        {
            set_num_threads(threads);
            var own = scores.clone();
            RowSoftmax.Forward(own, 0.3, causal: true);
            return own;
        }
        try { Assert.Equal(0, Off(On(1), On(2).to(float32))); }
        finally { set_num_threads(before); }
    }

    private static Tensor Leaf(params long[] shape)
    {
        random.manual_seed(shape.Sum() + shape[2]);
        return randn(shape).to(bfloat16).detach().requires_grad_();
    }

    private static double Off(Tensor a, Tensor b) => ((a.to(float32) - b).norm() / b.norm().clamp_min(1e-3)).item<float>();
}
