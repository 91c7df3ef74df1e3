namespace SemAim.Runtime.Data.Demo;

/// <summary>The ten classes of the demo set as functions of a point: how far inside the figure it lies.</summary>
internal static class Figures
{
    internal static readonly string[] Names = ["checker", "crescent", "cross", "dots", "ring", "spiral", "star", "stripes", "triangle", "zigzag"];

    /// <summary>Parameters of one figure: three free numbers in [0, 1) and, for dots, their centres.</summary>
    internal readonly record struct Shape(int Class, double A, double B, double C, (double X, double Y)[] Dots);

    internal static Shape Draw(int kind, ref SampleRng rng)
    {
        var (a, b, c) = (rng.NextDouble(), rng.NextDouble(), rng.NextDouble());
        var dots = new (double, double)[Names[kind] == "dots" ? 7 + rng.NextInt(5) : 0];
        for (var i = 0; i < dots.Length; i++)
        {
            var (radius, angle) = (0.85 * Math.Sqrt(rng.NextDouble()), rng.Uniform(0, 2 * Math.PI));
            dots[i] = (radius * Math.Cos(angle), radius * Math.Sin(angle));
        }
        return new(kind, a, b, c, dots);
    }

    /// <summary>Depth inside the figure in units of its radius, negative outside; u and v are local coordinates in the same unit.</summary>
    internal static double Depth(in Shape shape, double u, double v)
    {
        var (r, angle) = (Math.Sqrt(u * u + v * v), Math.Atan2(v, u));
        switch (Names[shape.Class])
        {
            case "star":
                var tip = Math.Abs(Fraction(angle / (2 * Math.PI / 5)) - 0.5) * 2;               // 1 at a tip, 0 in a notch
                return 0.42 + 0.58 * tip * tip - r;
            case "ring": return 0.12 + 0.08 * shape.A - Math.Abs(r - 0.8);
            case "cross":
                var arm = 0.16 + 0.10 * shape.A;
                return Math.Max(Math.Min(arm - Math.Abs(u), 0.95 - Math.Abs(v)), Math.Min(arm - Math.Abs(v), 0.95 - Math.Abs(u)));
            case "triangle":
                var depth = double.MaxValue;
                for (var i = 0; i < 3; i++) depth = Math.Min(depth, 0.5 - u * Math.Cos(2 * Math.PI * i / 3) - v * Math.Sin(2 * Math.PI * i / 3));
                return depth;
            case "stripes":
                var period = 0.36 + 0.12 * shape.A;
                return Math.Min(Blob(shape, r, angle), (0.25 - Math.Abs(Fraction(u / period) - 0.5)) * period);
            case "checker":
                var side = 0.5 + 0.16 * shape.A;
                return Math.Min(Blob(shape, r, angle), Math.Sin(2 * Math.PI * u / side) * Math.Sin(2 * Math.PI * v / side) * side / 8);
            case "spiral":
                var pitch = 0.4 + 0.1 * shape.A;
                return Math.Min(1 - r, (0.23 - Math.Abs(Fraction(r / pitch - angle / (2 * Math.PI)) - 0.5)) * pitch);
            case "dots":
                var nearest = double.MaxValue;
                foreach (var (x, y) in shape.Dots) nearest = Math.Min(nearest, Math.Sqrt((u - x) * (u - x) + (v - y) * (v - y)));
                return 0.15 - nearest;
            case "crescent":
                var shift = u - 0.4 - 0.15 * shape.A;
                return Math.Min(1 - r, Math.Sqrt(shift * shift + v * v) - 0.8);
            default:
                var wave = 0.6 + 0.2 * shape.A;
                var height = v - (Math.Abs(Fraction(u / wave) - 0.5) - 0.25) * 1.0;
                return Math.Min(1 - Math.Max(Math.Abs(u), Math.Abs(v)), 0.11 - Math.Abs(Fraction(height / 0.6 + 0.5) - 0.5) * 0.6);
        }
    }

    private static double Blob(in Shape shape, double r, double angle) => 1 + 0.1 * Math.Sin(3 * angle + 2 * Math.PI * shape.B) - r;

    private static double Fraction(double x) => x - Math.Floor(x);
}
