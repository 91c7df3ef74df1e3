using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Two dense layers with a GELU between them; also the prediction head.</summary>
[Module]
public sealed partial class Mlp(int D, int F, int O) : GraphModule
{
    private readonly Linear fc1 = new(D, F);
    private readonly Linear fc2 = new(F, O);

    /// <summary>Runs the two layers.</summary>
    [Graph]
    [return: Shape("... O")]
    public Sym Forward([Shape("... D")] Sym x) => fc2.Forward(fc1.Forward(x).Gelu());
}
