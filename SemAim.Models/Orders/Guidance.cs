using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>What a patch's resemblance to the whole is taken from (behaviour.md 3.2).</summary>
public enum AttentionType
{
    /// <summary>Cosine of a patch's token and the class token, softmax over patches.</summary>
    Cls,

    /// <summary>Cosine of a patch's token and the mean of all patches' tokens, softmax over patches.</summary>
    Gap,

    /// <summary>Attention of the class token in the last block, mean over heads.</summary>
    Self,
}

/// <summary>What pictures are guided by: tokens to predict, a map to order by, or both; computed once a batch, without gradient, and only what is used.</summary>
public interface IGuidance
{
    /// <summary>Looks at a batch.</summary>
    /// <param name="images">B × 3 × Y × X, normalised</param>
    /// <returns>tokens B × T × O without gradient, null where none are predicted; the map B × N, null where no order reads one; both fresh</returns>
    (Tensor? Tokens, Tensor? Map) Look(Tensor images);
}

/// <summary>No guidance: orders that read no map, pixels as targets.</summary>
public sealed class NoGuidance : IGuidance
{
    /// <inheritdoc />
    public (Tensor? Tokens, Tensor? Map) Look(Tensor images) => (null, null);
}

/// <summary>Guidance by an encoder that sees the whole picture: the student's own or its average (behaviour.md 3). It computes in whatever precision its weights have.</summary>
/// <param name="model">the encoder; stays the caller's</param>
/// <param name="type">what the map is</param>
/// <param name="tokens">tokens are predicted</param>
/// <param name="map">an order reads the map</param>
public sealed class EncoderGuidance(AimViT model, AttentionType type, bool tokens, bool map) : IGuidance
{
    /// <inheritdoc />
    public (Tensor? Tokens, Tensor? Map) Look(Tensor images)
    {
        using var guard = no_grad();
        if (!tokens && !map) return (null, null);
        if (!map) return (model.Tokens(images), null);
        if (!tokens && type == AttentionType.Self) return (null, model.SelfAttentionMap(images));
        var (seen, guidance) = type switch { AttentionType.Gap => model.EncodeGap(images), AttentionType.Self => model.EncodeSelf(images), _ => model.Encode(images) };
        if (tokens) return (seen, guidance);
        seen.Dispose();
        return (null, guidance);
    }
}
