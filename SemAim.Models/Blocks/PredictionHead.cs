using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Turns a token into a prediction: two dense layers (the original's head type MLP) or one (LINEAR); an instance has the weights of its own kind only.</summary>
/// <param name="D">width of a token</param>
/// <param name="F">width of the hidden layer</param>
/// <param name="O">values predicted</param>
/// <param name="linear">one dense layer</param>
[Module]
public sealed partial class PredictionHead(int D, int F, int O, bool linear = false) : GraphModule
{
    private readonly Linear fc1 = new(D, F);
    private readonly Linear fc2 = new(F, O);
    private readonly Weight weight = new([O, D], Inits.XavierUniform);
    private readonly Weight bias = new([O], Inits.Zeros);

    /// <summary>Runs the two layers (MLP).</summary>
    [Graph]
    [return: Shape("B N O")]
    public Sym Forward([Shape("B N D")] Sym x) => fc2.Forward(fc1.Forward(x).Gelu());

    /// <summary>Runs the one layer (LINEAR).</summary>
    [Graph]
    [return: Shape("B N O")]
    public Sym Direct([Shape("B N D")] Sym x) => Einsum("B N D, O D -> B N O", x, weight) + bias;

    /// <inheritdoc />
    protected override bool Holds(string path) => linear == (path is "weight" or "bias");
}
