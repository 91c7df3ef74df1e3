using System.ComponentModel;
using SemAim.Runtime.Tensors;
using F = TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>y = x·Wᵀ + b over the last axis: ... in → ... out.</summary>
public sealed class Linear(int @in, int @out, bool bias = true) : GraphModule
{
    private readonly Weight weight = new([Guard.Size(@out, "Linear", "out"), Guard.Size(@in, "Linear", "in")], Inits.XavierUniform);
    private readonly Weight? offset = bias ? new([@out], Inits.Zeros) : null;

    /// <summary>The weight, as it is now; it stays the layer's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor Weight => weight.Tensor;

    /// <summary>The bias, as it is now; it stays the layer's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor? Bias => offset?.Tensor;

    // where the gradients of bfloat16 weights are added at once; null: they go where autograd puts them
    internal WideGradients? Wide { get; set; }

    /// <summary>Runs the layer.</summary>
    [return: Shape("... out")]
    public Sym Forward([Shape("... in")] Sym x)
    {
        var y = F.linear(x.In(Weight.dtype), Weight, Bias);
        return x.Through(this, y, y.numel() * @in);
    }

    /// <inheritdoc />
    protected override void RegisterLayers()
    {
        Register("weight", weight);
        if (offset is not null) Register("bias", offset);
    }
}
