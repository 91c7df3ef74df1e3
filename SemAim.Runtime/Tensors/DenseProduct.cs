using SemAim.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SemAim.Runtime.Tensors;

/// <summary>
/// y = f(x)·Wᵀ + b by <see cref="OneDnn"/>, with its gradients; f is the identity or the exact GELU. With GELU only x is kept for the way
/// back and the activation computed again there: an element-wise pass instead of a tensor of the hidden layer's size. Where x is a layer's
/// normalisation, not even x is kept but what was normalised (<see cref="NormalizedValue"/>).
/// </summary>
internal sealed class DenseProduct : autograd.SingleTensorFunction<DenseProduct>
{
    // gradients given back: the engine takes its own references only after the call, so they are let go at the next one
    [ThreadStatic] private static List<Tensor>? givenBack;

    public override string Name => nameof(DenseProduct);

    /// <summary>Whether products of this value go this way.</summary>
    internal static bool Takes(Tensor x, Tensor weight) => x.device_type == DeviceType.CPU && x.dtype == weight.dtype && x.dtype is ScalarType.Float32 or ScalarType.BFloat16 && OneDnn.IsAvailable;

    /// <summary>x: … K, weight: N × K, bias: N → … N, fresh. Where <paramref name="wideGradient"/> (N × K, float32) is given, the weight's gradient is added to it and goes nowhere else.</summary>
    internal static Tensor Of(Tensor x, Tensor weight, Tensor? bias, bool gelu, Tensor? wideGradient = null)
    {
        if (!is_grad_enabled() || !(x.requires_grad || weight.requires_grad || bias is { requires_grad: true })) return Compute(x, weight, bias, gelu);
        using var scope = NewDisposeScope();                   // the library makes wrappers of its own, and an empty tensor of the result's size
        return apply(x, weight, bias!, gelu, NormalizedValue.Of(x)!, wideGradient!).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, bias, gelu) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2], (bool)vars[3]);
        ctx.set_materialize_grads(false);
        var normalized = (NormalizedValue?)vars[4];
        ctx.save_for_backward(normalized is null ? [x, weight] : [normalized.Input, weight, normalized.Layer.Weight, normalized.Layer.Bias]);
        ctx.save_data("normalized", normalized!);
        ctx.save_data("wide", vars[5]);
        ctx.save_data("dx", x.requires_grad);
        ctx.save_data("gelu", gelu);
        ctx.save_data("bias", bias is not null);
        return Compute(x, weight, bias, gelu);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        Release();
        using var guard = no_grad();
        var (gelu, biased) = ((bool)ctx.get_data("gelu"), (bool)ctx.get_data("bias"));
        var saved = ctx.get_saved_variables();
        using Tensor kept = saved[0], weight = saved[1];
        using var x = ctx.get_data("normalized") is NormalizedValue n ? Again(saved, n) : kept.alias();
        long width = x.size(-1), outputs = weight.size(0);
        using var gradient = grad_output.reshape(-1, outputs);                           // M N
        grad_output.Dispose();
        using var plain = x.reshape(-1, width);                                          // M K
        Tensor? dx = null, dw = null, db = null;
        if ((bool)ctx.get_data("dx"))
        {
            using var across = weight.t();                                               // K N
            using var flat = OneDnn.Product(gradient, across, null);                     // M K
            if (gelu)
            {
                using var through = StableAbi.GeluBackward(flat, plain);
                dx = GiveBack(through.view(x.shape));
            }
            else dx = GiveBack(flat.view(x.shape));
        }
        if (weight.requires_grad)
        {
            using var activated = gelu ? F.gelu(plain) : plain.alias();
            using Tensor left = gradient.t(), right = activated.t();
            var product = OneDnn.Product(left, right, null);                             // N K
            if (ctx.get_data("wide") is Tensor { IsInvalid: false } wide)
                using (product) wide.add_(product, Number.One);
            else dw = GiveBack(product);
        }
        if (biased) db = GiveBack(gradient.sum([0L]));                                   // N
        ctx.Dispose();                                         // what was kept is not needed again: a graph is gone through once
        return [dx!, dw!, db!, null!, null!, null!];
    }

    private static Tensor Compute(Tensor x, Tensor weight, Tensor? bias, bool gelu)
    {
        using var activated = gelu ? F.gelu(x) : null;
        return OneDnn.Product(activated ?? x, weight, bias);
    }

    private static Tensor Again(List<Tensor> saved, NormalizedValue n)
    {
        using Tensor gamma = saved[2], beta = saved[3];
        return NormalizedValue.Again(saved[0], gamma, beta, n.Layer.Eps, n.Type);
    }

    private static Tensor GiveBack(Tensor t)
    {
        (givenBack ??= []).Add(t.DetachFromDisposeScope());
        return t;
    }

    private static void Release()
    {
        if (givenBack is null) return;
        foreach (var t in givenBack) t.Dispose();
        givenBack.Clear();
    }
}
