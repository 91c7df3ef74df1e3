using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Windows;

/// <summary>Attention within windows of M × M tokens, with a learned bias per head.</summary>
[Module]
[Require("G % M == 0", Because = "windows tile the grid")]
[Require("D % H == 0")]
public sealed partial class WindowAttention(int D, int H, int G, int M) : GraphModule
{
    private int E => D / H;
    private int W => G / M;

    private readonly Linear qkv = new(D, 3 * D);
    private readonly Linear proj = new(D, D);
    private readonly Weight bias = new([H, M * M, M * M], Inits.Zeros);

    [Graph]
    [return: Shape("B G G D")]
    public Sym Forward([Shape("B G G D")] Sym x)
    {
        var windows = x.Rearrange("B (W M) (W' M') D -> (B W W') (M M') D", M);
        var (q, k, v) = qkv.Forward(windows).Split("N T (3 H E) -> 3 N H T E", H);
        var scores = Einsum("N H T E, N H T' E -> N H T T'", q, k) * 0.125 + bias;
        var y = Einsum("N H T S, N H S E -> N H T E", scores.Softmax("N H T [S]"), v);
        var B = x.Size(0);
        var tokens = proj.Forward(y.Rearrange("N H T E -> N T (H E)"));
        return tokens.Rearrange("(B W W') (M M') D -> B (W M) (W' M') D", W, M);
    }
}

[Module]
[Require("G % M == 0")]
[Require("D % H == 0")]
public sealed partial class WindowBlock(int D, int H, int G, int M) : GraphModule
{
    private readonly LayerNorm norm1 = new(D);
    private readonly WindowAttention attn = new(D, H, G, M);
    private readonly LayerNorm norm2 = new(D);
    private readonly Linear fc1 = new(D, 4 * D);
    private readonly Linear fc2 = new(4 * D, D);

    [Graph]
    [return: Shape("B G G D")]
    public Sym Forward([Shape("B G G D")] Sym x)
    {
        x = x + attn.Forward(norm1.Forward(x));
        return x + fc2.Forward(fc1.Forward(norm2.Forward(x)).Gelu());
    }
}

/// <summary>2 × 2 neighbours become one token of twice the width.</summary>
[Module]
[Require("G % 2 == 0")]
public sealed partial class PatchMerging(int D, int G) : GraphModule
{
    private readonly LayerNorm norm = new(4 * D);
    private readonly Linear reduction = new(4 * D, 2 * D, bias: false);
    private int K => G / 2;

    [Graph]
    [return: Shape("B K K 2*D")]
    public Sym Forward([Shape("B G G D")] Sym x) => reduction.Forward(norm.Forward(x.Rearrange("B (K 2) (K' 2') D -> B K K' (2 2' D)", K)));
}

[Module]
[Require("G % 2 == 0")]
[Require("G % M == 0")]
[Require("D % H == 0")]
public sealed partial class Stage(int D, int H, int G, int M, int L) : GraphModule
{
    private readonly Repeat<WindowBlock> blocks = new(L, _ => new WindowBlock(D, H, G, M));
    private readonly PatchMerging merge = new(D, G);
    private int K => G / 2;

    [Graph]
    [return: Shape("B K*K 2*D")]
    public Sym Forward([Shape("B G G D")] Sym x)
    {
        foreach (var block in blocks) x = block.Forward(x);
        return merge.Forward(x).Rearrange("B K K' C -> B (K K') C");
    }
}
