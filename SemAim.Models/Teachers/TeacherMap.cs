using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Teachers;

/// <summary>What a CLIP or DINO teacher's tokens say about an order, and how CLIP wants its pictures (behaviour.md 4.2).</summary>
public static class TeacherMap
{
    /// <summary>How much each patch resembles the class token, from 0 to just under 1 within each picture.</summary>
    /// <param name="tokens">B × T × O</param>
    /// <returns>B × N, fresh</returns>
    public static Tensor Similarity(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var unit = nn.functional.normalize(tokens, 2.0, -1);
        var similar = (unit.narrow(1, 0, 1) * unit.narrow(1, 1, unit.size(1) - 1)).sum(-1);
        var (low, high) = (similar.amin([1L], keepdim: true), similar.amax([1L], keepdim: true));
        return ((similar - low) / (high - low).add(Number.Of(1e-6), Number.One)).MoveToOuterDisposeScope();
    }

    /// <summary>Pictures normalised with ImageNet's mean and deviation, renormalised with CLIP's (behaviour.md trap 16).</summary>
    /// <param name="images">B × 3 × S × S</param>
    /// <returns>the same axes, fresh</returns>
    public static Tensor ForClip(Tensor images)
    {
        using var scope = NewDisposeScope();
        Tensor Channels(double r, double g, double b) => tensor(new[] { r, g, b }).to(images.dtype, images.device).reshape(1, 3, 1, 1);
        var pixels = (images * Channels(0.229, 0.224, 0.225)).add(Channels(0.485, 0.456, 0.406), Number.One);
        return ((pixels - Channels(0.48145466, 0.4578275, 0.40821073)) / Channels(0.26862954, 0.26130258, 0.27577711)).MoveToOuterDisposeScope();
    }
}
