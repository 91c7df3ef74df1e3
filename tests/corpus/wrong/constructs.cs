using SemAim.Dsl;
using static SemAim.Dsl.Ops;

using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
namespace Wrong.Constructs;

[Module] public sealed partial class While(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        var i = 0;
        while (i < 3) x = x.Gelu(); //~ SEM0020 `while`
        return x;
    }
}
[Module] public sealed partial class DoLoop(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        do x = x.Gelu(); while (D > 3); //~ SEM0020 `do`
        return x;
    }
}
[Module] public sealed partial class Switch(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        switch (D) { case 1: x = x.Gelu(); break; } //~ SEM0020 `switch`
        return x;
    }
}
[Module] public sealed partial class TryCatch(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        try { x = x.Gelu(); } catch (Exception) { } //~ SEM0020 `try`
        return x;
    }
}
[Module] public sealed partial class Throwing(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        if (D > 5) throw new ArgumentException("no"); //~ SEM0020 `if`
        return x;
    }
}
[Module] public sealed partial class Lambda(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        Func<Sym, Sym> twice = y => y + y; //~ SEM0020 `y => y + y`
        return twice(x);
    }
}
[Module] public sealed partial class LocalFunction(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        static Sym Twice(Sym y) => y + y; //~ SEM0020 `static`
        return Twice(x);
    }
}
[Module] public sealed partial class Ternary(int D, bool wide) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x) => wide ? x : x.Gelu(); //~ SEM0020 `wide ? x : x.Gelu()`
}
[Module] public sealed partial class Early(int D, bool wide) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        if (wide) return x.Gelu(); //~ SEM0020 `return`
        return x;
    }
}
[Module] public sealed partial class OnSizes(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        if (x.Size(0) > 1) x = x.Gelu(); //~ SEM0020 `if`
        return x;
    }
}
[Module] public sealed partial class SideEffect(int D) : GraphModule
{
    private int calls;
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        calls = calls + 1; //~ SEM0020 `calls`
        return x;
    }
    public int Calls => calls;
}
[Module] public sealed partial class Prints(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        Console.WriteLine("here"); //~ SEM0021 `Console.WriteLine`
        return x;
    }
}
[Module] public sealed partial class CallsHelper(int D) : GraphModule
{
    private static Sym Twice(Sym y) => y + y;
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x) => Twice(x).Gelu(); //~ SEM0021 `Twice`
}
[Module] public sealed partial class Looks(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        var y = x.Value; //~ SEM0022 `x.Value`
        return x;
    }
}
[Module] public sealed partial class Branches(int D, bool pool) : GraphModule
{
    private readonly Linear fc = new(D, D);
    [Graph] [return: Shape("B T D")]
    public Sym F([Shape("B T D")] Sym x)
    {
        var y = x;
        if (pool) y = x.Mean("B [T] D"); //~ SEM0023 `x.Mean("B [T] D")`
        else y = fc.Forward(x);
        return x;
    }
}
[Module] public sealed partial class OneBranch(int D, bool pool) : GraphModule
{
    [Graph] [return: Shape("B T D")]
    public Sym F([Shape("B T D")] Sym x)
    {
        var y = x;
        if (pool)
        {
            y = y.Gelu();
            y = x["B [0] D"]; //~ SEM0023 `x["B [0] D"]`
        }
        return x;
    }
}
[Module] public sealed partial class Recursive(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x) => F(x).Gelu(); //~ SEM0024 `F(x)`
}
[Module] public sealed partial class Using(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        using var scope = TorchSharp.torch.NewDisposeScope(); //~ SEM0020 `using`
        return x;
    }
}
[Module] public sealed partial class Linq(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x) => layers.Aggregate(x, (y, l) => l.Forward(y)); //~ SEM0021 `layers.Aggregate`
}
[Module] public sealed partial class Down(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        for (var i = L - 1; i >= 0; i--) x = layers[i].Forward(x); //~ SEM0020 `for`
        return x;
    }
}
[Module] public sealed partial class Step(int D, int L) : GraphModule
{
    private readonly Repeat<Linear> layers = new(L, i => new Linear(D, D));
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        for (var i = 0; i < L; i += 2) x = layers[i].Forward(x); //~ SEM0020 `for`
        return x;
    }
}
[Module] public sealed partial class OverList(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x)
    {
        foreach (var i in new[] { 1, 2 }) x = x * i; //~ SEM0020 `foreach`
        return x;
    }
}
[Module] public sealed partial class Interpolated(int D) : GraphModule
{
    [Graph] [return: Shape("B D")]
    public Sym F([Shape("B D")] Sym x) => x.Softmax($"B [{nameof(D)}]").Softmax($"B [{D}]"); //~ SEM0030 `$"B [{D}]"`
}
