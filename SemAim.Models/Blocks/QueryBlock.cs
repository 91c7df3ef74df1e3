using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Decoder block: the query stream reads the content stream.</summary>
/// <param name="D">width of a token</param>
/// <param name="H">heads</param>
/// <param name="F">width of the hidden layer</param>
/// <param name="dropPath">rate</param>
[Module]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class QueryBlock(int D, int H, int F, double dropPath = 0) : GraphModule
{
    private readonly LayerNorm norm1 = new(D);
    private readonly CrossAttention attn = new(D, H);
    private readonly LayerNorm norm2 = new(D);
    private readonly Mlp mlp = new(D, F, D);

    /// <summary>Runs the block: <paramref name="g"/> reads <paramref name="h"/>.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym g, [Shape("B M D")] Sym h, [Shape("B T M")] OrderMask? mask = null)
    {
        // key and value are the same normalised memory; the compiler computes norm1(h) once
        g = g + attn.Forward(norm1.Forward(g), norm1.Forward(h), norm1.Forward(h), mask).DropPath(dropPath);
        return g + mlp.Forward(norm2.Forward(g)).DropPath(dropPath);
    }
}
