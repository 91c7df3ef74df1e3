using SemAim.Dsl;
using SemAim.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>
/// softmax(q·kᵀ/√E)·v in bfloat16 on a CPU, where the library's fused attention has no fast path, with its gradients. Kept for the way back are q, k, v and the weights;
/// scores and their gradient live in one tensor each (<see cref="RowSoftmax"/>).
/// </summary>
internal sealed class AttentionProduct : autograd.SingleTensorFunction<AttentionProduct>
{
    public override string Name => nameof(AttentionProduct);

    /// <summary>Whether attention of these values goes this way.</summary>
    internal static bool Takes(Tensor q, Tensor k, Tensor v, AttentionBias mask)
        => q.device_type == DeviceType.CPU && q.dtype == ScalarType.BFloat16 && k.dtype == q.dtype && v.dtype == q.dtype && q.dim() == 4 && mask.Dense is null && RowSoftmax.Takes(k.size(2)) && OneDnn.IsAvailable;

    /// <summary>q: B × H × T × E, k and v: B × H × M × E → B × H × T × E, fresh.</summary>
    internal static Tensor Of(Tensor q, Tensor k, Tensor v, bool causal)
    {
        using var scope = NewDisposeScope();                   // the library makes wrappers of its own, and an empty tensor of the result's size
        if (!is_grad_enabled() || !(q.requires_grad || k.requires_grad || v.requires_grad)) return Compute(Flat(q), Flat(k), Flat(v), causal).view(q.size(0), q.size(1), q.size(2), v.size(3)).MoveToOuterDisposeScope();
        return apply(q, k, v, causal).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (q, causal) = ((Tensor)vars[0], (bool)vars[3]);
        var (flat, k, v) = (Flat(q), Flat((Tensor)vars[1]), Flat((Tensor)vars[2]));
        var weights = Weights(flat, k, causal);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([flat, k, v, weights]);
        ctx.save_data(nameof(causal), causal);
        return weights.bmm(v).view(q.size(0), q.size(1), q.size(2), v.size(2));
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        GivenBack.Release();
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var causal = (bool)ctx.get_data("causal");
        var saved = ctx.get_saved_variables();
        var (q, k, v, weights) = (saved[0], saved[1], saved[2], saved[3]);               // BH T E; BH M E; BH M E; BH T M
        long batch = grad_output.size(0), heads = grad_output.size(1);
        var gradient = Flat(grad_output);                                                // BH T E
        grad_output.Dispose();
        Tensor GiveBack(Tensor flat) => GivenBack.Keep(flat.view(batch, heads, flat.size(1), flat.size(2)));
        var dv = GiveBack(weights.transpose(1, 2).bmm(gradient));
        using var dscores = gradient.bmm(v.transpose(1, 2));                             // BH T M
        RowSoftmax.Backward(dscores, weights, Scale(q), causal);
        var dq = GiveBack(dscores.bmm(k));
        var dk = GiveBack(dscores.transpose(1, 2).bmm(q));
        foreach (var s in saved) s.Dispose();
        ctx.Dispose();                                         // what was kept is not needed again: a graph is gone through once
        return [dq, dk, dv, null!];
    }

    private static Tensor Compute(Tensor q, Tensor k, Tensor v, bool causal)
    {
        using var weights = Weights(q, k, causal);
        return weights.bmm(v);
    }

    private static Tensor Weights(Tensor q, Tensor k, bool causal)
    {
        using var across = k.transpose(1, 2);
        var weights = q.bmm(across);
        RowSoftmax.Forward(weights, Scale(q), causal);
        return weights;
    }

    private static double Scale(Tensor q) => 1 / Math.Sqrt(q.size(-1));

    // of packed q, k and v a product reads twice as fast what lies together
    private static Tensor Flat(Tensor t) => t.contiguous().view(-1, t.size(2), t.size(3));
}
