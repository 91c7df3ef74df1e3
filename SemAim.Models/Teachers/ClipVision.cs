using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models.Teachers;

/// <summary>CLIP's image tower with the names of its public checkpoint below <c>visual.</c> (behaviour.md 4.2); all tokens are normalised and projected.</summary>
/// <param name="S">side of the picture, pixels</param>
/// <param name="P">side of a patch, pixels</param>
/// <param name="D">width</param>
/// <param name="H">heads; the public towers have D / 64</param>
/// <param name="L">blocks</param>
/// <param name="O">width of the projection</param>
[Module]
[Require("S % P == 0", Because = "patches tile the image")]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class ClipVision(int S, int P, int D, int H, int L, int O) : GraphModule
{
    private static int Grid(int S, int P) => S / P;
    private static int Tokens(int S, int P) => Grid(S, P) * Grid(S, P) + 1;

    private int G => Grid(S, P);          // patches per side
    private int N => G * G;               // patches
    private int T => Tokens(S, P);        // patches and the class token

    private readonly Weight classEmbedding = new([D], Inits.Normal(0.02));
    private readonly Weight positionalEmbedding = new([Tokens(S, P), D], Inits.Normal(0.02));
    [Key("proj")]
    private readonly Weight projection = new([D, O], Inits.Normal(0.02));
    [Key("conv1.weight")]
    private readonly Weight patch = new([D, 3, P, P], Inits.Normal(0.02));
    private readonly LayerNorm lnPre = new(D, 1e-5);
    [Key("transformer.resblocks")]
    private readonly Repeat<ClipBlock> blocks = new(L, i => new ClipBlock(D, H));
    private readonly LayerNorm lnPost = new(D, 1e-5);

    /// <summary>Encodes pictures normalised with CLIP's own mean and deviation.</summary>
    [Graph]
    [return: Shape("B T O")]
    public Sym Forward([Shape("B 3 S S")] Sym images)
    {
        var B = images.Size(0);
        var patches = images.Rearrange("B 3 (G P) (G' P') -> B (G G') (3 P P')", P);
        var x = Einsum("B N C, D C -> B N D", patches, patch.Value.Rearrange("D 3 P P' -> D (3 P P')"));
        var cls = classEmbedding.Value.Rearrange("D -> 1 1 D").Expand("1 1 D -> B 1 D", B);
        var h = lnPre.Forward(Concat("B [T] D", cls, x) + positionalEmbedding);
        for (var i = 0; i < L; i++) h = blocks[i].Forward(h);
        return Einsum("B T D, D O -> B T O", lnPost.Forward(h), projection);
    }

    /// <summary>CLIP ViT-B/16.</summary>
    [Variant("clip_vit_base_patch16")]
    public static ClipVision Base() => new(S: 224, P: 16, D: 768, H: 12, L: 12, O: 512);
}
