using System;
using SemAim.Generators.Analyze;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>A graph that asks for cuts has copies of a repeat to be cut between.</summary>
public static class CutChecker
{
    /// <summary>Reports SEM0504.</summary>
    public static void Check(ModuleScope scope, CheckedGraph graph, Action<Finding> report)
    {
        var reason = "it is private and read in the place of its calls: mark the graphs that call it";
        if (!graph.Unit.Inlined && CutLevels.Boundaries(scope, graph.Body, out reason).Count > 0) return;
        report(new("SEM0504", $"`{graph.Unit.Name}` asks for cuts, but {reason}; {(graph.Unit.Inlined ? "drop" : "go through the copies of a Repeat in one loop from 0, or drop")} `Cuts = true`", graph.Unit.Id));
    }
}
