using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>How a compiled attention is masked: by a dense additive mask, causally, or not at all (the default).</summary>
/// <param name="Dense">B × 1 × T × M, 0 where open and −∞ where hidden; the maker disposes it</param>
/// <param name="IsCausal">query i sees keys 0 … i</param>
public readonly record struct AttentionBias(Tensor? Dense, bool IsCausal) : IDisposable
{
    /// <summary>Query i sees keys 0 … i.</summary>
    public static readonly AttentionBias Causal = new(null, true);

    /// <summary>Frees the dense mask, if there is one.</summary>
    public void Dispose() => Dense?.Dispose();

    /// <summary>True where something is hidden.</summary>
    public bool IsGiven => IsCausal || Dense is not null;

    /// <summary>The dense form of a mask, for comparing compiled code with its specification.</summary>
    public static AttentionBias Of(OrderMask? mask) => mask is null ? default : new(mask.Dense(), false);

    /// <summary>The dense mask of <see cref="OrderMask.UpTo"/>, where no cheaper form was proven equal.</summary>
    public static AttentionBias UpTo(Tensor rank, Ties ties) => new(OrderMask.UpTo(Sym.Of(rank, Run.Eval), ties).Dense(), false);

    /// <summary>The dense mask of <see cref="OrderMask.Before"/>, where no cheaper form was proven equal.</summary>
    public static AttentionBias Before(Tensor rank, Ties ties) => new(OrderMask.Before(Sym.Of(rank, Run.Eval), ties).Dense(), false);
}
