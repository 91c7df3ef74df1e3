using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>Which colours a map is drawn in.</summary>
internal enum Colours
{
    /// <summary>The customary rainbow of the paper's figure.</summary>
    Jet,

    /// <summary>Perceptually even, dark blue to yellow; also readable without colour vision and in grey print.</summary>
    Viridis,

    /// <summary>Perceptually even, black to cream.</summary>
    Magma,
}

/// <summary>Values in [0, 1] to colours.</summary>
internal static class ColourMap
{
    // control points published by matplotlib under CC0, evenly spaced in [0, 1]
    private static readonly SKColor[] ViridisPoints = Points(0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6dcd59, 0xb4de2c, 0xfde725);
    private static readonly SKColor[] MagmaPoints = Points(0x000004, 0x180f3d, 0x440f76, 0x721f81, 0x9e2f7f, 0xcd4071, 0xf1605d, 0xfd9668, 0xfeca8d, 0xfcfdbf);

    /// <summary>The colour of a value; values outside [0, 1] count as the nearer end, NaN as 0.</summary>
    internal static SKColor Of(Colours colours, double t) => colours switch
    {
        Colours.Viridis => Between(ViridisPoints, t),
        Colours.Magma => Between(MagmaPoints, t),
        _ => Jet(t),
    };

    /// <summary>The customary JET, blue to red, in RGB (behaviour.md 9).</summary>
    internal static SKColor Jet(double t)
    {
        t = Unit(t);
        return new(Channel(1.5 - Math.Abs(4 * t - 3)), Channel(1.5 - Math.Abs(4 * t - 2)), Channel(1.5 - Math.Abs(4 * t - 1)));
    }

    private static SKColor Between(SKColor[] points, double t)
    {
        var place = Unit(t) * (points.Length - 1);
        var low = Math.Min((int)place, points.Length - 2);
        var (a, b, f) = (points[low], points[low + 1], place - low);
        return new(Mix(a.Red, b.Red, f), Mix(a.Green, b.Green, f), Mix(a.Blue, b.Blue, f));
    }

    private static byte Mix(byte a, byte b, double f) => (byte)Math.Round(a + (b - a) * f);

    private static byte Channel(double value) => (byte)Math.Round(255 * Math.Clamp(value, 0, 1));

    private static double Unit(double t) => double.IsNaN(t) ? 0 : Math.Clamp(t, 0, 1);

    private static SKColor[] Points(params ReadOnlySpan<uint> rgb)
    {
        var points = new SKColor[rgb.Length];
        for (var i = 0; i < rgb.Length; i++) points[i] = new(0xff000000 | rgb[i]);
        return points;
    }
}
