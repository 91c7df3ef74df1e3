using System.ComponentModel;
using F = TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>Normalises the last axis to mean 0 and variance 1, then scales and shifts it.</summary>
public sealed class LayerNorm(int width, double eps = 1e-6) : GraphModule
{
    private readonly Weight weight = new([Guard.Size(width, "LayerNorm", "width")], Inits.Ones);
    private readonly Weight offset = new([width], Inits.Zeros);

    /// <summary>The weight, as it is now; it stays the layer's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor Weight => weight.Tensor;

    /// <summary>The bias, as it is now; it stays the layer's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor Bias => offset.Tensor;

    /// <summary>The normalised shape.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public long[] Width { get; } = [width];

    /// <summary>Added to the variance.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public double Eps => eps;

    // the model's products are in bfloat16: where these alone read the result, it may be so at once
    internal bool IsNarrow { get; set; }

    /// <summary>Runs the layer.</summary>
    [return: Shape("... width")]
    public Sym Forward([Shape("... width")] Sym x) => x.Through(this, F.layer_norm(x.In(Weight.dtype), Width, Weight, Bias, eps));

    /// <inheritdoc />
    protected override void RegisterLayers()
    {
        Register("weight", weight);
        Register("bias", offset);
    }
}
