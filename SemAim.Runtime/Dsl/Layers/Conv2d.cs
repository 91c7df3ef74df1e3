using System.ComponentModel;
using F = TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>Square convolution without padding: B in y x → B out (y − kernel) / stride + 1 (x − kernel) / stride + 1.</summary>
public sealed class Conv2d(int @in, int @out, int kernel, int stride) : GraphModule
{
    private readonly Weight weight = new([Guard.Size(@out, "Conv2d", "out"), Guard.Size(@in, "Conv2d", "in"), Guard.Size(kernel, "Conv2d", "kernel"), kernel], t => Inits.XavierUniform(t.view(@out, -1)));
    private readonly Weight offset = new([@out], Inits.Uniform(1 / Math.Sqrt(@in * kernel * kernel)));

    /// <summary>The weight, as it is now; it stays the layer's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor Weight => weight.Tensor;

    /// <summary>The bias, as it is now; it stays the layer's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor Bias => offset.Tensor;

    /// <summary>Distance between positions.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public int Stride { get; } = Guard.Size(stride, "Conv2d", "stride");

    /// <summary>Runs the layer.</summary>
    public Sym Forward(Sym x)
    {
        var y = F.conv2d(x.In(Weight.dtype), Weight, Bias, strides: [Stride, Stride]);
        return x.Through(this, y, y.numel() * @in * kernel * kernel);
    }

    /// <inheritdoc />
    protected override void RegisterLayers()
    {
        Register("weight", weight);
        Register("bias", offset);
    }
}
