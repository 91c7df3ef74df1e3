using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Tokens;

/// <summary>Class and distillation tokens, two heads.</summary>
[Module]
[Require("S % P == 0")]
public sealed partial class Distilled(int S, int P, int D, int K) : GraphModule
{
    private static int N(int S, int P) => S / P * (S / P);
    private int M => S / P * (S / P);
    private readonly Conv2d patch = new(3, D, P, P);
    private readonly Weight cls = new([1, 1, D], Inits.Normal(0.02));
    private readonly Weight dist = new([1, 1, D], Inits.Normal(0.02));
    private readonly Weight pos = new([1, N(S, P) + 2, D], Inits.Normal(0.02));
    private readonly Linear head = new(D, K);
    private readonly Linear headDist = new(D, K);

    [Graph]
    [return: Shape("B M+2 D")]
    public Sym Embed([Shape("B 3 S S")] Sym images)
    {
        var B = images.Size(0);
        var x = patch.Forward(images).Rearrange("B D h w -> B (h w) D");
        return Concat("B [T] D", cls.Value.Expand("1 1 D -> B 1 D", B), dist.Value.Expand("1 1 D -> B 1 D", B), x) + pos;
    }

    [Graph]
    [return: Shape("B K", "B K")]
    public (Sym, Sym) Heads([Shape("B T D")] Sym x, [Shape("B 3 S S")] Sym images)
    {
        var h = Embed(images);
        return (head.Forward(h["B [0] D"]), headDist.Forward(h["B [1] D"]));
    }

    [Graph]
    [return: Shape("B K")]
    public Sym Classify([Shape("B 3 S S")] Sym images)
    {
        var h = Embed(images);
        var (a, b) = Heads(h, images);
        return (a + b) / 2;
    }
}

/// <summary>Register tokens join and leave.</summary>
[Module]
public sealed partial class Registers(int D, int R) : GraphModule
{
    private readonly Weight registers = new([1, R, D], Inits.Normal(0.02));
    private readonly LayerNorm norm = new(D);

    [Graph]
    [return: Shape("B T D", "B R D")]
    public (Sym tokens, Sym memory) Forward([Shape("B T D")] Sym x)
    {
        var B = x.Size(0);
        var h = norm.Forward(Concat("B [t] D", registers.Value.Expand("1 R D -> B R D", B), x));
        return (h["B [R..] D", R], h["B [..R] D", R]);
    }
}

/// <summary>Residual branches scaled channel by channel; class attention of one query.</summary>
[Module]
[Require("D % H == 0")]
public sealed partial class ClassAttention(int D, int H) : GraphModule
{
    private int E => D / H;
    private readonly Linear q = new(D, D);
    private readonly Linear kv = new(D, 2 * D);
    private readonly Linear proj = new(D, D);
    private readonly Weight gamma1 = new([D], Inits.Ones);
    private readonly LayerNorm norm = new(D);

    [Graph]
    [return: Shape("B 1 D")]
    public Sym Forward([Shape("B 1 D")] Sym cls, [Shape("B T D")] Sym x)
    {
        var all = norm.Forward(Concat("B [t] D", cls, x));
        var (k, v) = kv.Forward(all).Split("B t (2 H E) -> 2 B H t E", H);
        var query = q.Forward(all["B [..1] D"]).Rearrange("B t (H E) -> B H t E", H);
        var y = Attend(query, k, v).Rearrange("B H t E -> B t (H E)");
        return cls + gamma1 * proj.Forward(y);
    }
}

[Module]
[Require("D % H == 0")]
public sealed partial class Cait(int D, int H, int L) : GraphModule
{
    private readonly Weight token = new([1, 1, D], Inits.Normal(0.02));
    private readonly Repeat<ClassAttention> layers = new(L, i => new(D, H));

    [Graph]
    [return: Shape("B D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var B = x.Size(0);
        var cls = token.Value.Expand("1 1 D -> B 1 D", B);
        foreach (var layer in layers) cls = layer.Forward(cls, x);
        return cls["B [0] D"];
    }
}
