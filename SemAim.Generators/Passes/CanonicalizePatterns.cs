using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>Removes reshapes, permutations and expansions that change nothing, and joins reshapes of reshapes.</summary>
public sealed class CanonicalizePatterns(SizeFacts facts) : IPass
{
    /// <inheritdoc />
    public string Name => nameof(CanonicalizePatterns);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body, graph.Body);

    private void Run(Region region, Region root)
    {
        foreach (var op in region.Ops.ToList())
        {
            foreach (var inner in Rewriting.Regions(op)) Run(inner, root);
            if (op.Kind == OpKind.Reshape && op.Operands[0] is { Producer: { Kind: OpKind.Reshape } first }) op.Operands[0] = first.Operands[0];
            var same = op.Kind switch
            {
                OpKind.Reshape or OpKind.Expand => Same(op.Operands[0]!, op.Result),
                OpKind.Permute => op.Order.Select((o, i) => o == i).All(s => s),
                OpKind.Narrow => Same(op.Operands[0]!, op.Result),
                _ => false,
            };
            if (!same) continue;
            Rewriting.Replace(root, op.Result, op.Operands[0]!);
            region.Ops.Remove(op);
        }
    }

    private bool Same(Value a, Value b)
        => a.Axes.Count == b.Axes.Count && a.Axes.Zip(b.Axes, facts.Same).All(s => s);
}
