using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace Wrong.Patterns;

[Module] [Require("D % H == 0")] public sealed partial class Closed(int D, int H) : GraphModule
{
    private int E => D / H;
    [Graph] [return: Shape("B H T E")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T (H E -> B H T E", H); //~ SEM0030 `(`
}
[Module] public sealed partial class NoArrow(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T D"); } //~ SEM0030 `B T D`
[Module] public sealed partial class TwoArrows(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T D -> T B D -> B T D"); } //~ SEM0030 `->`
[Module] public sealed partial class Empty(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T D () -> B T D"); } //~ SEM0030 `()`
[Module] public sealed partial class Nested(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B (T (a D)) -> B T D"); } //~ SEM0030 `(`
[Module] public sealed partial class Strange(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T D! -> B T D"); } //~ SEM0030 `D!`
[Module] public sealed partial class NoBracket(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Softmax("B T D"); } //~ SEM0031 `B T D`
[Module] public sealed partial class TwoBrackets(int D) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B T D")] Sym x) => x.Mean("B [T] [D]"); } //~ SEM0031 `[D]`
[Module] public sealed partial class ConcatBracket(int D) : GraphModule { [Graph] [return: Shape("B T+T D")] public Sym F([Shape("B T D")] Sym x) => Concat("B T D", x, x); } //~ SEM0031 `B T D`
[Module] public sealed partial class SliceBracket(int D) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B T D")] Sym x) => x["B 0 D"]; } //~ SEM0031 `B 0 D`
[Module] [Require("D % H == 0")] public sealed partial class Heads(int D, int H) : GraphModule
{
    private int E => D / H;
    [Graph] [return: Shape("B H T E")] public Sym F([Shape("B T 3*D")] Sym x) => x.Rearrange("B T (H E) -> B H T E", H); //~ SEM0201 `(H E)`
}
[Module] public sealed partial class Rank(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B D -> D B"); } //~ SEM0202 `"B D -> D B"`
[Module] public sealed partial class Bracketed(int D) : GraphModule { [Graph] [return: Shape("B T")] public Sym F([Shape("B T D")] Sym x) => x.Mean("T [D]"); } //~ SEM0202 `"T [D]"`
[Module] public sealed partial class Four(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T (4 e) -> B T (e 4)"); } //~ SEM0210 `(4 e)`
[Module] public sealed partial class Apart(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T (a b) -> B T (b a)"); } //~ SEM0211 `(a b)`
[Module] public sealed partial class Disappears(int D) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T D -> B D"); } //~ SEM0212 `T`
[Module] public sealed partial class Appears(int D, int K) : GraphModule { [Graph] [return: Shape("B K T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T D -> B K T D", K); } //~ SEM0213 `K`
[Module] public sealed partial class Twice(int D) : GraphModule { [Graph] [return: Shape("B D D")] public Sym F([Shape("B D D")] Sym x) => x.Rearrange("B D D -> B D D'"); } //~ SEM0214 `D`
[Module] [Require("D % H == 0")] public sealed partial class Parts(int D, int H) : GraphModule
{
    private int E => D / H;
    [Graph] [return: Shape("B H T E")] public Sym F([Shape("B T 3*D")] Sym x)
    {
        var (q, k) = x.Split("B T (3 H E) -> 3 B H T E", H); //~ SEM0215 `x.Split("B T (3 H E) -> 3 B H T E", H)`
        return q;
    }
}
[Module] [Require("D % H == 0")] public sealed partial class Unknown(int D, int H) : GraphModule
{
    private int E => D / H;
    [Graph] [return: Shape("B H T E")] public Sym F([Shape("B T 3*D")] Sym x)
    {
        var (q, k, v) = x.Split("B T (3 H E) -> 3 B H T E"); //~ SEM0216 `(3 H E)`
        return q + k * v;
    }
}
[Module] [Require("D % 2 == 0")] public sealed partial class Argument(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Rearrange("B T (h e) -> B T (e h)", D / 2); } //~ SEM0217 `D / 2`
[Module] public sealed partial class Repeats(int D, int K) : GraphModule { [Graph] [return: Shape("B K D")] public Sym F([Shape("B T D")] Sym x) => x.Expand("B T D -> B K D", K); } //~ SEM0218 `K`
[Module] public sealed partial class Outside(int D) : GraphModule { [Graph] [return: Shape("B T")] public Sym F([Shape("B T 4")] Sym x) => x["B T [4]"] * D; } //~ SEM0207 `[4]`
[Module] public sealed partial class Behind(int D) : GraphModule { [Graph] [return: Shape("B T 2")] public Sym F([Shape("B T 4")] Sym x) => x["B T [3..5]"] * D; } //~ SEM0207 `[3..5]`
[Module] public sealed partial class FromEnd(int D) : GraphModule { [Graph] [return: Shape("B T")] public Sym F([Shape("B T 4")] Sym x) => x["B T [^5]"] * D; } //~ SEM0207 `[^5]`
[Module] public sealed partial class SecondToken(int D) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B T D")] Sym x) => x["B [1] D"]; } //~ SEM0207 `[1]`
[Module] public sealed partial class Undecided(int D, int R) : GraphModule { [Graph] [return: Shape("B R D")] public Sym F([Shape("B T D")] Sym x) => x["B [..R] D", R]; } //~ SEM0121 `[..R]`
[Module] public sealed partial class NotPassed(int D, int R) : GraphModule { [Graph] [return: Shape("B R D")] public Sym F([Shape("B R+4 D")] Sym x) => x["B [..R] D"]; } //~ SEM0216 `[..R]`
[Module] public sealed partial class Einsums(int D, int E) : GraphModule { [Graph] [return: Shape("B N")] public Sym F([Shape("B D")] Sym x, [Shape("B N E")] Sym y) => Einsum("B c, B N c -> B N", x, y); } //~ SEM0208 `c`
[Module] public sealed partial class EinsumRank(int D) : GraphModule { [Graph] [return: Shape("B N")] public Sym F([Shape("B D")] Sym x, [Shape("B N D")] Sym y) => Einsum("B D, N D -> B N", x, y); } //~ SEM0202 `"B D, N D -> B N"`
[Module] public sealed partial class EinsumOut(int D) : GraphModule { [Graph] [return: Shape("B N")] public Sym F([Shape("B D")] Sym x, [Shape("B N D")] Sym y) => Einsum("B D, B N D -> B N K", x, y); } //~ SEM0213 `K`
[Module] public sealed partial class EinsumTwice(int D) : GraphModule { [Graph] [return: Shape("B B")] public Sym F([Shape("B D")] Sym x) => Einsum("B D, B D -> B B", x, x); } //~ SEM0214 `B`
[Module] public sealed partial class EinsumCount(int D) : GraphModule { [Graph] [return: Shape("B")] public Sym F([Shape("B D")] Sym x) => Einsum("B D, B D -> B", x); } //~ SEM0202 `B D, B D -> B`
[Module] public sealed partial class Sizes(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) { var B = x.Size(3); return x * B; } } //~ SEM0202 `x.Size(3)`
[Module] public sealed partial class Middle(int D) : GraphModule { [Graph] [return: Shape("B T D")] public Sym F([Shape("B T D")] Sym x) => x.Softmax("B ... [D]"); } //~ SEM0030 `...`
