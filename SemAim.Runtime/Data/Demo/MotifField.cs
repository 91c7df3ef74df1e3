namespace SemAim.Runtime.Data.Demo;

/// <summary>Motifs of one kind, one near each knot of a brick-like lattice: no two pictures have them in the same places.</summary>
internal readonly struct MotifField
{
    private readonly int kind;
    private readonly double radius, stroke;
    private readonly (double X, double Y, double Cos, double Sin)[] motifs;

    /// <param name="kind">index into <see cref="Motifs.Names"/></param>
    /// <param name="reach">radius of the disc to cover, pixels</param>
    /// <param name="unit">pixels for each 1/64 of the picture's side</param>
    /// <param name="rng">draws spacing, size, stroke, places and turns</param>
    internal MotifField(int kind, double reach, double unit, ref SampleRng rng)
    {
        var spacing = rng.Uniform(11, 14) * unit;
        this.kind = kind;
        radius = rng.Uniform(0.38, 0.46) * spacing;
        stroke = rng.Uniform(1.1, 1.6) * unit / radius;
        var rings = (int)Math.Ceiling(reach / (0.9 * spacing)) + 1;
        var all = new List<(double, double, double, double)>();
        for (var i = -rings; i <= rings; i++)
            for (var j = -rings; j <= rings; j++)
            {
                var (turn, right, down) = (rng.Uniform(-0.14, 0.14), rng.Uniform(-Stray, Stray), rng.Uniform(-Stray, Stray));
                var (x, y) = ((i + 0.5 * (j & 1) + right) * spacing, (0.9 * j + down) * spacing);
                if (Math.Sqrt(x * x + y * y) < reach + 1.5 * radius) all.Add((x, y, Math.Cos(turn), Math.Sin(turn)));
            }
        motifs = [.. all];
    }

    private const double Stray = 0.3;

    /// <summary>Depth inside the nearest motif, pixels, negative outside; x to the right and y downwards from the object's centre, pixels.</summary>
    internal double Depth(double x, double y)
    {
        var best = -radius;
        foreach (var motif in motifs)
        {
            var (dx, dy) = (x - motif.X, y - motif.Y);
            if (dx * dx + dy * dy > 2.25 * radius * radius) continue;
            best = Math.Max(best, radius * Motifs.Depth(kind, (dx * motif.Cos + dy * motif.Sin) / radius, (dy * motif.Cos - dx * motif.Sin) / radius, stroke));
        }
        return best;
    }
}
