using SemAim.Runtime.Tensors;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>Which tokens see which, from the rank of every patch; the first token is the class token, which sees only itself and is seen by all.</summary>
public sealed class OrderMask
{
    private readonly Sym rank;
    private readonly bool inclusive;
    private readonly Ties ties;
    private OrderMask(Sym rank, bool inclusive, Ties ties) => (this.rank, this.inclusive, this.ties) = (rank, inclusive, ties);

    /// <summary>A patch sees the patches ranked before it and itself.</summary>
    public static OrderMask UpTo(Sym rank, Ties ties = Ties.ByIndex) => new(rank, inclusive: true, ties);

    /// <summary>A patch sees only the patches ranked before it.</summary>
    public static OrderMask Before(Sym rank, Ties ties = Ties.ByIndex) => new(rank, inclusive: false, ties);

    /// <summary>The additive mask B 1 T T.</summary>
    internal Tensor Dense()
    {
        using var scope = torch.NewDisposeScope();
        // argsort is not stable; the inverse of a stable sort numbers the patches by (rank, index)
        var place = ties == Ties.Together ? rank.Value : rank.Value.sort(1, stable: true).Indices.argsort(1);
        var (rows, columns) = (place.unsqueeze(-1), place.unsqueeze(1));
        var hidden = inclusive ? rows.lt(columns) : rows.le(columns);
        var type = rank.Value.is_floating_point() ? rank.Value.dtype : torch.get_default_dtype();
        var patches = torch.zeros_like(hidden, type).masked_fill(hidden, Number.Of(double.NegativeInfinity));
        var (B, N) = (rank.Size(0), rank.Size(1));
        var cls = torch.full([B, 1, N], Number.Of(double.NegativeInfinity), type, rank.Value.device);
        return torch.cat([torch.zeros(B, N + 1, 1, type, rank.Value.device), torch.cat([cls, patches], 1)], 2).unsqueeze(1).MoveToOuterDisposeScope();
    }
}
