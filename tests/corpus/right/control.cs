using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Control;

[Module]
[Require("L % 2 == 0")]
public sealed partial class Alternating(int D, int L, bool deep, bool scaled, double rate) : GraphModule
{
    private readonly Repeat<Linear> even = new(L / 2, i => new Linear(D, D));
    private readonly Repeat<Linear> odd = new(L / 2, i => new Linear(D, D));
    private readonly Repeat<LayerNorm> norms = new(L, i => new LayerNorm(D));
    private readonly Weight scale = new([D], Inits.Ones);

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x)
    {
        for (var i = 0; i < L / 2; i++)
        {
            x = x + even[i].Forward(norms[2 * i].Forward(x)).DropPath(rate);
            x = x + odd[i].Forward(norms[2 * i + 1].Forward(x)).DropPath(rate);
        }
        if (deep)
        {
            var extra = even[0].Forward(x);
            if (scaled) extra = extra * scale;
            x = x + extra;
        }
        return x;
    }
}

[Module]
[Require("L >= 3")]
public sealed partial class Pyramid(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));

    [Graph]
    [return: Shape("B D", "B D", "B D")]
    public (Sym, Sym, Sym) Forward([Shape("B D")] Sym x)
    {
        var first = layers[0].Forward(x);
        var middle = first;
        for (var i = 1; i < L - 1; i++) middle = layers[i].Forward(middle);
        var last = layers[L - 1].Forward(middle);
        return (first, middle, last);
    }

    [Graph]
    [return: Shape("B D")]
    public Sym Fused([Shape("B D")] Sym x)
    {
        var (a, _, c) = Forward(x);
        (a, c) = (c, a);
        return a * 0.25 + c;
    }
}

[Module]
[Require("D % H == 0")]
public sealed partial class Optional(int D, int H) : GraphModule
{
    private int E => D / H;
    private readonly Linear qkv = new(D, 3 * D);
    private readonly Linear direct = new(D, D);

    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x, [Shape("B T T")] OrderMask? mask = null)
    {
        if (mask is not null)
        {
            var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
            x = Attend(q, k, v, mask).Rearrange("B H T E -> B T (H E)");
        }
        else
        {
            x = direct.Forward(x);
        }
        return x;
    }

    [Graph]
    [return: Shape("B N+1 D")]
    public Sym Both([Shape("B N+1 D")] Sym x, [Shape("B N")] Sym rank) => Forward(x) + Forward(x, OrderMask.Before(rank)) + Forward(x, mask: OrderMask.UpTo(rank: rank, ties: Ties.Together));
}

[Module]
public sealed partial class Locals(int D, int F, double slope = 0.1) : GraphModule
{
    private readonly Linear up = new(D, 2 * F);
    private readonly Linear down = new(F, D);

    private int Wide => 2 * F;

    [Graph]
    [return: Shape("... D")]
    public Sym Forward([Shape("... D")] Sym x) => down.Forward(Halve(up.Forward(x))) * (1 - slope) + x * slope;

    [Graph]
    [return: Shape("... F")]
    private Sym Halve([Shape("... Wide")] Sym x) => x["... [..F]", F] * x["... [F..]", F].Sigmoid();
}
