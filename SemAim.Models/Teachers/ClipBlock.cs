using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models.Teachers;

/// <summary>Block of CLIP's image tower (behaviour.md 4.2); the activation is x · sigmoid(1.702 · x).</summary>
[Module]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class ClipBlock(int D, int H) : GraphModule
{
    [Key("attn.in_proj_weight")]
    private readonly Weight inWeight = new([3 * D, D], Inits.XavierUniform);
    [Key("attn.in_proj_bias")]
    private readonly Weight inBias = new([3 * D], Inits.Zeros);
    [Key("attn.out_proj")]
    private readonly Linear outProj = new(D, D);
    [Key("ln_1")]
    private readonly LayerNorm norm1 = new(D, 1e-5);
    [Key("mlp.c_fc")]
    private readonly Linear fc = new(D, 4 * D);
    [Key("mlp.c_proj")]
    private readonly Linear proj = new(4 * D, D);
    [Key("ln_2")]
    private readonly LayerNorm norm2 = new(D, 1e-5);

    /// <summary>Runs the block.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var (q, k, v) = (Einsum("B T D, W D -> B T W", norm1.Forward(x), inWeight) + inBias).Split("B T (3 H E) -> 3 B H T E", H);
        x = x + outProj.Forward(Attend(q, k, v).Rearrange("B H T E -> B T (H E)"));
        return x + proj.Forward(fc.Forward(norm2.Forward(x)).QuickGelu());
    }
}
