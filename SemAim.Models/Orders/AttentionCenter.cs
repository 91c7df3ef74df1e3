using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>From the patch most like the whole outwards (behaviour.md 2, <c>attention_center</c>): distance plus 0.001 · noise, which only breaks ties within a ring.</summary>
public sealed class AttentionCenter : IOrder
{
    /// <inheritdoc />
    public string Name => "attention_center";

    /// <inheritdoc />
    public bool NeedsGuidance => true;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        using var scope = NewDisposeScope();
        var centre = guidance!.argmax(1, keepdim: true);                                         // B 1
        var patch = arange(Number.Of(0), Number.Of(grid.Count), Number.One, int64, noise.device).unsqueeze(0);                        // 1 N
        var columns = Number.Of(grid.Columns);
        var rows = (patch.div(columns, RoundingMode.floor) - centre.div(columns, RoundingMode.floor)).to(noise.dtype);
        var across = (patch.remainder(columns) - centre.remainder(columns)).to(noise.dtype);
        return (rows * rows).add(across * across, Number.One).sqrt().add(noise, Number.Of(0.001)).MoveToOuterDisposeScope();
    }
}
