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
    public override string Name => nameof(DenseProduct);

    /// <summary>Whether products of this value go this way.</summary>
    internal static bool Takes(Tensor x, Tensor weight) => x.device_type == DeviceType.CPU && x.dtype == weight.dtype && x.dtype is ScalarType.Float32 or ScalarType.BFloat16 && OneDnn.IsAvailable;

    /// <summary>x: … K, weight: N × K, bias: N → … N, fresh. Where <paramref name="wide"/> (float32) is given, the gradients of weight and bias are added to it and go nowhere else.</summary>
    internal static Tensor Of(Tensor x, Tensor weight, Tensor? bias, bool gelu, WideGradients? wide = null)
    {
        if (!is_grad_enabled() || !(x.requires_grad || weight.requires_grad || bias is { requires_grad: true })) return Compute(x, weight, bias, gelu);
        using var scope = NewDisposeScope();                   // the library makes wrappers of its own, and an empty tensor of the result's size
        return apply(x, weight, bias!, new Call(gelu, bias is not null, x.requires_grad, NormalizedValue.Of(x), wide)).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, bias, call) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2], (Call)vars[3]);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward(call.Normalized is not { } n ? [x, weight] : [n.Input, weight, n.Layer.Weight, n.Layer.Bias]);
        ctx.save_data(nameof(Call), call);
        return Compute(x, weight, bias, call.Gelu);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        GivenBack.Release();
        using var guard = no_grad();
        var call = (Call)ctx.get_data(nameof(Call));
        var saved = ctx.get_saved_variables();
        using Tensor kept = saved[0], weight = saved[1];
        using var x = call.Normalized is { } n ? Again(saved, n) : kept.alias();
        long width = x.size(-1), outputs = weight.size(0);
        using var gradient = grad_output.reshape(-1, outputs);                           // M N
        grad_output.Dispose();
        using var plain = x.reshape(-1, width);                                          // M K
        Tensor? dx = null, dw = null, db = null;
        Tensor? activated = null;
        if (call.InputLearns)
        {
            using var across = weight.t();                                               // K N
            using var flat = OneDnn.Product(gradient, across, null);                     // M K
            if (call.Gelu && weight.requires_grad && GeluGradient.Takes(plain))
            {
                activated = GeluGradient.Through(flat, plain);
                dx = GivenBack.Keep(flat.view(x.shape));
            }
            else if (call.Gelu)
            {
                using var through = StableAbi.GeluBackward(flat, plain);
                dx = GivenBack.Keep(through.view(x.shape));
            }
            else dx = GivenBack.Keep(flat.view(x.shape));
        }
        if (weight.requires_grad)
        {
            activated ??= call.Gelu ? F.gelu(plain) : plain.alias();
            using var left = gradient.t();                                               // N M
            dw = AddOrGiveBack(AgainstRows(left, activated), call.Wide?.Weight);
            activated.Dispose();
        }
        if (call.HasBias)                                                                // N
        {
            if (call.Wide?.Bias is { IsInvalid: false } wide && WideSum.TakesRows(gradient, wide)) WideSum.RowsInto(wide, gradient);
            else db = AddOrGiveBack(gradient.sum([0L]), call.Wide?.Bias);
        }
        ctx.Dispose();                                         // what was kept is not needed again: a graph is gone through once
        return [dx!, dw!, db!, null!];
    }

    // what one product needs to know on its way back, beside the tensors that the engine keeps
    private sealed record Call(bool Gelu, bool HasBias, bool InputLearns, NormalizedValue? Normalized, WideGradients? Wide);

    private static Tensor Compute(Tensor x, Tensor weight, Tensor? bias, bool gelu)
    {
        using var activated = gelu ? F.gelu(x) : null;
        return OneDnn.Product(activated ?? x, weight, bias);
    }

    // left: N × M, right: M × K. In bfloat16 the library's own way into oneDNN takes a tenth less where the result has as many rows as columns or more, and a tenth more elsewhere
    // (`products` of tests/SemAim.Benchmarks); in float32 it goes to MKL.
    private static Tensor AgainstRows(Tensor left, Tensor right)
    {
        if (left.dtype == ScalarType.BFloat16 && left.size(0) >= right.size(1)) return left.mm(right);
        using var across = right.t();
        return OneDnn.Product(left, across, null);                                       // N K
    }

    private static Tensor Again(List<Tensor> saved, NormalizedValue n)
    {
        using Tensor gamma = saved[2], beta = saved[3];
        return NormalizedValue.Again(saved[0], gamma, beta, n.Layer.Eps, n.Type, n.IsFused);
    }

    private static Tensor? AddOrGiveBack(Tensor gradient, Tensor? wide)
    {
        if (wide is not { IsInvalid: false }) return GivenBack.Keep(gradient);
        using (gradient)
        {
            if (WideSum.Takes(wide, gradient)) WideSum.Into(wide, gradient);
            else wide.add_(gradient, Number.One);
        }
        return null;
    }
}
