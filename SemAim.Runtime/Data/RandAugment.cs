using System.Globalization;

namespace SemAim.Runtime.Data;

internal enum AugmentOp
{
    AutoContrast, Equalize, Invert, Rotate, Posterize, Solarize, SolarizeAdd, Color, Contrast, Brightness, Sharpness,
    ShearX, ShearY, TranslateX, TranslateY,
}

/// <summary>timm 0.4.5 "rand-m9-mstd0.5-inc1": the increasing set, with replacement, each layer applied with probability 1/2.</summary>
/// <param name="Magnitude">m of the specification, 0 to 10</param>
/// <param name="MagnitudeStd">deviation of the magnitude of one application</param>
/// <param name="Layers">operations drawn for an image</param>
/// <param name="Bicubic">how rotations, shears and translations interpolate; else bilinear</param>
/// <param name="MinPosterizeBits">timm's 0 makes a picture black at magnitude 10</param>
/// <param name="Fill">colour of what comes from outside, R + 256 G + 65536 B</param>
/// <param name="Increasing">a larger magnitude always changes more (posterize, solarize and the enhancers)</param>
/// <param name="Weighted">draw by timm's weights ("w0"), without replacement</param>
internal sealed record RandAugmentOptions(double Magnitude = 9, double MagnitudeStd = 0.5, int Layers = 2, bool Bicubic = true,
    int MinPosterizeBits = 1, uint Fill = 124 | 116 << 8 | 104 << 16, bool Increasing = true, bool Weighted = false)
{
    /// <summary>Reads timm's grammar (behaviour.md 6.4): <c>rand</c>, then <c>mN</c>, <c>nN</c>, <c>mstdX</c>, <c>incX</c>, <c>w0</c> in any order.</summary>
    /// <param name="specification">as in --aa; empty or "none": null</param>
    /// <exception cref="UsageException">not of that grammar</exception>
    internal static RandAugmentOptions? Parse(string specification)
    {
        if (specification.Length == 0 || specification.Equals("none", StringComparison.OrdinalIgnoreCase)) return null;
        var sections = specification.Split('-');
        if (sections[0] != "rand")
        {
            var known = sections[0] is "v0" or "v0r" or "original" or "originalr" or "augmix";
            throw new UsageException($"--aa {specification}: {(known ? $"timm's {sections[0]} policy is not built in; " : "")}allowed is rand-mN[-nN][-mstdX][-inc1][-w0], as in rand-m9-mstd0.5-inc1, or none");
        }
        // timm's own defaults: magnitude 10, no deviation, the plain set
        var options = new RandAugmentOptions(Magnitude: 10, MagnitudeStd: 0, Increasing: false);
        foreach (var section in sections.Skip(1))
        {
            var digit = section.IndexOfAny("0123456789".ToCharArray());
            var (key, text) = digit < 0 ? (section, "") : (section[..digit], section[digit..]);
            var isWhole = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole);
            var isNumber = double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
            options = key switch
            {
                "m" when isWhole && whole <= 10 => options with { Magnitude = whole },
                "n" when isWhole && whole is >= 1 and <= 15 => options with { Layers = whole },
                "mstd" when isNumber => options with { MagnitudeStd = number },
                "inc" when text.Length > 0 => options with { Increasing = true },       // inc0 too: timm tests the text, not the number
                "w" when isWhole && whole == 0 => options with { Weighted = true },
                _ => throw new UsageException($"--aa {specification}: '{section}' is none of mN (0 to 10), nN (1 to 15), mstdX, inc1, w0"),
            };
        }
        if (options.Weighted && options.Increasing) throw new UsageException($"--aa {specification}: the weights of w0 are for the plain set; leave out inc");
        return options;
    }
}

/// <summary>One instance per worker thread. Images are unpadded RGBX of a fixed size.</summary>
internal sealed unsafe class RandAugment(RandAugmentOptions options, int width, int height, bool forceScalar = false)
{
    // timm's weights of choice "0", in the order of AugmentOp
    private static readonly double[] s_weights = [0.025, 0.005, 0, 0.3, 0, 0.005, 0.005, 0.025, 0.005, 0.005, 0.025, 0.2, 0.2, 0.1, 0.1];
    private readonly PilOps _ops = new() { ForceScalar = forceScalar };

    /// <summary>Told each operation that is applied, with its argument; null in training.</summary>
    internal Action<AugmentOp, double>? Applied { get; init; }

    /// <summary>
    /// Works back and forth between the two buffers and returns the one with the result.
    /// Every layer takes the same number of draws whatever it does.
    /// </summary>
    public byte* Apply(ref SampleRng rng, byte* image, byte* other, byte* scratch)
    {
        Span<int> chosen = stackalloc int[options.Layers];
        Choose(ref rng, options.Weighted, chosen);
        foreach (int op in chosen)
        {
            bool apply = rng.NextDouble() < 0.5;
            double magnitude = Math.Clamp(options.Magnitude + options.MagnitudeStd * rng.NextGaussian(), 0, 10);
            bool negative = rng.NextDouble() < 0.5;
            if (!apply) continue;
            double argument = Argument((AugmentOp)op, magnitude, negative, options.MinPosterizeBits, options.Increasing);
            Applied?.Invoke((AugmentOp)op, argument);
            ApplyOne((AugmentOp)op, argument, image, other, scratch);
            byte* swap = image;
            image = other;
            other = swap;
        }
        return image;
    }

    /// <summary>Operations of all layers: uniform with replacement, or by timm's weights without.</summary>
    internal static void Choose(ref SampleRng rng, bool weighted, Span<int> chosen)
    {
        if (!weighted)
        {
            for (int i = 0; i < chosen.Length; i++) chosen[i] = rng.NextInt(15);
            return;
        }
        Span<double> weights = stackalloc double[15];
        s_weights.CopyTo(weights);
        for (int i = 0; i < chosen.Length; i++)
        {
            double sum = 0;
            foreach (double weight in weights) sum += weight;
            double at = rng.NextDouble() * sum;
            int op = 14;
            while (op > 0 && weights[op] == 0) op--;
            for (int k = 0; k < 15; k++)
            {
                if (weights[k] > 0 && (at -= weights[k]) < 0) { op = k; break; }
            }
            chosen[i] = op;
            weights[op] = 0;
        }
    }

    /// <summary>timm's level_to_arg functions; the order of operations is theirs.</summary>
    public static double Argument(AugmentOp op, double magnitude, bool negative, int minPosterizeBits, bool increasing = true)
    {
        double level = magnitude / 10, sign = negative ? -1 : 1;
        return op switch
        {
            AugmentOp.Rotate => sign * (level * 30),
            AugmentOp.Posterize => Math.Max(minPosterizeBits, increasing ? 4 - (int)(level * 4) : (int)(level * 4)),
            AugmentOp.Solarize => increasing ? 256 - (int)(level * 256) : (int)(level * 256),
            AugmentOp.SolarizeAdd => (int)(level * 110),
            AugmentOp.Color or AugmentOp.Contrast or AugmentOp.Brightness or AugmentOp.Sharpness => increasing ? 1 + sign * (level * 0.9) : level * 1.8 + 0.1,
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
