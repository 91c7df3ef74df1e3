using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Link;

/// <summary>Modules that construct each other without end.</summary>
public static class Cycles
{
    /// <summary>The cycle that <paramref name="unit"/> closes: it starts at the member whose name comes first, so that one module alone reports it.</summary>
    public static EquatableArray<string> ClosedBy(ModuleUnit unit, EquatableArray<ModuleContract> all)
    {
        var contracts = all.ToDictionary(c => c.FullName);
        foreach (var start in unit.Layers.Where(l => l.Kind == LayerKind.Module).Select(l => l.Type).Distinct())
        {
            var path = Path(start, unit.FullName, contracts, []);
            if (path is null || path.Any(m => string.CompareOrdinal(m, start) < 0)) continue;
            return path.Append(start).ToEquatable();
        }
        return default;
    }

    private static List<string>? Path(string from, string to, Dictionary<string, ModuleContract> contracts, HashSet<string> seen)
    {
        if (from == to) return [from];
        if (!seen.Add(from) || !contracts.TryGetValue(from, out var contract)) return null;
        foreach (var next in contract.Uses)
            if (Path(next, to, contracts, seen) is { } rest) return [from, .. rest];
        return null;
    }
}
