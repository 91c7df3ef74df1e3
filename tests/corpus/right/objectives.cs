using SemAim.Dsl;
using static SemAim.Dsl.Ops;
namespace Corpus.Objectives;

/// <summary>Pairs of views: the matching one is the right answer.</summary>
[Module]
public sealed partial class Contrastive(int D) : GraphModule
{
    private readonly Weight logScale = new([1], Inits.Zeros);

    [Graph]
    [return: Shape("B B'")]
    public Sym Similarities([Shape("B D")] Sym a, [Shape("B' D")] Sym b)
        => Einsum("B D, M D -> B M", a.Normalize("B [D]"), b.Normalize("M [D]")) * logScale.Value.Exp();

    [Graph]
    [return: Shape("")]
    public Sym Agreement([Shape("B D")] Sym a, [Shape("B D")] Sym b)
        => 1.0 - Einsum("B D, B D -> B", a.Normalize("B [D]"), b.Normalize("B [D]")).Mean();
}

/// <summary>Softmax of the teacher against the log-softmax of the student.</summary>
[Module]
public sealed partial class Distillation(int K, double temperature) : GraphModule
{
    [Graph]
    [return: Shape("", "B")]
    public (Sym loss, Sym each) Loss([Shape("B K")] Sym student, [Shape("B K")] Sym teacher, [Shape("K")] Sym centre)
    {
        var target = ((teacher - centre.Rearrange("K -> 1 K")) / temperature).Softmax("B [K]").Detach();
        var logits = student / temperature;
        var top = logits.Max("B [K]", keep: true);
        var normaliser = (logits - top).Exp().Sum("B [K]", keep: true).Log() + top;
        var each = -(target * (logits - normaliser)).Sum("B [K]");
        return (each.Mean(), each);
    }
}

/// <summary>Clipping, hinges and choices.</summary>
[Module]
public sealed partial class Pieces(int K) : GraphModule
{
    [Graph]
    [return: Shape("B K")]
    public Sym Clip([Shape("B K")] Sym x) => Where(x > 1.0, x * 0 + 1, x);

    [Graph]
    [return: Shape("B K")]
    public Sym Larger([Shape("B K")] Sym x, [Shape("B K")] Sym y) => Where(x >= y, x, y);

    [Graph]
    [return: Shape("B", "B")]
    public (Sym best, Sym margin) Best([Shape("B K")] Sym x) => (x.ArgMax("B [K]"), x.Max("B [K]") - x.Min("B [K]"));

    [Graph]
    [return: Shape("B K")]
    public Sym Hinge([Shape("B K")] Sym x) => (1 - x).Relu().Abs() + x.Sqrt() * -2.5;

    [Graph]
    [return: Shape("B K")]
    public Sym Standardise([Shape("B K")] Sym x)
    {
        var mean = x.Mean("B [K]", keep: true);
        var deviation = (x.Var("B [K]", keep: true) + 1e-6).Sqrt();
        return (x - mean) / deviation;
    }

    [Graph]
    [return: Shape("")]
    public Sym Total([Shape("B K")] Sym x) => x.Pow(2).Sum() / (x.Abs().Mean() + 1e-3);
}
