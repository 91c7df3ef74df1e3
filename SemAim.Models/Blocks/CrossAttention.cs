using SemAim.Dsl;
using static SemAim.Dsl.Ops;

namespace SemAim.Models;

/// <summary>Attention from one stream (the query) into another (the memory).</summary>
[Module]
[Require("D % H == 0", Because = "every head gets D / H channels")]
public sealed partial class CrossAttention(int D, int H) : GraphModule
{
    private int E => D / H;               // channels per head

    private readonly Linear q = new(D, D);
    private readonly Linear k = new(D, D);
    private readonly Linear v = new(D, D);
    private readonly Linear proj = new(D, D);

    /// <summary>Lets the query read the memory.</summary>
    [Graph]
    [return: Shape("B T D")]
    public Sym Forward([Shape("B T D")] Sym query, [Shape("B M D")] Sym key, [Shape("B M D")] Sym value, [Shape("B T M")] OrderMask? mask = null)
    {
        var y = Attend(
            q.Forward(query).Rearrange("B T (H E) -> B H T E", H),
            k.Forward(key).Rearrange("B M (H E) -> B H M E", H),
            v.Forward(value).Rearrange("B M (H E) -> B H M E", H),
            mask);
        return proj.Forward(y.Rearrange("B H T E -> B T (H E)"));
    }
}
