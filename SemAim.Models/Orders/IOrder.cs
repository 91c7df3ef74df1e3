using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>The order in which patches are predicted (behaviour.md 2). Nothing is drawn here and nothing is read back to the host.</summary>
public interface IOrder
{
    /// <summary>Name on the command line, the original's.</summary>
    string Name { get; }

    /// <summary>True where <see cref="Rank"/> reads a guidance map.</summary>
    bool NeedsGuidance => false;

    /// <summary>Uniform numbers that a picture takes, at least one a patch.</summary>
    int NoiseColumns(Grid grid) => grid.Count;

    /// <summary>Ranks patches; smaller is predicted earlier, ties go to the lower index.</summary>
    /// <param name="guidance">B × N, how much a patch resembles the whole; null where it is not needed</param>
    /// <param name="noise">B × <see cref="NoiseColumns"/>, uniform in [0, 1)</param>
    /// <param name="grid">the patches</param>
    /// <returns>B × N, fresh</returns>
    Tensor Rank(Tensor? guidance, Tensor noise, Grid grid);
}
