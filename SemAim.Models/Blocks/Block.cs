using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Encoder block: the content stream reads itself.</summary>
/// <param name="D">width of a token</param>
/// <param name="H">heads</param>
/// <param name="F">width of the hidden layer</param>
/// <param name="dropPath">rate</param>
[Module]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class Block(int D, int H, int F, double dropPath = 0) : GraphModule
{
    private readonly LayerNorm norm1 = new(D);
    private readonly SelfAttention attn = new(D, H);
    private readonly LayerNorm norm2 = new(D);
    private readonly Mlp mlp = new(D, F, D);

    /// <summary>Runs the block.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x, [Shape("B T T")] OrderMask? mask = null)
    {
        x = x + attn.Forward(norm1.Forward(x), mask).DropPath(dropPath);
        return x + mlp.Forward(norm2.Forward(x)).DropPath(dropPath);
    }

    /// <summary>How much the class token looks at each token in this block.</summary>
    [Graph]
    [return: Shape("B T")]
    public Sym ClassAttention([Shape("B T D")] Sym x) => attn.ClassAttention(norm1.Forward(x));

    /// <summary>Runs the block, and says how much the class token looks at each token in it.</summary>
    [Graph]
    [return: Shape("B T D", "B T")]
    public (Sym tokens, Sym seen) ForwardSeen([Shape("B T D")] Sym x)
    {
        var (y, seen) = attn.ForwardSeen(norm1.Forward(x));
        x = x + y;
        return (x + mlp.Forward(norm2.Forward(x)), seen);
    }

    /// <summary>Runs the block as a query block with the same weights: <paramref name="g"/> reads <paramref name="h"/>.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Query([Shape("B T D")] Sym g, [Shape("B M D")] Sym h, [Shape("B T M")] OrderMask? mask = null)
    {
        g = g + attn.Cross(norm1.Forward(g), norm1.Forward(h), mask).DropPath(dropPath);
        return g + mlp.Forward(norm2.Forward(g)).DropPath(dropPath);
    }
}
