using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>The uniform numbers of one training pass: row i belongs to the i-th stochastic operation in order of execution.</summary>
/// <remarks>The caller fills them from (seed, step, sample), so that results depend neither on how samples are dealt nor on interruptions (docs/compiler.md, "Randomness").</remarks>
/// <param name="table">sites × B, uniform in [0, 1); stays the caller's</param>
public sealed class Draws(Tensor table)
{
    private int site;

    /// <summary>The next row, B; a fresh handle.</summary>
    public Tensor Next() => table.select(0, site++);
}
