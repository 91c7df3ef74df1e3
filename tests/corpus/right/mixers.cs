using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Mixers;

/// <summary>Mixes tokens by a transposed dense layer.</summary>
[Module]
public sealed partial class MixerLayer(int N, int D, int F, int C) : GraphModule
{
    private readonly LayerNorm norm1 = new(D);
    private readonly Linear token1 = new(N, F);
    private readonly Linear token2 = new(F, N);
    private readonly LayerNorm norm2 = new(D);
    private readonly Linear channel1 = new(D, C);
    private readonly Linear channel2 = new(C, D);

    [Graph]
    [return: Shape("B N D")]
    public Sym Forward([Shape("B N D")] Sym x)
    {
        var y = norm1.Forward(x).Rearrange("B N D -> B D N");
        x += token2.Forward(token1.Forward(y).Gelu()).Rearrange("B D N -> B N D");
        return x + channel2.Forward(channel1.Forward(norm2.Forward(x)).Gelu());
    }
}

[Module]
[Require("S % P == 0")]
public sealed partial class MlpMixer(int S, int P, int D, int L, int K) : GraphModule
{
    private static int Grid(int S, int P) => S / P;
    private readonly Conv2d stem = new(3, D, kernel: P, stride: P);
    private readonly Repeat<MixerLayer> layers = new(L, i => new MixerLayer(Grid(S, P) * Grid(S, P), D, 256, 4 * D));
    private readonly LayerNorm norm = new(D);
    private readonly Linear head = new(D, K);

    [Graph(Capture = true)]
    [return: Shape("B K")]
    public Sym Forward([Shape("B 3 S S")] Sym images)
    {
        var x = stem.Forward(images).Rearrange("B D G G' -> B (G G') D");
        for (var i = 0; i < L; i++) x = layers[i].Forward(x);
        return head.Forward(norm.Forward(x).Mean("B [N] D"));
    }

    [Variant("mixer_s16")] public static MlpMixer Small() => new(S: 224, P: 16, D: 512, L: 8, K: 1000);
}

/// <summary>Spatial gating: half of the channels gate the other half.</summary>
[Module]
[Require("F % 2 == 0")]
public sealed partial class GatedMlp(int N, int D, int F) : GraphModule
{
    private static int Half(int F) => F / 2;
    private int E => F / 2;
    private readonly LayerNorm norm = new(D);
    private readonly Linear up = new(D, F);
    private readonly LayerNorm gateNorm = new(Half(F));
    private readonly Linear spatial = new(N, N);
    private readonly Linear down = new(Half(F), D);

    [Graph]
    [return: Shape("B N D")]
    public Sym Forward([Shape("B N D")] Sym x)
    {
        var (u, v) = up.Forward(norm.Forward(x)).Gelu().Split("B N (2 E) -> 2 B N E");
        var gate = spatial.Forward(gateNorm.Forward(v).Rearrange("B N E -> B E N")).Rearrange("B E N -> B N E");
        return x + down.Forward(u * (gate + 1));
    }
}

/// <summary>Pooling as token mixer.</summary>
[Module]
public sealed partial class PoolFormer(int D) : GraphModule
{
    private readonly LayerNorm norm = new(D);
    private readonly Weight scale = new([D], Inits.Ones);

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var y = norm.Forward(x);
        var pooled = y.Mean("B [T] D", keep: true) - y;
        return x + pooled * scale;
    }
}
