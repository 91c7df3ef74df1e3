using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>Values in [0, 1] to colours.</summary>
internal static class ColourMap
{
    /// <summary>The customary JET, blue to red, in RGB (behaviour.md 9).</summary>
    internal static SKColor Jet(double t)
    {
        t = Math.Clamp(t, 0, 1);
        return new(Channel(1.5 - Math.Abs(4 * t - 3)), Channel(1.5 - Math.Abs(4 * t - 2)), Channel(1.5 - Math.Abs(4 * t - 1)));
    }

    private static byte Channel(double value) => (byte)Math.Round(255 * Math.Clamp(value, 0, 1));
}
