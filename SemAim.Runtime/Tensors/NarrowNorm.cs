using SemAim.Runtime.Native;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>Layer normalisation of float32 values that only products in bfloat16 read (<see cref="RowNorm"/>), with its gradients. Kept are the values and two numbers a row.</summary>
internal sealed class NarrowNorm : autograd.SingleTensorFunction<NarrowNorm>
{
    public override string Name => nameof(NarrowNorm);

    /// <summary>x: … D, float32 → … D, bfloat16, fresh.</summary>
    internal static Tensor Of(Tensor x, Tensor weight, Tensor bias, double eps)
    {
        if (!is_grad_enabled() || !(x.requires_grad || weight.requires_grad || bias.requires_grad)) return RowNorm.Forward(x, weight, bias, eps, null);
        using var scope = NewDisposeScope();                   // the library makes wrappers of its own, and an empty tensor of the result's size
        return apply(x, weight, bias, eps).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, bias, eps) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (double)vars[3]);
        var statistics = empty(2, x.numel() / x.size(-1), dtype: ScalarType.Float32);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([x, weight, statistics]);
        return RowNorm.Forward(x, weight, bias, eps, statistics);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        GivenBack.Release();
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (dx, parameters) = RowNorm.Backward(grad_output.contiguous(), saved[0], saved[1], saved[2]);
        grad_output.Dispose();
        foreach (var s in saved) s.Dispose();
        ctx.Dispose();                                         // what was kept is not needed again: a graph is gone through once
        return [GivenBack.Keep(dx), GivenBack.Keep(parameters.select(0, 0)), GivenBack.Keep(parameters.select(0, 1)), null!];
    }
}
