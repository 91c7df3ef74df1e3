using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Patches of an image: rows × columns, numbered row by row.</summary>
/// <param name="Rows">patches from top to bottom</param>
/// <param name="Columns">patches from left to right</param>
public readonly record struct Grid(int Rows, int Columns)
{
    /// <summary>Number of patches.</summary>
    public int Count => Rows * Columns;
}

/// <summary>The order in which patches are predicted.</summary>
public interface IOrder
{
    /// <summary>Name on the command line, the original's.</summary>
    string Name { get; }

    /// <summary>True where <see cref="Rank"/> reads a guidance map.</summary>
    bool NeedsGuidance { get; }

    /// <summary>Ranks patches; smaller is predicted earlier, ties go to the lower index.</summary>
    /// <param name="guidance">B × N, how much a patch resembles the class token; null where it is not needed</param>
    /// <param name="noise">B × N, uniform in [0, 1)</param>
    /// <param name="grid">the patches</param>
    /// <returns>B × N, fresh</returns>
    Tensor Rank(Tensor? guidance, Tensor noise, Grid grid);
}

/// <summary>Orders by name.</summary>
public static class Orders
{
    private static readonly IOrder[] All = [new AttentionCenter(), new Attention(), new Stochastic(), new Raster()];

    /// <summary>Names that <see cref="Of"/> takes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(o => o.Name)];

    /// <summary>The order of a name.</summary>
    /// <exception cref="UsageException">there is none</exception>
    public static IOrder Of(string name)
        => All.FirstOrDefault(o => o.Name == name) ?? throw new UsageException($"--permutation_type {name}: there is no such order; choose one of {string.Join(", ", Names)}");
}

/// <summary>Every patch at random (behaviour.md 2, <c>stochastic</c>).</summary>
public sealed class Stochastic : IOrder
{
    /// <inheritdoc />
    public string Name => "stochastic";

    /// <inheritdoc />
    public bool NeedsGuidance => false;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid) => noise.alias();
}

/// <summary>Rows from top to bottom, every second one backwards (behaviour.md 2; the original's name for this boustrophedon).</summary>
public sealed class Raster : IOrder
{
    /// <inheritdoc />
    public string Name => "raster";

    /// <inheritdoc />
    public bool NeedsGuidance => false;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        var place = new float[grid.Count];
        for (var row = 0; row < grid.Rows; row++)
            for (var column = 0; column < grid.Columns; column++)
                place[row * grid.Columns + column] = row * grid.Columns + (row % 2 == 0 ? column : grid.Columns - 1 - column);
        using var one = tensor(place, [1, grid.Count], device: noise.device);
        return one.repeat(noise.size(0), 1);
    }
}

/// <summary>The patches most like the class token first (behaviour.md 2, <c>attention</c>): 1 − A.</summary>
public sealed class Attention : IOrder
{
    /// <inheritdoc />
    public string Name => "attention";

    /// <inheritdoc />
    public bool NeedsGuidance => true;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid) => 1 - guidance!;
}

/// <summary>From the patch most like the class token outwards (behaviour.md 2, <c>attention_center</c>): distance plus 0.001 · noise, which only breaks ties within a ring.</summary>
public sealed class AttentionCenter : IOrder
{
    /// <inheritdoc />
    public string Name => "attention_center";

    /// <inheritdoc />
    public bool NeedsGuidance => true;

    /// <inheritdoc />
    public Tensor Rank(Tensor? guidance, Tensor noise, Grid grid)
    {
        using var scope = NewDisposeScope();
        var centre = guidance!.argmax(1, keepdim: true);                                         // B 1
        var patch = arange(grid.Count, int64, noise.device).unsqueeze(0);                        // 1 N
        var columns = (long)grid.Columns;
        var rows = (patch.div(columns, RoundingMode.floor) - centre.div(columns, RoundingMode.floor)).to(noise.dtype);
        var across = (patch.remainder(columns) - centre.remainder(columns)).to(noise.dtype);
        return ((rows.square() + across.square()).sqrt() + noise * 0.001).MoveToOuterDisposeScope();
    }
}
