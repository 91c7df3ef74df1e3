using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>Makes the evaluation body: operations that only training has are gone, not branched around, and callees are asked for their evaluation bodies. The training body stays as it is.</summary>
/// <param name="training">which of the two bodies this is</param>
public sealed class SplitTrainEval(bool training) : IPass
{
    /// <inheritdoc />
    public string Name => nameof(SplitTrainEval);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        if (!training) Run(graph.Body, graph.Body);
    }

    private static void Run(Region region, Region root)
    {
        foreach (var op in region.Ops.ToList())
        {
            foreach (var inner in Rewriting.Regions(op)) Run(inner, root);
            if (op.Kind == OpKind.Call) op.TakesDraws = false;
            if (op.Kind != OpKind.DropPath) continue;
            Rewriting.Replace(root, op.Result, op.Operands[0]!);
            region.Ops.Remove(op);
        }
    }
}
