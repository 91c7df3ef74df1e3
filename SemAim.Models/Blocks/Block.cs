using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Encoder block: the content stream reads itself.</summary>
[Module]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class Block(int D, int H, int R = 4, double dropPath = 0) : GraphModule
{
    private readonly LayerNorm norm1 = new(D);
    private readonly SelfAttention attn = new(D, H);
    private readonly LayerNorm norm2 = new(D);
    private readonly Mlp mlp = new(D, R * D, D);

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
}
