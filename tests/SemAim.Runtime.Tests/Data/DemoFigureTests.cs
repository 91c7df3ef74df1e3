using SemAim.Runtime.Data;
using SemAim.Runtime.Data.Demo;

namespace SemAim.Runtime.Tests.Data;

/// <summary>What a drawn picture depends on, and where its figure lies.</summary>
public sealed class DemoFigureTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-demo-figures-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_picture_does_not_depend_on_how_many_are_drawn()
    {
        var few = Written("few", new(20, 10));
        var more = Written("more", new(40, 20));
        foreach (var path in Pictures(few)) Assert.Equal(File.ReadAllBytes(Path.Combine(few, path)), File.ReadAllBytes(Path.Combine(more, path)));
    }

    // a crescent's thickest part lies off its centre and a ring is hollow: what is asked of all classes is that the noted circle holds the figure
    [Fact]
    public void The_noted_circle_holds_the_figure()
    {
        for (var kind = 0; kind < Figures.Names.Length; kind++)
        {
            var rng = new SampleRng(3, 0, (ulong)kind, RngStream.Drawing);
            var shape = Figures.Draw(kind, ref rng);
            var inside = 0;
            for (var row = -60; row <= 60; row++)
                for (var column = -60; column <= 60; column++)
                {
                    var (u, v) = (column / 40.0, row / 40.0);
                    if (Figures.Depth(shape, u, v) <= 0) continue;
                    inside++;
                    Assert.InRange(Math.Sqrt(u * u + v * v), 0, 1.42);              // zigzag fills a square of the circle's side
                }
            Assert.True(inside > 200, $"{Figures.Names[kind]} covers {inside} points");
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
