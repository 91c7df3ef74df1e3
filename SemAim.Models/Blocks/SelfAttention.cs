using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Multi-head self-attention with one joint q/k/v projection.</summary>
[Module]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class SelfAttention(int D, int H) : GraphModule
{
    private int E => D / H;               // channels per head

    private readonly Linear qkv = new(D, 3 * D);
    private readonly Linear proj = new(D, D);

    /// <summary>Runs the attention.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym x, [Shape("B T T")] OrderMask? mask = null)
    {
        var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
        var y = Attend(q, k, v, mask);
        return proj.Forward(y.Rearrange("B H T E -> B T (H E)"));
    }

    /// <summary>How much the class token (the first one) looks at each token, mean over heads.</summary>
    [Graph]
    [return: Shape("B T")]
    public Sym ClassAttention([Shape("B T D")] Sym x)
    {
        var (q, k, _) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
        var scores = Einsum("B H E, B H T E -> B H T", q["B H [0] E"], k) * (1 / Math.Sqrt(E));
        return scores.Softmax("B H [T]").Mean("B [H] T");
    }

    /// <summary>Runs the attention, and says how much the class token looks at each token, mean over heads.</summary>
    [Graph]
    [return: Shape("B T D", "B T")]
    public (Sym tokens, Sym seen) ForwardSeen([Shape("B T D")] Sym x)
    {
        var (q, k, v) = qkv.Forward(x).Split("B T (3 H E) -> 3 B H T E", H);
        var y = proj.Forward(Attend(q, k, v).Rearrange("B H T E -> B T (H E)"));
        var scores = Einsum("B H E, B H T E -> B H T", q["B H [0] E"], k) * (1 / Math.Sqrt(E));
        return (y, scores.Softmax("B H [T]").Mean("B [H] T"));
    }

    /// <summary>Lets the query read the memory with the same weights; the parts of the joint projection that neither needs are computed and dropped.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Cross([Shape("B T D")] Sym query, [Shape("B M D")] Sym memory, [Shape("B T M")] OrderMask? mask = null)
    {
        var (q, _, _) = qkv.Forward(query).Split("B T (3 H E) -> 3 B H T E", H);
        var (_, k, v) = qkv.Forward(memory).Split("B M (3 H E) -> 3 B H M E", H);
        return proj.Forward(Attend(q, k, v, mask).Rearrange("B H T E -> B T (H E)"));
    }
}
