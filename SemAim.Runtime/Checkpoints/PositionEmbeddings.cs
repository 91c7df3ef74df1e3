using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>Position embeddings of one grid made for another (behaviour.md 6.2).</summary>
public static class PositionEmbeddings
{
    /// <summary>Bicubic (a = −0.75, borders repeated, no antialiasing) over the grid; the tokens in front of it stay.</summary>
    /// <param name="embeddings">1 × (extra + s²) × D</param>
    /// <param name="patches">n², patches of the new grid</param>
    /// <param name="extra">tokens that are no patches</param>
    /// <returns>1 × (extra + n²) × D, fresh</returns>
    /// <exception cref="ArgumentException">the number of patches is no square</exception>
    public static Tensor Interpolate(Tensor embeddings, long patches, long extra = 1)
    {
        using var scope = NewDisposeScope();
        var (old, width) = (embeddings.size(1) - extra, embeddings.size(2));
        if (!IsSquare(old, out var s) || !IsSquare(patches, out var n)) throw new ArgumentException($"{old} and {patches} patches: square grids only");
        if (s == n) return embeddings.clone().MoveToOuterDisposeScope();
        var grid = embeddings.narrow(1, extra, old).reshape(1, s, s, width).permute(0, 3, 1, 2);
        var resized = nn.functional.interpolate(grid, [n, n], mode: InterpolationMode.Bicubic, align_corners: false);
        return cat([embeddings.narrow(1, 0, extra), resized.permute(0, 2, 3, 1).flatten(1, 2)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a grid of so many patches can be square.</summary>
    public static bool IsSquare(long patches, out long side)
    {
        side = (long)Math.Round(Math.Sqrt(Math.Max(0, patches)));
        return patches > 0 && side * side == patches;
    }
}
