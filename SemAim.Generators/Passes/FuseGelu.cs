using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>Joins a GELU with the dense layer that alone reads it: the kernel need not keep the activation for the gradients.</summary>
public sealed class FuseGelu : IPass
{
    /// <summary>Marks a <see cref="OpKind.Linear"/> that applies GELU to what it reads.</summary>
    public const string Method = "gelu";

    /// <inheritdoc />
    public string Name => nameof(FuseGelu);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body, graph.Body);

    private static void Run(Region region, Region root)
    {
        foreach (var op in region.Ops.ToList())
        {
            foreach (var inner in Rewriting.Regions(op)) Run(inner, root);
            if (op.Kind != OpKind.Linear || op.Operands[0]!.Producer is not { Kind: OpKind.Unary, Method: "gelu" } gelu || !region.Ops.Contains(gelu) || Readers(root, gelu.Result) > 1) continue;
            op.Operands[0] = gelu.Operands[0];
            op.Method = Method;
            region.Ops.Remove(gelu);
        }
    }

    private static int Readers(Region root, Value v)
    {
        var regions = new List<Region> { root };
        regions.AddRange(Rewriting.All(root).SelectMany(Rewriting.Regions));
        return regions.Sum(r => r.Ops.Sum(o => o.Operands.Count(x => x == v)) + r.Results.Count(x => x == v));
    }
}
