using SemAim.Runtime;
using static TorchSharp.torch;

namespace SemAim.Models.Orders;

/// <summary>Orders by name.</summary>
public static class Orders
{
    private static readonly IOrder[] All =
    [
        new AttentionCenter(), new Attention(), new AttentionGuided(), new Stochastic(), new StochasticCenter(), new Raster(), new Zigzag(), new CenterToOut(), new OutToCenter(),
    ];

    // the original's `zigzag` goes row by row and its `raster` turns at every row's end: names that say what happens
    private static readonly Dictionary<string, string> Aliases = new() { ["row_major"] = "zigzag", ["boustrophedon"] = "raster" };

    /// <summary>Names that <see cref="Of"/> takes, the original's; <c>row_major</c> and <c>boustrophedon</c> are clear names of <c>zigzag</c> and <c>raster</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(o => o.Name), .. Aliases.Keys];

    /// <summary>The order of a name.</summary>
    /// <exception cref="UsageException">there is none</exception>
    public static IOrder Of(string name)
    {
        var own = Aliases.GetValueOrDefault(name, name);
        return All.FirstOrDefault(o => o.Name == own) ?? throw new UsageException($"--permutation_type {name}: there is no such order; choose one of {string.Join(", ", Names)}");
    }

    /// <summary>Refuses order values that are not finite: the original would let every patch see every other (behaviour.md trap 43). Reads back one value.</summary>
    /// <exception cref="RefusedException">a value is NaN or infinite</exception>
    public static void RequireFinite(Tensor rank)
    {
        using var finite = rank.isfinite();
        using var all = finite.all();
        if (!all.item<bool>()) throw new RefusedException("the order of the patches has values that are not finite, so nothing says what may be seen; the guidance map is broken");
    }
}
