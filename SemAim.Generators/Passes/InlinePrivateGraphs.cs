using System.Collections.Generic;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>
/// Puts the operations of private graphs in the place of their calls, so that what is common to both sides of the border is common. The checker reads a private graph where it is called, against its arguments, and leaves the
/// operations on the call; left out, the calls stay and the private graphs are methods of their own.
/// </summary>
public sealed class InlinePrivateGraphs : IPass
{
    /// <inheritdoc />
    public string Name => nameof(InlinePrivateGraphs);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Splice(graph.Body, null);

    /// <summary>What stands in the pass's place where it is left out: calls of graphs that are methods lose their operations.</summary>
    /// <param name="graph">changed in place</param>
    /// <param name="methods">names of the private graphs that are methods; calls of others are replaced all the same</param>
    internal static void LeaveCalls(CheckedGraph graph, ICollection<string> methods) => Splice(graph.Body, methods);

    private static void Splice(Region region, ICollection<string>? methods)
    {
        for (var i = 0; i < region.Ops.Count; i++)
        {
            var op = region.Ops[i];
            if (op.Kind != OpKind.Call || op.Body is not { } body)
            {
                foreach (var inner in Rewriting.Regions(op)) Splice(inner, methods);
                continue;
            }
            if (methods is null || !methods.Contains(op.Method))
            {
                // its results are values of the body: who reads them need not be told
                region.Ops.RemoveAt(i);
                region.Ops.InsertRange(i--, body.Ops);
                continue;
            }
            op.Body = null;
            op.Results = [];
            foreach (var result in body.Results)
            {
                // what the graph hands through is what went in, whoever reads it
                var made = body.Ops.Exists(o => o.Results.Contains(result)) && !op.Results.Contains(result);
                op.Results.Add(made ? result : new Value(result.Axes, result.Type));
                op.Results[op.Results.Count - 1].Producer = op;
            }
        }
    }
}
