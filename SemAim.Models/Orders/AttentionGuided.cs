using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Random within nested boxes around the patch most like the whole, inner boxes first (behaviour.md 2, <c>attention_guided</c>).</summary>
/// <param name="corrected">boxes that always contain their centre, on 14 × 14 patches too, where the original's table is the default</param>
public sealed class AttentionGuided(bool corrected = false) : IOrder
{
    /// <inheritdoc />
    public string Name => "attention_guided";

    /// <inheritdoc />
    public bool NeedsGuidance => true;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        using var scope = NewDisposeScope();
        var centre = guidance!.argmax(1, keepdim: true);
        var columns = Number.Of(grid.Columns);
        return (noise - NestedBoxes.Count(centre.div(columns, RoundingMode.floor), centre.remainder(columns), grid, noise.dtype, !corrected && NestedBoxes.HasTable(grid))).MoveToOuterDisposeScope();
    }
}
