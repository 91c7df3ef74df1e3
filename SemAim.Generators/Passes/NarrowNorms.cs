using SemAim.Generators.Analyze;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>A layer normalisation that products alone read gives its result in their type at once, instead of in float32 and then a copy.</summary>
internal sealed class NarrowNorms(ModuleScope scope) : IPass
{
    /// <summary>Marks a <see cref="OpKind.LayerNorm"/> whose result products alone read.</summary>
    internal const string Method = "narrow";

    /// <inheritdoc />
    public string Name => nameof(NarrowNorms);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        foreach (var op in Rewriting.All(graph.Body))
            if (op.Kind == OpKind.LayerNorm && LoweredArguments.Holds(graph.Body, op.Result, call => Costs.Graph(scope, call))) op.Method = Method;
    }
}
