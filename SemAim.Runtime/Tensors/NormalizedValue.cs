using System.Runtime.CompilerServices;
using SemAim.Dsl;
using SemAim.Runtime.Native;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SemAim.Runtime.Tensors;

/// <summary>
/// Says of a value that it is the layer normalisation of another one, which the normalisation keeps for its gradients anyway: a product that reads the value
/// then keeps nothing of its own and normalises again on the way back, an element-wise pass instead of a tensor of the stream's size.
/// </summary>
/// <param name="Input">what was normalised; the caller's, and possibly disposed by now</param>
/// <param name="Layer">the normalisation</param>
/// <param name="Type">of the value: that of the input, or narrower</param>
/// <param name="IsFused">computed by <see cref="RowNorm"/></param>
internal sealed record NormalizedValue(Tensor Input, LayerNorm Layer, ScalarType Type, bool IsFused)
{
    private static readonly ConditionalWeakTable<Tensor, NormalizedValue> Known = [];

    /// <summary><paramref name="value"/> is the normalisation of <paramref name="input"/>; returns it.</summary>
    internal static Tensor Remember(Tensor value, Tensor input, LayerNorm layer, bool isFused = false)
    {
        if (value.requires_grad) Known.Add(value, new(input, layer, value.dtype, isFused));
        return value;
    }

    /// <summary><paramref name="value"/> is <paramref name="source"/>, or a copy of another type; returns it.</summary>
    internal static Tensor Follow(Tensor source, Tensor value)
    {
        if (Known.TryGetValue(source, out var known)) Known.Add(value, known with { Type = value.dtype });
        return value;
    }

    /// <summary>What is known of a value, where its input is still there.</summary>
    internal static NormalizedValue? Of(Tensor value) => Known.TryGetValue(value, out var known) && !known.Input.IsInvalid ? known : null;

    /// <summary>The value again, to the bit.</summary>
    /// <param name="input">what was normalised</param>
    /// <param name="weight">of the layer</param>
    /// <param name="bias">of the layer</param>
    /// <param name="eps">of the layer</param>
    /// <param name="type">of the value</param>
    /// <param name="isFused">computed by <see cref="RowNorm"/></param>
    internal static Tensor Again(Tensor input, Tensor weight, Tensor bias, double eps, ScalarType type, bool isFused)
    {
        if (isFused) return RowNorm.Forward(input, weight, bias, eps, null);
        var wide = F.layer_norm(input, weight.shape, weight, bias, eps);
        if (wide.dtype == type) return wide;
        using (wide) return wide.to(type);
    }
}
