using SemAim.Dsl;
using static SemAim.Dsl.Ops;
using static TorchSharp.torch;

namespace SemAim.Models;

/// <summary>Vision transformer for classification, features and as DINO teacher (behaviour.md 6.1); names are the pretraining model's wherever both have a weight.</summary>
/// <param name="Y">height of the picture, pixels</param>
/// <param name="X">width of the picture, pixels</param>
/// <param name="P">side of a patch, pixels</param>
/// <param name="D">width</param>
/// <param name="H">heads</param>
/// <param name="F">width of a block's hidden layer</param>
/// <param name="L">blocks</param>
/// <param name="K">classes</param>
/// <param name="globalPool">features are the normalised mean of the patches (<c>fc_norm</c>) instead of the normalised class token (<c>norm</c>)</param>
/// <param name="headless">no classifier</param>
/// <param name="dropPath">rate of the last block; rates rise linearly from 0</param>
[Module]
[Require("Y % P == 0", Because = "patches tile the image")]
[Require("X % P == 0", Because = "patches tile the image")]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class VisionTransformer(int Y, int X, int P, int D, int H, int F, int L, int K, bool globalPool = false, bool headless = false, double dropPath = 0) : GraphModule
{
    private static int Tokens(int Y, int X, int P) => (Y / P) * (X / P) + 1;
    private static double Rate(double last, int i, int L) => L > 1 ? last * i / (L - 1) : 0;

    private int G => Y / P;               // rows of patches
    private int C => X / P;               // columns of patches
    private int N => G * C;               // patches
    private int T => Tokens(Y, X, P);     // patches and the class token

    /// <summary>A model of square pictures whose hidden layers are R times as wide as a token.</summary>
    /// <param name="S">side of the picture, pixels</param>
    /// <param name="P">side of a patch, pixels</param>
    /// <param name="D">width</param>
    /// <param name="H">heads</param>
    /// <param name="L">blocks</param>
    /// <param name="K">classes</param>
    /// <param name="R">width of a block's hidden layer, in D</param>
    /// <param name="globalPool">features are the normalised mean of the patches</param>
    /// <param name="headless">no classifier</param>
    /// <param name="dropPath">rate of the last block</param>
    public VisionTransformer(int S, int P, int D, int H, int L, int K = 1000, int R = 4, bool globalPool = false, bool headless = false, double dropPath = 0)
        : this(S, S, P, D, H, R * D, L, K, globalPool, headless, dropPath)
    {
    }

    private readonly Weight clsToken = new([1, 1, D], Inits.Normal(0.02));
    private readonly Weight posEmbed = new([1, Tokens(Y, X, P), D], Inits.Normal(0.02));
    [Key("patch_embed.proj")]
    private readonly Conv2d patch = new(3, D, kernel: P, stride: P);
    private readonly Repeat<Block> blocks = new(L, i => new Block(D, H, F, Rate(dropPath, i, L)));
    private readonly LayerNorm norm = new(D);
    private readonly Linear head = new(D, K);
    private readonly LayerNorm fcNorm = new(D);

#pragma warning disable SEM0503 // the pictures of a batch stay on the device between replays: that is what a capture is for
    /// <summary>Classifies pictures.</summary>
    [Graph(Capture = true)]
    [return: Shape("B K")]
    public Sym Forward([Shape("B 3 Y X")] Sym images) => head.Forward(Pool(images));
#pragma warning restore SEM0503

    /// <summary>What the classifier sees.</summary>
    [Graph]
    [return: Shape("B D")]
    public Sym Features([Shape("B 3 Y X")] Sym images) => Pool(images);

    /// <summary>All tokens after the final norm; for an instance without global pool.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Encode([Shape("B 3 Y X")] Sym images) => norm.Forward(Embed(images));

    [Graph]
    [return: Shape("B D")]
    private Sym Pool([Shape("B 3 Y X")] Sym images)
    {
        var h = Embed(images);
        var y = h["B [0] D"];
        if (globalPool) y = fcNorm.Forward(h["B [1..] D"].Mean("B [N] D"));
        else y = norm.Forward(y);
        return y;
    }

    [Graph]
    [return: Shape("B T D")]
    private Sym Embed([Shape("B 3 Y X")] Sym images)
    {
        var B = images.Size(0);
        var x = patch.Forward(images).Rearrange("B D G C -> B (G C) D");
        var h = Concat("B [T] D", clsToken.Value.Expand("1 1 D -> B 1 D", B), x) + posEmbed;
        for (var i = 0; i < L; i++) h = blocks[i].Forward(h);
        return h;
    }

    /// <summary>Height of a picture, pixels.</summary>
    public int ImageSize => Y;

    /// <summary>Width of a token.</summary>
    public int Width => D;

    /// <summary>Blocks.</summary>
    public int Blocks => L;

    /// <inheritdoc />
    protected override bool Holds(string path) => path switch
    {
        "norm" => !globalPool,
        "fc_norm" => globalPool,
        "head" => !headless,
        _ => true,
    };

    /// <summary>Fills the weights as timm does: dense weights N(0, 0.02²), the patch convolution uniform within 1/√(3·P²) (behaviour.md 6.1).</summary>
    /// <returns>this model</returns>
    public VisionTransformer Initialise()
    {
        using var guard = no_grad();
        foreach (var slot in Slots())
        {
            if (slot.Owner is Linear && slot.Local == "weight") nn.init.normal_(slot.Weight.Tensor, 0, 0.02);
            else if (slot.Owner is Conv2d) nn.init.uniform_(slot.Weight.Tensor, -1 / Math.Sqrt(3 * P * P), 1 / Math.Sqrt(3 * P * P));
        }
        return this;
    }

    /// <summary>Fills the classifier anew: N(0, std²) (behaviour.md 6.2; without the outliers of trap 29), bias 0.</summary>
    /// <returns>this model</returns>
    public VisionTransformer InitialiseHead(double std)
    {
        using var guard = no_grad();
        nn.init.normal_(head.Weight, 0, std);
        nn.init.zeros_(head.Bias!);
        return this;
    }

    /// <summary>vit_tiny: takes the encoder of the demo's aim_tiny.</summary>
    [Variant("vit_tiny")]
    public static VisionTransformer Tiny(int classes = 10, bool globalPool = false, double dropPath = 0) => new(Y: 64, X: 64, P: 8, D: 64, H: 4, F: 256, L: 3, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_small_patch16.</summary>
    [Variant("vit_small_patch16")]
    public static VisionTransformer Small(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 384, H: 6, F: 1536, L: 12, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_small_patch14.</summary>
    [Variant("vit_small_patch14")]
    public static VisionTransformer SmallOfPatch14(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 14, D: 384, H: 6, F: 1536, L: 12, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_base_patch16.</summary>
    [Variant("vit_base_patch16")]
    public static VisionTransformer Base(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 768, H: 12, F: 3072, L: 12, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_base_patch14.</summary>
    [Variant("vit_base_patch14")]
    public static VisionTransformer BaseOfPatch14(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 14, D: 768, H: 12, F: 3072, L: 12, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_large_patch16.</summary>
    [Variant("vit_large_patch16")]
    public static VisionTransformer Large(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 1024, H: 16, F: 4096, L: 24, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_large_patch14.</summary>
    [Variant("vit_large_patch14")]
    public static VisionTransformer LargeOfPatch14(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 14, D: 1024, H: 16, F: 4096, L: 24, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_huge_patch14.</summary>
    [Variant("vit_huge_patch14")]
    public static VisionTransformer Huge(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 14, D: 1280, H: 16, F: 5120, L: 32, K: classes, globalPool: globalPool, dropPath: dropPath);

    /// <summary>vit_huge_patch16: takes the weights of aim_huge, whose patches have 16 pixels.</summary>
    [Variant("vit_huge_patch16")]
    public static VisionTransformer HugeOfAim(int classes = 1000, bool globalPool = false, double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 1280, H: 16, F: 5120, L: 32, K: classes, globalPool: globalPool, dropPath: dropPath);
}
