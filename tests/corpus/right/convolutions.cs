using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Convolutions;

/// <summary>Non-overlapping stages: 4 × 4 stem, then 2 × 2 reductions.</summary>
[Module]
[Require("S % 8 == 0")]
public sealed partial class Stem(int S, int C) : GraphModule
{
    private readonly Conv2d conv = new(3, C, kernel: 4, stride: 4);
    private readonly Conv2d down = new(C, 2 * C, kernel: 2, stride: 2);
    private readonly LayerNorm norm = new(C);
    private int G => S / 8;

    [Graph]
    [return: Shape("B G*G 2*C")]
    public Sym Forward([Shape("B 3 S S")] Sym x)
    {
        var y = norm.Forward(conv.Forward(x).Rearrange("B C h w -> B h w C")).Rearrange("B h w C -> B C h w");
        return down.Forward(y).Rearrange("B c h w -> B (h w) c");
    }
}

/// <summary>A block of ConvNeXt's kind without its depthwise layer: 1 × 1 layers and a channel scale.</summary>
[Module]
public sealed partial class NextBlock(int C) : GraphModule
{
    private readonly LayerNorm norm = new(C);
    private readonly Linear up = new(C, 4 * C);
    private readonly Linear down = new(4 * C, C);
    private readonly Weight gamma = new([C], Inits.Ones);

    [Graph]
    [return: Shape("B C Y X")]
    public Sym Forward([Shape("B C Y X")] Sym x)
    {
        var y = norm.Forward(x.Rearrange("B C Y X -> B Y X C"));
        y = down.Forward(up.Forward(y).Gelu()) * gamma;
        return x + y.Rearrange("B Y X C -> B C Y X");
    }
}

/// <summary>Squeeze and excitation.</summary>
[Module]
[Require("C % R == 0")]
public sealed partial class Excite(int C, int R) : GraphModule
{
    private readonly Linear squeeze = new(C, C / R);
    private readonly Linear excite = new(C / R, C);

    [Graph]
    [return: Shape("B C Y X")]
    public Sym Forward([Shape("B C Y X")] Sym x)
    {
        var s = x.Mean("B C Y [X]").Mean("B C [Y]");
        var gate = excite.Forward(squeeze.Forward(s).Relu()).Sigmoid();
        return x * gate.Rearrange("B C -> B C 1 1");
    }
}

/// <summary>1 × 1 convolutions keep the grid.</summary>
[Module]
public sealed partial class Pointwise(int C, int F) : GraphModule
{
    private readonly Conv2d up = new(C, F, 1, 1);
    private readonly Conv2d down = new(F, C, 1, 1);

    [Graph]
    [return: Shape("B C Y X")]
    public Sym Forward([Shape("B C Y X")] Sym x) => x + down.Forward(up.Forward(x).Silu());
}
