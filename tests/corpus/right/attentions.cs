using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Attentions;

/// <summary>Grouped queries: K key heads serve H query heads.</summary>
[Module]
[Require("D % H == 0")]
[Require("H % K == 0")]
public sealed partial class GroupedQueries(int D, int H, int K) : GraphModule
{
    private static int Width(int D, int H) => D / H;
    private int E => Width(D, H);
    private int R => H / K;
    private readonly Linear q = new(D, D);
    private readonly Linear k = new(D, K * Width(D, H));
    private readonly Linear v = new(D, K * Width(D, H));
    private readonly Linear proj = new(D, D);

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var query = q.Forward(x).Rearrange("B T (H E) -> B H T E", H);
        var key = k.Forward(x).Rearrange("B T (K E) -> B K 1 T E", K).Expand("B K 1 T E -> B K R T E", R).Rearrange("B K R T E -> B (K R) T E");
        var value = v.Forward(x).Rearrange("B T (K E) -> B K 1 T E", K).Expand("B K 1 T E -> B K R T E", R).Rearrange("B K R T E -> B (K R) T E");
        return proj.Forward(Attend(query, key, value).Rearrange("B H T E -> B T (H E)"));
    }
}

/// <summary>Rotary positions: cosines and sines are constants.</summary>
[Module]
[Require("D % H == 0")]
[Require("D / H % 2 == 0")]
public sealed partial class Rotary(int D, int H, int T) : GraphModule
{
    private static int Head(int D, int H) => D / H;
    private int E => D / H;
    private readonly Linear qkv = new(D, 3 * D);
    private readonly Constant cosines = new([T, Head(D, H)], Inits.Ones);
    private readonly Constant sines = new([T, Head(D, H)], Inits.Zeros);

    [Graph]
    [return: Shape("B H T E")]
    private Sym Turn([Shape("B H T E")] Sym x)
    {
        var (a, b) = x.Split("B H T (2 C) -> 2 B H T C");
        return x * cosines + Concat("B H T [E]", -b, a) * sines;
    }

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
        return Attend(Turn(q), Turn(k), v).Rearrange("B H T E -> B T (H E)");
    }
}

/// <summary>Unit-length queries and keys with a learned temperature per head.</summary>
[Module]
[Require("D % H == 0")]
public sealed partial class CosineAttention(int D, int H) : GraphModule
{
    private int E => D / H;
    private readonly Linear qkv = new(D, 3 * D, bias: false);
    private readonly Weight temperature = new([H, 1, 1], Inits.Ones);

    [Graph]
    [return: Shape("B T D", "B H T T")]
    public (Sym y, Sym map) Forward([Shape("B T D")] Sym x)
    {
        var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
        var map = (Einsum("B H T E, B H S E -> B H T S", q.Normalize("B H T [E]"), k.Normalize("... [E]")) * temperature.Value.Exp()).Softmax("B H T [S]");
        return (Einsum("B H T S, B H S E -> B H T E", map, v).Rearrange("B H T E -> B T (H E)"), map);
    }
}

/// <summary>Learned latents read an input array, then each other.</summary>
[Module]
[Require("D % H == 0")]
public sealed partial class Perceiver(int C, int D, int H, int M, int L) : GraphModule
{
    private int E => D / H;
    private readonly Weight latents = new([1, M, D], Inits.Normal(0.02));
    private readonly Linear q = new(D, D);
    private readonly Linear k = new(C, D);
    private readonly Linear v = new(C, D);
    private readonly Repeat<Linear> mixing = new(L, i => new Linear(D, D));

    [Graph]
    [return: Shape("B M D")]
    public Sym Forward([Shape("B T C")] Sym input)
    {
        var B = input.Size(0);
        var z = latents.Value.Expand("1 M D -> B M D", B);
        for (var i = 0; i < L; i++)
        {
            var y = Attend(
                q.Forward(z).Rearrange("B M (H E) -> B H M E", H),
                k.Forward(input).Rearrange("B T (H E) -> B H T E", H),
                v.Forward(input).Rearrange("B T (H E) -> B H T E", H));
            z = z + mixing[i].Forward(y.Rearrange("B H M E -> B M (H E)")).Tanh();
        }
        return z;
    }
}

/// <summary>One learned query pools all tokens.</summary>
[Module]
public sealed partial class AttentionPool(int D) : GraphModule
{
    private readonly Weight query = new([D], Inits.Normal(0.02));

    [Graph]
    [return: Shape("B D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        var weights = Einsum("B T D, D -> B T", x, query).Softmax("B [T]");
        return Einsum("B T, B T D -> B D", weights, x);
    }
}

/// <summary>Attention over rows, then over columns.</summary>
[Module]
[Require("D % H == 0")]
public sealed partial class Axial(int D, int H) : GraphModule
{
    private int E => D / H;
    private readonly Linear rows = new(D, 3 * D);
    private readonly Linear columns = new(D, 3 * D);

    [Graph]
    [return: Shape("B Y X D")]
    public Sym Forward([Shape("B Y X D")] Sym x)
    {
        var B = x.Size(0);
        var Y = x.Size(1);
        var (q, k, v) = rows.Forward(x).Split("B Y X (3 H E) -> 3 (B Y) H X E", H);
        x = x + Attend(q, k, v).Rearrange("(B Y) H X E -> B Y X (H E)", B);
        var X = x.Size(2);
        var (q2, k2, v2) = columns.Forward(x).Split("B Y X (3 H E) -> 3 (B X) H Y E", H);
        return x + Attend(q2, k2, v2).Rearrange("(B X) H Y E -> B Y X (H E)", B);
    }
}
