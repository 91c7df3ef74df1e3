using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Autoregressive image model: an encoder (content stream) and a parallel query decoder (behaviour.md 1).</summary>
/// <param name="Y">height of the picture, pixels</param>
/// <param name="X">width of the picture, pixels</param>
/// <param name="P">side of a patch, pixels</param>
/// <param name="D">width</param>
/// <param name="H">heads</param>
/// <param name="F">width of a hidden layer, in blocks and in the head</param>
/// <param name="L">encoder blocks</param>
/// <param name="Q">query blocks</param>
/// <param name="M">encoder blocks before each query block; where Q·M is less than L, the last encoder blocks serve the guidance only (behaviour.md 1.6)</param>
/// <param name="O">values predicted for a patch: 3·P² pixels, or the width of a feature target</param>
/// <param name="dropPath">rate of the last block; rates rise linearly from 0</param>
/// <param name="linearHead">one dense layer predicts (LINEAR) instead of two (MLP)</param>
/// <param name="shareWeight">the encoder's blocks are the query blocks too (behaviour.md 1.2); their weights have both names and are counted once</param>
[Module]
[Require("Y % P == 0", Because = "patches tile the image")]
[Require("X % P == 0", Because = "patches tile the image")]
[Require("D % H == 0", Because = "every head gets D / H channels")]
[Require("D % 4 == 0", Because = "a position is the sine and cosine of a column and of a row")]
[Require("L >= Q * M", Because = "a query block follows every M encoder blocks")]
[Require("L >= Q", Because = "a query block follows one encoder block at least")]
[Require("L < Q * M + M", Because = "query blocks follow as long as M encoder blocks are left")]
public sealed partial class AimViT(int Y, int X, int P, int D, int H, int F, int L, int Q, int M, int O, double dropPath = 0, bool linearHead = false, bool shareWeight = false) : GraphModule
{
    private static int TokenCount(int Y, int X, int P) => (Y / P) * (X / P) + 1;
    private static double Rate(double last, int i, int L) => L > 1 ? last * i / (L - 1) : 0;

    private int G => Y / P;               // rows of patches
    private int K => X / P;               // columns of patches
    private int N => G * K;               // patches
    private int T => TokenCount(Y, X, P);     // patches and the class token

    /// <summary>A model of square pictures whose hidden layers are R times as wide as a token.</summary>
    /// <param name="S">side of the picture, pixels</param>
    /// <param name="P">side of a patch, pixels</param>
    /// <param name="D">width</param>
    /// <param name="H">heads</param>
    /// <param name="L">encoder blocks</param>
    /// <param name="Q">query blocks, one of <see cref="QueryDepths"/>; each stands after L div Q encoder blocks</param>
    /// <param name="O">values predicted for a patch</param>
    /// <param name="R">width of a hidden layer, in D</param>
    /// <param name="dropPath">rate of the last block</param>
    /// <param name="linearHead">one dense layer predicts instead of two</param>
    /// <param name="shareWeight">the encoder's blocks are the query blocks too</param>
    /// <exception cref="ArgumentException">Q does not fit L; the message lists what does</exception>
    public AimViT(int S, int P, int D, int H, int L, int Q, int O, int R = 4, double dropPath = 0, bool linearHead = false, bool shareWeight = false)
        : this(S, S, P, D, H, R * D, L, Q, BlocksBeforeQuery(L, Q), O, dropPath, linearHead, shareWeight)
    {
    }

    [Key("patch_embed.proj")]
    private readonly Conv2d patch = new(3, D, kernel: P, stride: P);
    private readonly Weight clsToken = new([1, 1, D], Inits.Normal(0.02));
    private readonly Constant posEmbed = new([1, TokenCount(Y, X, P), D], Inits.SinCos(Y / P, X / P));
    private readonly Repeat<Block> blocks = new(L, i => new Block(D, H, F, Rate(dropPath, i, L)));
    private readonly Repeat<QueryBlock> queryBlocks = new(Q, i => new QueryBlock(D, H, F, Rate(dropPath, i, L)));
    private readonly LayerNorm norm = new(D);
    private readonly PredictionHead predictionHead = new(D, F, O, linearHead);

#pragma warning disable SEM0503 // the pictures of a batch stay on the device between replays: that is what a capture is for
    [Graph(Capture = true, Cuts = true)]
    [return: Shape("B N O")]
    internal Sym PredictMlp([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Forward(Decode(images, rank));
#pragma warning restore SEM0503

    [Graph(Cuts = true)]
    [return: Shape("B N O")]
    internal Sym PredictLinear([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Direct(Decode(images, rank));

    [Graph]
    [return: Shape("B N D")]
    private Sym Decode([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank)
    {
        var B = images.Size(0);
        var h = Embed(images);
        var g = posEmbed.Value.Expand("1 T D -> B T D", B);
        for (var s = 0; s < Q; s++)
        {
            for (var i = 0; i < M; i++)
                h = blocks[s * M + i].Forward(h, OrderMask.UpTo(rank));
            g = queryBlocks[s].Forward(g, h, OrderMask.Before(rank));
        }
        return norm.Forward(g)["B [1..] D"];
    }

    [Graph]
    [return: Shape("B N O")]
    internal Sym PredictTiedMlp([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Forward(DecodeTied(images, rank));

    [Graph]
    [return: Shape("B N O")]
    internal Sym PredictTiedLinear([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank) => predictionHead.Direct(DecodeTied(images, rank));

    [Graph]
    [return: Shape("B N D")]
    private Sym DecodeTied([Shape("B 3 Y X")] Sym images, [Shape("B N")] Sym rank)
    {
        var B = images.Size(0);
        var h = Embed(images);
        var g = posEmbed.Value.Expand("1 T D -> B T D", B);
        for (var s = 0; s < Q; s++)
        {
            for (var i = 0; i < M; i++)
                h = blocks[s * M + i].Forward(h, OrderMask.UpTo(rank, Ties.Together));
            g = queryBlocks[s].Forward(g, h, OrderMask.Before(rank, Ties.Together));
        }
        return norm.Forward(g)["B [1..] D"];
    }

    /// <summary>Encodes an image and says how much each patch resembles the class token.</summary>
    [Graph]
    [return: Shape("B T D", "B N")]
    public (Sym tokens, Sym guidance) Encode([Shape("B 3 Y X")] Sym images)
    {
        var h = Embed(images);
        for (var i = 0; i < L; i++) h = blocks[i].Forward(h);
        var unit = norm.Forward(h).Normalize("B T [D]");
        var guidance = Einsum("B D, B N D -> B N", unit["B [0] D"], unit["B [1..] D"]).Softmax("B [N]");
        return (norm.Forward(h), guidance);
    }

    /// <summary>Encodes an image.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Tokens([Shape("B 3 Y X")] Sym images)
    {
        var h = Embed(images);
        for (var i = 0; i < L; i++) h = blocks[i].Forward(h);
        return norm.Forward(h);
    }

    /// <summary>Encodes an image and says how much each patch resembles the mean of all patches.</summary>
    [Graph]
    [return: Shape("B T D", "B N")]
    public (Sym tokens, Sym guidance) EncodeGap([Shape("B 3 Y X")] Sym images)
    {
        var h = Embed(images);
        for (var i = 0; i < L; i++) h = blocks[i].Forward(h);
        var tokens = norm.Forward(h);
        var middle = tokens["B [1..] D"].Mean("B [N] D").Normalize("B [D]");
        var guidance = Einsum("B D, B N D -> B N", middle, tokens.Normalize("B T [D]")["B [1..] D"]).Softmax("B [N]");
        return (tokens, guidance);
    }

    /// <summary>Encodes an image and says how much the class token looks at each patch in the last block, which is computed once.</summary>
    [Graph]
    [return: Shape("B T D", "B N")]
    public (Sym tokens, Sym guidance) EncodeSelf([Shape("B 3 Y X")] Sym images)
    {
        var h = Embed(images);
        for (var i = 0; i < L - 1; i++) h = blocks[i].Forward(h);
        var (y, seen) = blocks[L - 1].ForwardSeen(h);
        return (norm.Forward(y), seen["B [1..]"]);
    }

    /// <summary>How much the class token looks at each patch in the last block.</summary>
    [Graph]
    [return: Shape("B N")]
    public Sym SelfAttentionMap([Shape("B 3 Y X")] Sym images)
    {
        var h = Embed(images);
        for (var i = 0; i < L - 1; i++) h = blocks[i].Forward(h);
        return blocks[L - 1].ClassAttention(h)["B [1..]"];
    }

    /// <summary>Mean squared error against pixels normalised patch by patch.</summary>
    [Graph]
    [return: Shape("", "B N")]
    public (Sym loss, Sym perPatch) Loss([Shape("B N 3*P*P")] Sym predicted, [Shape("B 3 Y X")] Sym images)
    {
        var error = (predicted - NormalisedPatches(images)).Pow(2).Mean("B N [C]");
        return (error.Mean(), error);
    }

    /// <summary>Mean absolute error against pixels normalised patch by patch.</summary>
    [Graph]
    [return: Shape("", "B N")]
    public (Sym loss, Sym perPatch) AbsoluteLoss([Shape("B N 3*P*P")] Sym predicted, [Shape("B 3 Y X")] Sym images)
    {
        var error = (predicted - NormalisedPatches(images)).Abs().Mean("B N [C]");
        return (error.Mean(), error);
    }

    /// <summary>Mean squared error against pixels.</summary>
    [Graph]
    [return: Shape("", "B N")]
    public (Sym loss, Sym perPatch) RawLoss([Shape("B N 3*P*P")] Sym predicted, [Shape("B 3 Y X")] Sym images)
    {
        var error = (predicted - Patches(images)).Pow(2).Mean("B N [C]");
        return (error.Mean(), error);
    }

    /// <summary>Mean absolute error against pixels.</summary>
    [Graph]
    [return: Shape("", "B N")]
    public (Sym loss, Sym perPatch) RawAbsoluteLoss([Shape("B N 3*P*P")] Sym predicted, [Shape("B 3 Y X")] Sym images)
    {
        var error = (predicted - Patches(images)).Abs().Mean("B N [C]");
        return (error.Mean(), error);
    }

    /// <summary>Pixels by patch: row, column, channel within a patch (behaviour.md 4.1).</summary>
    [Graph]
    [return: Shape("B N 3*P*P")]
    public Sym Patches([Shape("B 3 Y X")] Sym images) => images.Rearrange("B 3 (G P) (K P') -> B (G K) (P P' 3)", P);

    [Graph]
    [return: Shape("B N 3*P*P")]
    private Sym NormalisedPatches([Shape("B 3 Y X")] Sym images)
    {
        var target = images.Rearrange("B 3 (G P) (K P') -> B (G K) (P P' 3)", P);
        return (target - target.Mean("B N [C]", keep: true)) / (target.Var("B N [C]", keep: true) + 1e-6).Pow(0.5);
    }

    [Graph]
    [return: Shape("B T D")]
    private Sym Embed([Shape("B 3 Y X")] Sym images)
    {
        var B = images.Size(0);
        var x = patch.Forward(images).Rearrange("B D G K -> B (G K) D") + posEmbed.Value["1 [1..] D"];
        var cls = clsToken + posEmbed.Value["1 [..1] D"];
        return Concat("B [T] D", cls.Expand("1 1 D -> B 1 D", B), x);
    }

    /// <inheritdoc />
    protected override GraphModule? SameAs(string path) => shareWeight && path == "query_blocks" ? blocks : null;

    /// <summary>Height of a picture, pixels.</summary>
    public int ImageSize => Y;

    /// <summary>Side of a patch, pixels.</summary>
    public int PatchSize => P;

    /// <summary>Width of a token.</summary>
    public int Width => D;

    /// <summary>Values predicted for a patch.</summary>
    public int PredictedWidth => O;

    /// <summary>Blocks of the encoder.</summary>
    public int EncoderBlocks => L;

    /// <summary>Blocks of the query decoder.</summary>
    public int QueryBlocks => Q;

    /// <summary>The first encoder block that no query block reads: it is run for guidance and features and has no gradient in pretraining; <see cref="EncoderBlocks"/> where there is none.</summary>
    public int FirstTrailingBlock => Q * M;

    /// <summary>The numbers of query blocks that fit a number of encoder blocks: L div (L div Q) = Q (behaviour.md 1.6).</summary>
    public static IReadOnlyList<int> QueryDepths(int encoderBlocks) => [.. Enumerable.Range(1, encoderBlocks).Where(q => encoderBlocks / (encoderBlocks / q) == q)];

    internal static int BlocksBeforeQuery(int L, int Q)
        => QueryDepths(L).Contains(Q) ? L / Q : throw new ArgumentException($"{Q} query blocks do not fit {L} encoder blocks; choose one of {string.Join(", ", QueryDepths(L))}", nameof(Q));

    /// <summary>The demo's model.</summary>
    [Variant("aim_tiny")]
    public static AimViT Tiny(double dropPath = 0) => new(Y: 64, X: 64, P: 8, D: 64, H: 4, F: 256, L: 3, Q: 1, M: 3, O: 192, dropPath: dropPath);

    /// <summary>aim_base.</summary>
    [Variant("aim_base")]
    public static AimViT Base(double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 768, H: 12, F: 3072, L: 12, Q: 12, M: 1, O: 768, dropPath: dropPath);

    /// <summary>aim_large.</summary>
    [Variant("aim_large")]
    public static AimViT Large(double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 1024, H: 16, F: 4096, L: 24, Q: 12, M: 2, O: 768, dropPath: dropPath);

    /// <summary>aim_huge.</summary>
    [Variant("aim_huge")]
    public static AimViT Huge(double dropPath = 0) => new(Y: 224, X: 224, P: 16, D: 1280, H: 16, F: 5120, L: 32, Q: 16, M: 2, O: 768, dropPath: dropPath);
}
