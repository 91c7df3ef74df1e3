namespace SemAim.Models.Orders;

/// <summary>Which nested boxes a centre has (behaviour.md 2, trap 5).</summary>
public enum BoxTable
{
    /// <summary>The original's table on 14 × 14 patches, for which it was written; elsewhere the corrected rule.</summary>
    Auto,

    /// <summary>The original's table; 14 × 14 patches only. Its boxes miss the last row and column.</summary>
    Original,

    /// <summary>Boxes shifted inwards at the edge, so that each holds its centre; any grid.</summary>
    Corrected,
}
