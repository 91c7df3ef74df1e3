using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Passes;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Emit;

/// <summary>What every graph of a compilation costs. A step of its own: a caller's published numbers follow its callees' bodies, its code does not.</summary>
public static class Pricing
{
    /// <summary>The contracts with the costs of their graphs; of other assemblies as they published them.</summary>
    public static EquatableArray<ModuleContract> Of(IReadOnlyList<ModuleUnit> units, EquatableArray<ModuleContract> contracts)
    {
        var known = contracts.ToDictionary(c => c.FullName);
        var byName = units.GroupBy(u => u.FullName).ToDictionary(g => g.Key, g => g.First());
        var done = new HashSet<string>();
        foreach (var name in byName.Keys.OrderBy(n => n, StringComparer.Ordinal)) Price(byName[name], byName, known, done);
        return known.Values.OrderBy(c => c.FullName, StringComparer.Ordinal).ToEquatable();
    }

    // callees first
    private static void Price(ModuleUnit unit, Dictionary<string, ModuleUnit> units, Dictionary<string, ModuleContract> known, HashSet<string> done)
    {
        if (!done.Add(unit.FullName)) return;
        foreach (var layer in unit.Layers)
            if (units.TryGetValue(layer.Type, out var callee)) Price(callee, units, known, done);
        var open = unit.Graphs.Where(g => !g.Inlined).ToList();
        var levels = new Dictionary<string, Dim>();
        // graphs of one module may call each other: those that do wait for a second round
        for (var round = 0; round < 2 && open.Count > 0; round++)
        {
            var scope = new ModuleScope(unit, known, _ => { });
            var waiting = new List<GraphUnit>();
            foreach (var graph in open)
            {
                if (GraphChecker.Check(scope, graph, _ => { }) is not { } right) continue;
                var own = known[unit.FullName];
                if (round == 0 && Rewriting.All(right.Body).Any(o => o.Kind == OpKind.Call && o.Callee is null)) { waiting.Add(graph); continue; }
                var cost = Of(scope, right);
                if (graph.Cuts)
                    foreach (var level in CutLevels.Of(scope, right)) levels[level.Key] = levels.TryGetValue(level.Key, out var other) ? CutLevels.Lower(scope.Facts, other, level.Value) : level.Value;
                known[unit.FullName] = own with { Graphs = own.Graphs.Select(g => g.Name == graph.Name ? g with { Summary = g.Summary with { Cost = cost } } : g).ToEquatable() };
                if (levels.Count > 0) known[unit.FullName] = known[unit.FullName] with { Weights = own.Weights.Select(w => levels.TryGetValue(w.Key, out var done) ? w with { Level = scope.Facts.Text(done) } : w).ToEquatable() };
            }
            open = waiting;
        }
    }

    private static GraphCost Of(ModuleScope scope, CheckedGraph graph)
    {
        var (multiplyAdds, reads) = (Costs.Write(scope.Facts, Counting.MultiplyAdds(scope, graph)), Manifest.Reads(scope, graph));
        PassPipeline.Run(graph, scope, nameof(InsertCuts));
        var (wide, narrow) = (SavedBytes.Of(scope, graph, narrow: false), SavedBytes.Of(scope, graph, narrow: true));
        return new(multiplyAdds, Costs.Write(scope.Facts, wide.Bytes), Costs.Write(scope.Facts, narrow.Bytes), wide.Arguments, narrow.Arguments, wide.Products, reads);
    }
}
