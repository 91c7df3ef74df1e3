namespace SemAim.Runtime.Data;

/// <summary>torchvision's ColorJitter(s, s, s) of a PIL image: brightness, contrast and saturation, each by a factor from [max(0, 1 − s), 1 + s], in random order (behaviour.md 6.3).</summary>
/// <remarks>The hue stays. One instance a worker thread. Images are unpadded RGBX.</remarks>
internal sealed unsafe class ColorJitter(double strength, int pixels)
{
    private static readonly AugmentOp[] s_ops = [AugmentOp.Brightness, AugmentOp.Contrast, AugmentOp.Color];
    private readonly PilOps ops = new();

    /// <summary>Told each enhancer with its factor; null in training.</summary>
    internal Action<AugmentOp, double>? Applied { get; init; }

    /// <summary>Works back and forth between the two buffers and returns the one with the result. Five draws.</summary>
    internal byte* Apply(ref SampleRng rng, byte* image, byte* other, byte* scratch)
    {
        Span<double> factors = stackalloc double[3];
        for (var i = 0; i < 3; i++) factors[i] = rng.Uniform(Math.Max(0, 1 - strength), 1 + strength);
        Span<int> order = [0, 1, 2];
        for (var i = 2; i > 0; i--)
        {
            var j = rng.NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        foreach (var op in order)
        {
            Applied?.Invoke(s_ops[op], factors[op]);
            switch (s_ops[op])
            {
                case AugmentOp.Brightness: ops.Brightness(image, other, scratch, pixels, factors[op]); break;
                case AugmentOp.Contrast: ops.Contrast(image, other, scratch, pixels, factors[op]); break;
                default: ops.Color(image, other, scratch, pixels, factors[op]); break;
            }
            var swap = image;
            image = other;
            other = swap;
        }
        return image;
    }
}
