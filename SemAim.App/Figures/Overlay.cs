using SkiaSharp;

namespace SemAim.App.Figures;

/// <summary>Lays a map of one value a patch over a picture (behaviour.md 9).</summary>
/// <param name="Colours">of the values</param>
/// <param name="Heat">share of the map's colour, 0 to 1; the paper's figure has 0.3</param>
/// <param name="Grey">shows the picture grey under the map, so that its own colours are not read as values</param>
/// <param name="Smooth">bilinear between patch centres instead of hard blocks</param>
internal sealed record Overlay(Colours Colours = Colours.Jet, double Heat = 0.45, bool Grey = true, bool Smooth = false)
{
    /// <summary>The blended picture.</summary>
    /// <param name="picture">below</param>
    /// <param name="map">one value in [0, 1] a patch, row by row; the number of patches is a square</param>
    internal Picture Blend(Picture picture, double[] map)
    {
        var side = (int)Math.Round(Math.Sqrt(map.Length));
        if (side * side != map.Length || side == 0) throw new ArgumentException($"{map.Length} patches are no square", nameof(map));
        var (size, rgb) = (picture.Size, new byte[picture.Rgb.Length]);
        SKColor[] heats = Smooth ? [] : [.. map.Select(m => ColourMap.Of(Colours, m))];
        for (var i = 0; i < size; i++)
            for (var j = 0; j < size; j++)
            {
                var at = (i * size + j) * 3;
                var heat = Smooth ? ColourMap.Of(Colours, Bilinear(map, side, (i + 0.5) * side / size - 0.5, (j + 0.5) * side / size - 0.5)) : heats[i * side / size * side + j * side / size];
                var (r, g, b) = (picture.Rgb[at], picture.Rgb[at + 1], picture.Rgb[at + 2]);
                if (Grey) r = g = b = (byte)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
                (rgb[at], rgb[at + 1], rgb[at + 2]) = (Mix(heat.Red, r), Mix(heat.Green, g), Mix(heat.Blue, b));
            }
        return new(rgb, size);
    }

    private static double Bilinear(double[] map, int side, double y, double x)
    {
        y = Math.Clamp(y, 0, side - 1);
        x = Math.Clamp(x, 0, side - 1);
        var (y0, x0) = ((int)y, (int)x);
        var (y1, x1) = (Math.Min(y0 + 1, side - 1), Math.Min(x0 + 1, side - 1));
        var (fy, fx) = (y - y0, x - x0);
        return (map[y0 * side + x0] * (1 - fx) + map[y0 * side + x1] * fx) * (1 - fy) + (map[y1 * side + x0] * (1 - fx) + map[y1 * side + x1] * fx) * fy;
    }

    private byte Mix(byte heat, byte pixel) => (byte)Math.Clamp(Math.Round(Heat * heat + (1 - Heat) * pixel), 0, 255);
}
