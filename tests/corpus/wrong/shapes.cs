using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace Wrong.Shapes;

[Module] public sealed partial class Widths(int D, int F) : GraphModule
{
    private readonly Linear fc1 = new(D, F);
    private readonly Linear fc2 = new(D, F);
    [Graph] [return: Shape("B F")] public Sym F1([Shape("B D")] Sym x) => fc2.Forward(fc1.Forward(x).Gelu()); //~ SEM0201 `fc1.Forward(x).Gelu()`
}
[Module] public sealed partial class Norms(int D) : GraphModule
{
    private readonly LayerNorm norm = new(2 * D);
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => norm.Forward(x); //~ SEM0201 `x`
}
[Module] public sealed partial class Channels(int C) : GraphModule
{
    private readonly Conv2d conv = new(3, C, 1, 1);
    [Graph] [return: Shape("B C Y X")] public Sym F([Shape("B 4 Y X")] Sym x) => conv.Forward(x); //~ SEM0201 `x`
}
[Module] public sealed partial class ConvRank(int C) : GraphModule
{
    private readonly Conv2d conv = new(3, C, 1, 1);
    [Graph] [return: Shape("B C X")] public Sym F([Shape("B 3 X")] Sym x) => conv.Forward(x); //~ SEM0301 `x`
}
[Module] public sealed partial class ConvStride(int S, int C) : GraphModule
{
    private readonly Conv2d conv = new(3, C, 2, 2);
    [Graph] [return: Shape("B C Y Y")] public Sym F([Shape("B 3 S S")] Sym x, [Shape("Y")] Sym y) => conv.Forward(x); //~ SEM0120 `conv.Forward(x)`
}
[Module] public sealed partial class Luck(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x, [Shape("B M D")] Sym y) => x + y; //~ SEM0203 `x + y`
}
[Module] public sealed partial class Reading(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x, [Shape("B T")] Sym y) => x * y; //~ SEM0204 `x * y`
}
[Module] public sealed partial class Pooled(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x - x.Mean("B [T] D"); //~ SEM0204 `x - x.Mean("B [T] D")`
}
[Module] public sealed partial class Joined(int D) : GraphModule
{
    [Graph] [return: Shape("B T+T D")] public Sym F([Shape("B T D")] Sym a, [Shape("B T 2*D")] Sym b) => Concat("B [t] D", a, b); //~ SEM0205 `b`
}
[Module] public sealed partial class JoinedRank(int D) : GraphModule
{
    [Graph] [return: Shape("B T+1 D")] public Sym F([Shape("B T D")] Sym a, [Shape("B D")] Sym b) => Concat("B [t] D", b, a); //~ SEM0202 `a`
}
[Module] public sealed partial class Promise(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T+1 D")] Sym x, [Shape("B T")] Sym rank) => x.Gelu(); //~ SEM0206 `x.Gelu()`
    [Graph] [return: Shape("B T D")] public Sym G([Shape("B T+1 D")] Sym x) => x.Gelu(); //~ SEM0101 `T`
}
[Module] public sealed partial class PromiseInTuple(int D) : GraphModule
{
    [Graph] [return: Shape("B T D", "B T")] public (Sym, Sym) F([Shape("B T D")] Sym x) => (x.Gelu(), x.Mean("B [T] D")); //~ SEM0206 `x.Mean("B [T] D")`
}
[Module] public sealed partial class PromiseCount(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")] public (Sym, Sym) F([Shape("B T D")] Sym x) => (x.Gelu(), x); //~ SEM0206 `(x.Gelu(), x)`
}
[Module] public sealed partial class Masks(int D) : GraphModule
{
    [Graph] [return: Shape("B H T E")]
    public Sym F([Shape("B H T E")] Sym q, [Shape("B H M E")] Sym k, [Shape("B T T")] OrderMask mask) => Attend(q, k, k, mask) * D; //~ SEM0209 `mask`
}
[Module] public sealed partial class MaskOfRanks(int D) : GraphModule
{
    [Graph] [return: Shape("B H T E")]
    public Sym F([Shape("B H T E")] Sym q, [Shape("B T")] Sym rank) => Attend(q, q, q, OrderMask.UpTo(rank)) * D; //~ SEM0209 `OrderMask.UpTo(rank)`
}
[Module] public sealed partial class Keys(int D) : GraphModule
{
    [Graph] [return: Shape("B H T E")]
    public Sym F([Shape("B H T E")] Sym q, [Shape("B H M E")] Sym k, [Shape("B H N E")] Sym v) => Attend(q, k, v) * D; //~ SEM0201 `v`
}
[Module] public sealed partial class Unsplit(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")]
    public Sym F([Shape("B T D")] Sym x) => Attend(x, x, x); //~ SEM0202 `x`
}
[Module] public sealed partial class Loop(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")]
    public Sym F([Shape("B T D")] Sym x)
    {
        for (var i = 0; i < 3; i++)
        {
            x = x.Gelu();
            x = x["B [..1] D"]; //~ SEM0221 `x["B [..1] D"]`
        }
        return x;
    }
}
[Module] public sealed partial class Copies(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D + i)); //~ SEM0222 `D + i`
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => layers[0].Forward(x);
}
[Module] public sealed partial class IndexL(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => layers[L].Forward(x); //~ SEM0303 `layers[L]`
}
[Module] public sealed partial class IndexOne(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => layers[1].Forward(x); //~ SEM0303 `layers[1]`
}
[Module] public sealed partial class IndexMinus(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => layers[L - 2].Forward(x); //~ SEM0303 `layers[L - 2]`
}
[Module] public sealed partial class Reaches(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x)
    {
        for (var i = 0; i <= L; i++) x = layers[i].Forward(x); //~ SEM0304 `layers[i]`
        return x;
    }
}
[Module] public sealed partial class Begins(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x)
    {
        for (var i = 0; i < L; i++) x = layers[i - 1].Forward(x); //~ SEM0304 `layers[i - 1]`
        return x;
    }
}
[Module] public sealed partial class Callee(int D) : GraphModule
{
    private readonly Linear fc = new(D, D);
    [Graph] [return: Shape("B T D")] public Sym Forward([Shape("B T D")] Sym x) => fc.Forward(x);
    [Graph] [return: Shape("B T D")] public Sym Pair([Shape("B T D")] Sym x, [Shape("B T D")] Sym y) => x + y;
}
[Module] public sealed partial class CallRank(int D) : GraphModule
{
    private readonly Callee inner = new(D);
    [Graph] [return: Shape("B D")] public Sym F([Shape("B T D")] Sym x) => inner.Forward(x["B [0] D"]); //~ SEM0301 `x["B [0] D"]`
}
[Module] public sealed partial class CallWidth(int D) : GraphModule
{
    private readonly Callee inner = new(2 * D);
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => inner.Forward(x); //~ SEM0201 `x`
}
[Module] public sealed partial class CallAgree(int D) : GraphModule
{
    private readonly Callee inner = new(D);
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x, [Shape("B M D")] Sym y) => inner.Pair(x, y); //~ SEM0201 `y`
}
[Module] public sealed partial class PrivatePromise(int D) : GraphModule
{
    private readonly Linear fc = new(D, D);
    [Graph] [return: Shape("B T D")] private Sym Inner([Shape("B T D")] Sym x) => x["B [0] D"]; //~ SEM0206 `x["B [0] D"]`
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => fc.Forward(Inner(x));
}
[Module] public sealed partial class Spread(int D) : GraphModule
{
    [Graph] [return: Shape("B D T")] public Sym F([Shape("B T D")] Sym x) => x; //~ SEM0206 `x`
}
[Module] public sealed partial class Gathers(int D) : GraphModule
{
    [Graph] [return: Shape("B K D")] public Sym F([Shape("B T D")] Sym x, [Shape("K")] Sym index) => x.Gather("B [T] D", index); //~ SEM0201 `index`
}
[Module] public sealed partial class Choices(int D) : GraphModule
{
    [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x, [Shape("B T")] Sym y) => Where(y > 0, x, x); //~ SEM0204 `Where(y > 0, x, x)`
}
