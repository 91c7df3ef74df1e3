using System;
using System.Collections.Generic;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>Layers that no graph reads: their parameters would be saved and never trained, and constants saved and never read.</summary>
public static class UnusedLayers
{
    /// <summary>Warns of each; a module without graphs is plain C# and may use its layers there.</summary>
    public static void Check(ModuleUnit unit, Action<Finding> report)
    {
        if (unit.Graphs.Count == 0) return;
        var used = new HashSet<string>();
        foreach (var graph in unit.Graphs) RecursionChecker.Visit(graph.Body, e => { if (e is Expr.Layer l) used.Add(l.Field); });
        foreach (var layer in unit.Layers)
            if (!used.Contains(layer.Field))
                report(new("SEM0103", layer.Kind == LayerKind.Constant ? $"constant `{layer.Field}` is never used by a graph; it would be saved and never read" : $"layer `{layer.Field}` is never used by a graph; its parameters would be saved and never trained", layer.Place, -1, 0));
    }
}
