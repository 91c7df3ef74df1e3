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
    /// <param name="name">the original's, or a clear one</param>
    /// <param name="boxes">which boxes <c>attention_guided</c> and <c>stochastic_center</c> have</param>
    /// <exception cref="UsageException">there is none</exception>
    public static IOrder Of(string name, BoxTable boxes = BoxTable.Auto)
    {
        var own = Aliases.GetValueOrDefault(name, name);
        if (own is "saliency" or "saliency_guided") throw new UsageException($"--permutation_type {name}: the original announces this order but has no network for it, nor has this program; choose one of {string.Join(", ", Names)}");
        if (boxes == BoxTable.Corrected && own == "attention_guided") return new AttentionGuided(corrected: true);
        if (boxes == BoxTable.Corrected && own == "stochastic_center") return new StochasticCenter(corrected: true);
        return All.FirstOrDefault(o => o.Name == own) ?? throw new UsageException($"--permutation_type {name}: there is no such order; choose one of {string.Join(", ", Names)}");
    }
}
