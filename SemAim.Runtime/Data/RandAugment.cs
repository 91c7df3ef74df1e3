namespace SemAim.Runtime.Data;

internal enum AugmentOp
{
    AutoContrast, Equalize, Invert, Rotate, Posterize, Solarize, SolarizeAdd, Color, Contrast, Brightness, Sharpness,
    ShearX, ShearY, TranslateX, TranslateY,
}

/// <summary>timm 0.4.5 "rand-m9-mstd0.5-inc1": the increasing set, with replacement, each layer applied with probability 1/2.</summary>
internal sealed record RandAugmentOptions(double Magnitude = 9, double MagnitudeStd = 0.5, int Layers = 2, bool Bicubic = true,
    int MinPosterizeBits = 1, uint Fill = 124 | 116 << 8 | 104 << 16);

/// <summary>One instance per worker thread. Images are unpadded RGBX of a fixed size.</summary>
internal sealed unsafe class RandAugment(RandAugmentOptions options, int width, int height, bool forceScalar = false)
{
    private readonly PilOps _ops = new() { ForceScalar = forceScalar };

    /// <summary>
    /// Works back and forth between the two buffers and returns the one with the result.
    /// Every layer takes the same number of draws whatever it does.
    /// </summary>
    public byte* Apply(ref SampleRng rng, byte* image, byte* other, byte* scratch)
    {
        Span<int> chosen = stackalloc int[options.Layers];
        for (int i = 0; i < chosen.Length; i++) chosen[i] = rng.NextInt(15);
        foreach (int op in chosen)
        {
            bool apply = rng.NextDouble() < 0.5;
            double magnitude = Math.Clamp(options.Magnitude + options.MagnitudeStd * rng.NextGaussian(), 0, 10);
            bool negative = rng.NextDouble() < 0.5;
            if (!apply) continue;
            ApplyOne((AugmentOp)op, Argument((AugmentOp)op, magnitude, negative, options.MinPosterizeBits), image, other, scratch);
            byte* swap = image;
            image = other;
            other = swap;
        }
        return image;
    }

    /// <summary>timm's level_to_arg functions of the increasing set; the order of operations is theirs.</summary>
    public static double Argument(AugmentOp op, double magnitude, bool negative, int minPosterizeBits)
    {
        double level = magnitude / 10, sign = negative ? -1 : 1;
        return op switch
        {
            AugmentOp.Rotate => sign * (level * 30),
            AugmentOp.Posterize => Math.Max(minPosterizeBits, 4 - (int)(level * 4)),
            AugmentOp.Solarize => 256 - (int)(level * 256),
            AugmentOp.SolarizeAdd => (int)(level * 110),
            AugmentOp.Color or AugmentOp.Contrast or AugmentOp.Brightness or AugmentOp.Sharpness => 1 + sign * (level * 0.9),
            AugmentOp.ShearX or AugmentOp.ShearY => sign * (level * 0.3),
            AugmentOp.TranslateX or AugmentOp.TranslateY => sign * (level * 0.45),
            _ => 0,
        };
    }

    public void ApplyOne(AugmentOp op, double argument, byte* source, byte* target, byte* scratch)
    {
        int pixels = width * height;
        switch (op)
        {
            case AugmentOp.AutoContrast: _ops.AutoContrast(source, target, pixels); break;
            case AugmentOp.Equalize: _ops.Equalize(source, target, pixels); break;
            case AugmentOp.Invert: _ops.Invert(source, target, pixels); break;
            case AugmentOp.Rotate: _ops.Rotate(source, target, width, height, argument, options.Bicubic, options.Fill); break;
            case AugmentOp.Posterize: _ops.Posterize(source, target, pixels, (int)argument); break;
            case AugmentOp.Solarize: _ops.Solarize(source, target, pixels, (int)argument); break;
            case AugmentOp.SolarizeAdd: _ops.SolarizeAdd(source, target, pixels, (int)argument); break;
            case AugmentOp.Color: _ops.Color(source, target, scratch, pixels, argument); break;
            case AugmentOp.Contrast: _ops.Contrast(source, target, scratch, pixels, argument); break;
            case AugmentOp.Brightness: _ops.Brightness(source, target, scratch, pixels, argument); break;
            case AugmentOp.Sharpness: _ops.Sharpness(source, target, scratch, width, height, argument); break;
            case AugmentOp.ShearX: _ops.ShearX(source, target, width, height, argument, options.Bicubic, options.Fill); break;
            case AugmentOp.ShearY: _ops.ShearY(source, target, width, height, argument, options.Bicubic, options.Fill); break;
            case AugmentOp.TranslateX: _ops.TranslateX(source, target, width, height, argument, options.Bicubic, options.Fill); break;
            case AugmentOp.TranslateY: _ops.TranslateY(source, target, width, height, argument, options.Bicubic, options.Fill); break;
            default: throw new ArgumentOutOfRangeException(nameof(op));
        }
    }
}
