using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;

namespace SemAim.Runtime.Tests.Data;

/// <summary>What a drawn picture depends on, and where its object lies.</summary>
public sealed class DemoPictureTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-demo-pictures-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_picture_does_not_depend_on_how_many_are_drawn()
    {
        var few = Written("few", new(20, 10));
        var more = Written("more", new(40, 20));
        foreach (var path in Pictures(few)) Assert.Equal(File.ReadAllBytes(Path.Combine(few, path)), File.ReadAllBytes(Path.Combine(more, path)));
    }

    [Fact]
    public void A_motif_fills_the_disc_that_its_neighbours_leave_it()
    {
        for (var kind = 0; kind < Motifs.Names.Length; kind++)
        {
            var inside = 0;
            for (var row = -60; row <= 60; row++)
                for (var column = -60; column <= 60; column++)
                {
                    var (u, v) = (column / 40.0, row / 40.0);
                    if (Motifs.Depth(kind, u, v, 0.25) <= 0) continue;
                    inside++;
                    Assert.InRange(Math.Sqrt(u * u + v * v), 0, 1.42);              // the corners of a square with its stroke
                }
            Assert.True(inside > 1000, $"{Motifs.Names[kind]} covers {inside} points");
        }
    }

    // strong edges are where ink meets body or the object meets the ground: nearly all of them lie within the noted circle and its swings
    [Fact]
    public void The_noted_circle_holds_the_motifs()
    {
        var options = new DemoSetOptions();
        for (var i = 0; i < 40; i++)
        {
            var (pixels, drawn) = DemoSet.Draw(i % 10, "val", i, options);
            double inner = 0, outer = 0;
            int innerCount = 0, outerCount = 0;
            for (var row = 0; row < 63; row++)
                for (var column = 0; column < 63; column++)
                {
                    var at = (row * 64 + column) * 4;
                    var edge = Math.Abs(pixels[at] - pixels[at + 4]) + Math.Abs(pixels[at + 1] - pixels[at + 5]) + Math.Abs(pixels[at + 2] - pixels[at + 6]);
                    var away = Math.Sqrt(Math.Pow(column + 1 - drawn.X, 2) + Math.Pow(row + 0.5 - drawn.Y, 2)) / drawn.R;
                    if (away < 0.85) (inner, innerCount) = (inner + edge, innerCount + 1);
                    if (away > 1.15) (outer, outerCount) = (outer + edge, outerCount + 1);
                }
            Assert.True(inner / innerCount > 2 * outer / Math.Max(1, outerCount), $"picture {i}: edges inside {inner / innerCount:F1}, outside {outer / Math.Max(1, outerCount):F1}");
        }
    }

    private string Written(string name, DemoSetOptions options)
    {
        var to = Path.Combine(folder, name);
        DemoSet.Write(to, options);
        return to;
    }

    private static string[] Pictures(string data)
        => [.. Directory.EnumerateFiles(data, "*.jpg", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(data, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];
}
