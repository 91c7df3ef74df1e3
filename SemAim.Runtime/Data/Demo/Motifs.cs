namespace SemAim.Runtime.Data.Demo;

/// <summary>The ten classes of the demo set: the motif that an object is covered with, as a function of a point.</summary>
internal static class Motifs
{
    internal static readonly string[] Names = ["bars", "chevrons", "crosses", "dashes", "discs", "pluses", "rings", "slashes", "squares", "tees"];

    /// <summary>Depth inside the motif, negative outside; u (to the right), v (downwards) and the half-width of its strokes are in units of its radius.</summary>
    internal static double Depth(int kind, double u, double v, double stroke) => Names[kind] switch
    {
        "bars" => stroke - Away(u, v, 0, -1, 0, 1),
        "dashes" => stroke - Away(u, v, -1, 0, 1, 0),
        "slashes" => stroke - Away(u, v, -0.7, 0.7, 0.7, -0.7),
        "pluses" => stroke - Math.Min(Away(u, v, 0, -0.9, 0, 0.9), Away(u, v, -0.9, 0, 0.9, 0)),
        "crosses" => stroke - Math.Min(Away(u, v, -0.7, -0.7, 0.7, 0.7), Away(u, v, -0.7, 0.7, 0.7, -0.7)),
        "chevrons" => stroke - Math.Min(Away(u, v, -0.9, 0.5, 0, -0.5), Away(u, v, 0, -0.5, 0.9, 0.5)),
        "tees" => stroke - Math.Min(Away(u, v, -0.85, -0.7, 0.85, -0.7), Away(u, v, 0, -0.7, 0, 0.9)),
        "rings" => stroke - Math.Abs(Math.Sqrt(u * u + v * v) - 0.8),
        "squares" => stroke - Math.Abs(Math.Max(Math.Abs(u), Math.Abs(v)) - 0.75),
        "discs" => 0.75 - Math.Sqrt(u * u + v * v),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    // distance of a point from the stroke between two others
    private static double Away(double u, double v, double fromU, double fromV, double toU, double toV)
    {
        var (alongU, alongV) = (toU - fromU, toV - fromV);
        var at = Math.Clamp(((u - fromU) * alongU + (v - fromV) * alongV) / (alongU * alongU + alongV * alongV), 0, 1);
        var (du, dv) = (u - fromU - at * alongU, v - fromV - at * alongV);
        return Math.Sqrt(du * du + dv * dv);
    }
}
