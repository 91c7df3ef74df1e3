using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Mae;

[Module]
[Require("D % H == 0")]
public sealed partial class Attention(int D, int H) : GraphModule
{
    private int E => D / H;
    private readonly Linear qkv = new(D, D * 3);
    private readonly Linear proj = new(D, D);

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
        return proj.Forward(Attend(q, k, v).Rearrange("B H T E -> B T (H E)"));
    }
}

[Module]
[Require("D % H == 0")]
public sealed partial class Layer(int D, int H) : GraphModule
{
    private readonly LayerNorm norm1 = new(D);
    private readonly Attention attn = new(D, H);
    private readonly LayerNorm norm2 = new(D);
    private readonly Linear fc1 = new(D, 4 * D);
    private readonly Linear fc2 = new(4 * D, D);

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var y = x + attn.Forward(norm1.Forward(x));
        return y + fc2.Forward(fc1.Forward(norm2.Forward(y)).Gelu());
    }
}

/// <summary>Encodes the K kept patches; the decoder sees all N, with a mask token where one was dropped.</summary>
[Module]
[Require("S % P == 0")]
[Require("D % H == 0")]
[Require("C % A == 0")]
[Require("K <= N")]
public sealed partial class MaskedAutoencoder(int S, int P, int D, int H, int L, int C, int A, int R, int K) : GraphModule
{
    private static int Patches(int S, int P) => S / P * (S / P);
    private int G => S / P;
    private int N => G * G;

    private readonly Linear embed = new(3 * P * P, D);
    private readonly Weight clsToken = new([1, 1, D], Inits.Normal(0.02));
    private readonly Weight maskToken = new([1, 1, C], Inits.Normal(0.02));
    private readonly Weight posEmbed = new([1, Patches(S, P), D], Inits.Normal(0.02));
    private readonly Weight decoderPos = new([1, Patches(S, P) + 1, C], Inits.Normal(0.02));
    private readonly Repeat<Layer> encoder = new(L, i => new Layer(D, H));
    private readonly LayerNorm norm = new(D);
    private readonly Linear bridge = new(D, C);
    private readonly Repeat<Layer> decoder = new(R, i => new Layer(C, A));
    private readonly Linear head = new(C, 3 * P * P);

    [Graph]
    [return: Shape("", "B N 3*P*P")]
    public (Sym loss, Sym predicted) Reconstruct([Shape("B 3 S S")] Sym images, [Shape("B N")] Sym noise)
    {
        var B = images.Size(0);
        var order = noise.Sort("B [N]");
        var back = order.Sort("B [N]");
        var target = images.Rearrange("B 3 (G P) (G' P') -> B (G G') (P P' 3)", P);
        var x = embed.Forward(target) + posEmbed;
        var kept = x.Gather("B [N] D", order["B [..K]", K]);
        var h = Concat("B [T] D", clsToken.Value.Expand("1 1 D -> B 1 D", B), kept);
        for (var i = 0; i < L; i++) h = encoder[i].Forward(h);
        h = bridge.Forward(norm.Forward(h));
        var visible = h["B [1..] C"];
        var all = Concat("B [N] C", visible, maskToken.Value.Expand("1 1 C -> B N C", B, N)["B [K..] C", K]);
        var restored = all.Gather("B [N] C", back);
        var z = Concat("B [t] C", h["B [..1] C"], restored) + decoderPos;
        for (var i = 0; i < R; i++) z = decoder[i].Forward(z);
        var predicted = head.Forward(z)["B [1..] O"];
        var error = (predicted - target).Pow(2).Mean("B N [O]");
        return (error.Mean(), predicted);
    }
}
