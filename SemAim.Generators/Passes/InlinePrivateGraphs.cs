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
    public void Run(CheckedGraph graph) => Rewriting.Inline(graph.Body);

    /// <summary>What stands in the pass's place where it is left out: calls of graphs that are methods lose their operations.</summary>
    /// <param name="graph">changed in place</param>
    /// <param name="methods">names of the private graphs that are methods; calls of others are replaced all the same</param>
    internal static void LeaveCalls(CheckedGraph graph, ICollection<string> methods) => Rewriting.Inline(graph.Body, methods);
}
