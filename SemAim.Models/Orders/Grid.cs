namespace SemAim.Models.Orders;

/// <summary>Patches of an image: rows × columns, numbered row by row.</summary>
/// <param name="Rows">patches from top to bottom</param>
/// <param name="Columns">patches from left to right</param>
public readonly record struct Grid(int Rows, int Columns)
{
    /// <summary>Number of patches.</summary>
    public int Count => Rows * Columns;
}
