using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Link;

/// <summary>The contracts of all modules of a compilation, with what their bodies prove of them.</summary>
public static class Contracts
{
    /// <summary>Sorted by name, so that equal sets are equal.</summary>
    public static EquatableArray<ModuleContract> Of(IEnumerable<ModuleUnit> modules)
    {
        var units = modules.GroupBy(u => u.FullName).Select(g => g.First()).OrderBy(u => u.FullName, StringComparer.Ordinal).ToList();
        var known = units.ToDictionary(u => u.FullName, ModuleContract.Of);
        foreach (var external in units.SelectMany(u => u.Externals))
            if (!known.ContainsKey(external.FullName)) known[external.FullName] = external;
        var done = new HashSet<string>();
        foreach (var unit in units) Summarise(unit, units, known, done);
        return known.Values.OrderBy(c => c.FullName, StringComparer.Ordinal).ToEquatable();
    }

    // callees first; in a cycle the later one stays unknown, which is refused elsewhere
    private static void Summarise(ModuleUnit unit, List<ModuleUnit> units, Dictionary<string, ModuleContract> known, HashSet<string> done)
    {
        if (!done.Add(unit.FullName)) return;
        foreach (var layer in unit.Layers.Where(l => l.Kind == LayerKind.Module))
            if (units.FirstOrDefault(u => u.FullName == layer.Type) is { } callee) Summarise(callee, units, known, done);
        var silent = new ModuleScope(unit, known, _ => { });
        known[unit.FullName] = known[unit.FullName] with { Weights = Manifest.Of(silent).Select(w => w with { At = 0 }).ToEquatable() };
        // graphs of the module that call each other: the callee's summary must be there first
        foreach (var graph in RecursionChecker.CalleesFirst(unit))
        {
            var own = known[unit.FullName];
            known[unit.FullName] = own with { Graphs = own.Graphs.Select(g => g.Name == graph ? Summarise(unit, g, own, silent) : g).ToEquatable() };
        }
    }

    private static GraphContract Summarise(ModuleUnit unit, GraphContract contract, ModuleContract own, ModuleScope scope)
    {
        var graph = unit.Graphs.First(g => g.Name == contract.Name);
        if (GraphChecker.Check(scope, graph, _ => { }) is not { } right) return contract;
        GraphSummary? Called(Op op) => op.Kind == OpKind.Call ? (op.Callee ?? own).Graphs.FirstOrDefault(g => g.Name == op.Method)?.Summary : null;
        var stochastic = Rewriting.All(right.Body).Any(o => o.Kind == OpKind.DropPath || Called(o) is { IsStochastic: true });
        var calls = Rewriting.All(right.Body).Where(o => o.Kind == OpKind.Call).ToList();
        var safe = calls.All(o => Called(o) is { IsCaptureSafe: true });
        var hazard = calls.Select(o => o.Callee is { IsExternal: true } other ? Called(o) is { IsCaptureSafe: true } ? "" : $"{other.Name}.{o.Method}" : Called(o)?.Hazard ?? "").FirstOrDefault(h => h.Length > 0) ?? "";
        var lowered = LoweredArguments.Of(right, o => (o.Callee ?? own).Graphs.FirstOrDefault(g => g.Name == o.Method));
        return contract with { Summary = new(TokenWise.Holds(right, scope.Facts), stochastic, safe, Lowered: lowered, DrawsOnDevice: calls.Any(o => Called(o) is { DrawsOnDevice: true }), Hazard: hazard, DropsFrom: right.DropsFrom, Elements: right.Elements) };
    }

    /// <summary>The contracts that a module's layers name, and its own.</summary>
    public static EquatableArray<ModuleContract> UsedBy(ModuleUnit unit, EquatableArray<ModuleContract> all)
    {
        var names = new HashSet<string>(unit.Layers.Select(l => l.Type)) { unit.FullName };
        return all.Where(c => names.Contains(c.FullName)).ToEquatable();
    }
}

/// <summary>A module and the contracts that it uses.</summary>
/// <param name="Unit">the module</param>
/// <param name="Contracts">of the modules its layers name, and its own</param>
/// <param name="Cycle">module names from the first of a cycle to itself, where this module closes it; else empty</param>
/// <param name="Options">what the project asks for; null: nothing special</param>
/// <param name="SharedCaptures">captured graphs whose name another module of the namespace gives to one of its own</param>
/// <param name="Twins">modules before it whose names differ in case alone: names of generated files do not</param>
public sealed record LinkedUnit(ModuleUnit Unit, EquatableArray<ModuleContract> Contracts, EquatableArray<string> Cycle, CompilerOptions? Options = null, EquatableArray<string> SharedCaptures = default, int Twins = 0)
{
    /// <summary>Chooses from all contracts what one module needs.</summary>
    public static LinkedUnit Of(ModuleUnit unit, EquatableArray<ModuleContract> all) => new(unit, Link.Contracts.UsedBy(unit, all), Cycles.ClosedBy(unit, all), SharedCaptures: Shared(unit, all),
        Twins: all.Count(c => !c.IsExternal && string.Equals(c.FullName, unit.FullName, StringComparison.OrdinalIgnoreCase) && string.CompareOrdinal(c.FullName, unit.FullName) < 0));

    private static EquatableArray<string> Shared(ModuleUnit unit, EquatableArray<ModuleContract> all)
    {
        bool IsNeighbour(ModuleContract c) => !c.IsExternal && c.FullName != unit.FullName && c.FullName.Substring(0, System.Math.Max(0, c.FullName.LastIndexOf('.'))) == unit.Namespace;
        var others = new HashSet<string>(all.Where(IsNeighbour).SelectMany(c => c.Graphs).Where(g => g.IsCaptured).Select(g => g.Name));
        return unit.Graphs.Where(g => g.Capture && others.Contains(g.Name)).Select(g => g.Name).ToEquatable();
    }
}
