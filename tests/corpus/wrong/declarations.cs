using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace Wrong.Declarations;

[Module] public sealed class NotPartial(int D) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x * D; } //~ SEM0001 `NotPartial`
[Module] public sealed partial class NoBase(int D) { private int E => D; } //~ SEM0002 `NoBase`
[Module] public sealed partial class NoReturn(int D) : GraphModule
{
    [Graph] public Sym F([Shape("B D")] Sym x) => x; //~ SEM0003 `F`
    public int Width => D;
}
[Module] public sealed partial class NoShape(int D) : GraphModule
{
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x, Sym y) => x + y; //~ SEM0004 `y`
}
public sealed class Helper { [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x; } //~ SEM0005 `F`
[Module] public sealed partial class NoPrimary : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x; } //~ SEM0006 `NoPrimary`
[Module] public sealed partial class Generic<T>(int D) : GraphModule { public int Width => D; } //~ SEM0007 `Generic`
public static partial class Outer
{
    [Module] public sealed partial class Nested(int D) : GraphModule { public int Width => D; } //~ SEM0007 `Nested`
}

[Module] public sealed partial class UnknownInReturn(int D) : GraphModule
{
    [Graph] [return: Shape("B Q")] public Sym F([Shape("B D")] Sym x) => x; //~ SEM0101 `Q`
}
[Module] public sealed partial class UnknownInPattern(int D, int H) : GraphModule
{
    [Graph] [return: Shape("B H T 2*H")] public Sym F([Shape("B T D")] Sym x) => x.Expand("B T D -> B T D").Rearrange("B T D -> B T D").Expand("B T D -> B Dh*1 D"); //~ SEM0101 `Dh`
}
[Module] public sealed partial class UnknownInShape(int D) : GraphModule
{
    [Graph] [return: Shape("B D")] public Sym F([Shape("B 2*Dh")] Sym x, [Shape("B D")] Sym y) => y; //~ SEM0101 `Dh`
}
[Module] public sealed partial class Circular(int D) : GraphModule
{
    private int A => C * 2; //~ SEM0102 `A`
    private int C => A + D;
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x;
}
[Module] public sealed partial class Unused(int D) : GraphModule
{
    private readonly LayerNorm norm = new(D); //~ SEM0103 `norm`
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x.Gelu();
}
[Module] public sealed partial class SameKeys(int D) : GraphModule
{
    private readonly Linear fc1 = new(D, D);
    [Key("fc1")]
    private readonly Linear other = new(D, D); //~ SEM0104 `other`
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => other.Forward(fc1.Forward(x));
}
[Module] public sealed partial class PlainTensor(int D) : GraphModule
{
    private readonly TorchSharp.torch.Tensor table = TorchSharp.torch.zeros(3); //~ SEM0105 `table`
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x;
    public object Table => table;
}
[Module] public sealed partial class NoInitialiser(int D) : GraphModule
{
    private readonly Linear fc1 = Make(D); //~ SEM0106 `fc1`
    private static Linear Make(int n) => new(n, n);
    [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => fc1.Forward(x);
}
[Module] [Require("D % H == 0")] public sealed partial class Variants(int D, int H) : GraphModule
{
    private int E => D / H;
    [Graph] [return: Shape("B H E")] public Sym F([Shape("B D")] Sym x) => x.Rearrange("B (H E) -> B H E", H);
    [Variant("small")] public static Variants Small() => new(64, 4);
    [Variant("odd")] public static Variants Odd() => new(D: 65, H: 4); //~ SEM0110 `new(D: 65, H: 4)`
}
[Module] public sealed partial class Unpromised(int D, int H) : GraphModule
{
    private readonly Variants inner = new(D, H); //~ SEM0111 `new(D, H)`
    [Graph] [return: Shape("B H E")] public Sym F([Shape("B H E")] Sym x, [Shape("B D")] Sym y) => x;
    [Graph] [return: Shape("B D")] public Sym G([Shape("B D")] Sym x) => inner.F(x).Rearrange("B H E -> B (H E)");
}
[Module] public sealed partial class NotWhole(int D, int H) : GraphModule
{
    private int E => D / H; //~ SEM0120 `D / H`
    [Graph] [return: Shape("B E H")] public Sym F([Shape("B D")] Sym x) => x.Rearrange("B (H E) -> B E H", H);
}
[Module] [Require("D is even")] public sealed partial class NoFact(int D) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x; } //~ SEM0101 `"D is even"`
[Module] [Require("D % Hd == 0")] public sealed partial class UnknownFact(int D, int H) : GraphModule { [Graph] [return: Shape("B D")] public Sym F([Shape("B D")] Sym x) => x * H; } //~ SEM0101 `Hd`
