using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests;

/// <summary>A backward pass in segments.</summary>
public sealed class BackwardCutterTests
{
    // h and g cross both cuts; a skip crosses the second as well
    private static Tensor Forward(Tensor[] w, Tensor x, BackwardCutter cutter, bool complete = true)
    {
        Tensor h = x.matmul(w[0]).tanh(), g = x * 2;
        cutter.Cut(ref h, ref g);
        var skip = h.sigmoid();
        h = h.matmul(w[1]).tanh();
        g = g + h;
        if (complete) cutter.Cut(ref h, ref g, ref skip);
        else cutter.Cut(ref h, ref skip);                            // g comes from where h does
        return (h.matmul(w[2]) * g + skip).sum();
    }

    private static Tensor[] Weights() => [.. Enumerable.Range(0, 3).Select(i => (arange(16, float64) * 0.3 + i).sin().reshape(4, 4).detach().requires_grad_(true))];

    private static Tensor X() => (arange(12, float64) * 0.7).cos().reshape(3, 4);

    [Fact]
    public void Gradients_are_those_of_one_pass_and_levels_come_from_the_last_to_the_first()
    {
        using var scope = NewDisposeScope();
        var (whole, cut) = (Weights(), Weights());
        using var cutter = new BackwardCutter();
        cutter.Backward(Forward(whole, X(), cutter));
        var levels = new List<int>();

        cutter.Arm();
        cutter.Backward(Forward(cut, X(), cutter), level =>
        {
            levels.Add(level);
            Assert.Equal(3 - level, cut.Count(w => w.grad is not null));
        });

        Assert.Equal([2, 1, 0], levels);
        for (var i = 0; i < 3; i++) Assert.True(whole[i].grad!.equal(cut[i].grad!).all().item<bool>());
    }

    [Fact]
    public void A_value_left_out_of_a_cut_fails_and_says_why()
    {
        using var scope = NewDisposeScope();
        using var cutter = new BackwardCutter();
        var weights = Weights();
        cutter.Arm();

        var failure = Assert.Throws<InvalidOperationException>(() => cutter.Backward(Forward(weights, X(), cutter, complete: false)));

        Assert.Contains("a value that crosses a cut was not cut there", failure.Message);
        Assert.Equal(0, cutter.Cuts);
    }

    [Fact]
    public void Not_armed_or_without_gradients_it_leaves_values_alone()
    {
        using var scope = NewDisposeScope();
        using var cutter = new BackwardCutter();
        var value = Weights()[0];
        var given = value;
        cutter.Cut(ref given);
        Assert.Same(value, given);

        cutter.Arm();
        using (no_grad()) cutter.Cut(ref given);
        Assert.Same(value, given);
        Assert.Equal(0, cutter.Cuts);
    }

    [Fact]
    public void A_cut_where_nothing_needs_a_gradient_counts_all_the_same()
    {
        using var scope = NewDisposeScope();
        using var cutter = new BackwardCutter();
        var weight = Weights()[0];
        cutter.Arm();
        var h = X();
        cutter.Cut(ref h);
        h = h.matmul(weight);
        cutter.Cut(ref h);
        var levels = new List<int>();

        cutter.Backward(h.sum(), levels.Add);

        Assert.Equal([2, 1, 0], levels);
        Assert.NotNull(weight.grad);
    }
}
