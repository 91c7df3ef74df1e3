using SemAim.Runtime.Native;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>A float32 stream plus what a branch in bfloat16 adds to it (<see cref="WideSum"/>), with the gradients: the same for both, the branch's in its own type.</summary>
internal sealed class ResidualSum : autograd.SingleTensorFunction<ResidualSum>
{
    public override string Name => nameof(ResidualSum);

    /// <summary>stream + branch, fresh.</summary>
    internal static Tensor Of(Tensor stream, Tensor branch)
    {
        if (!is_grad_enabled() || !(stream.requires_grad || branch.requires_grad)) return WideSum.Of(stream, branch);
        using var scope = NewDisposeScope();                   // the library makes wrappers of its own, and an empty tensor of the result's size
        return apply(stream, branch, (stream.requires_grad, branch.requires_grad)).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_data("learns", vars[2]);
        return WideSum.Of((Tensor)vars[0], (Tensor)vars[1]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        GivenBack.Release();
        using var guard = no_grad();
        var (stream, branch) = ((bool, bool))ctx.get_data("learns");
        var narrow = branch ? GivenBack.Keep(grad_output.to(ScalarType.BFloat16)) : null;
        if (stream) GivenBack.Keep(grad_output); else grad_output.Dispose();
        ctx.Dispose();
        return [stream ? grad_output : null!, narrow!, null!];
    }
}
