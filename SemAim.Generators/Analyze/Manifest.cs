using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Analyze;

/// <summary>Weights and constants by key, and which of them a graph reads.</summary>
public static class Manifest
{
    /// <summary>Everything below a module, in order of registration. Layers whose sizes are not known are left out: they have been reported.</summary>
    public static EquatableArray<WeightEntry> Of(ModuleScope scope)
    {
        var entries = new List<WeightEntry>();
        foreach (var field in scope.Unit.Layers)
            if (scope.Layers.TryGetValue(field.Field, out var layer) && layer.IsComplete) entries.AddRange(Of(scope, layer));
        return entries.ToEquatable();
    }

    /// <summary>What one layer holds.</summary>
    public static IEnumerable<WeightEntry> Of(ModuleScope scope, ResolvedLayer layer)
    {
        var field = layer.Field;
        var prefix = layer.Count is null ? field.Key : $"{field.Key}.{{0..{Text(scope, layer.Count)}}}";
        WeightEntry Entry(string local, bool product, params Dim[] axes) => new($"{prefix}.{local}", string.Join(" ", axes.Select(a => Text(scope, a))), true, product, field.Place);
        var sizes = layer.Sizes;
        switch (field.Kind)
        {
            case LayerKind.Weight or LayerKind.Constant:
                if (layer.Shape is { } shape) yield return new(prefix, string.Join(" ", shape.Select(a => Text(scope, a))), field.Kind == LayerKind.Weight, false, field.Place);
                yield break;
            case LayerKind.Linear:
                yield return Entry("weight", true, sizes["out"], sizes["in"]);
                if (!sizes.ContainsKey("bias")) yield return Entry("bias", true, sizes["out"]);
                yield break;
            case LayerKind.LayerNorm:
                yield return Entry("weight", false, sizes["width"]);
                yield return Entry("bias", false, sizes["width"]);
                yield break;
            case LayerKind.Conv2d:
                yield return Entry("weight", true, sizes["out"], sizes["in"], sizes["kernel"], sizes["kernel"]);
                yield return Entry("bias", true, sizes["out"]);
                yield break;
        }
        if (!scope.Contracts.TryGetValue(field.Type, out var callee)) yield break;
        Dim? Size(string name) => sizes.TryGetValue(name, out var s) ? s : callee.Members.FirstOrDefault(m => m.Name == name) is { } member ? Expressions.Evaluate(member.Value, Size, scope.Facts.Divide) : null;
        foreach (var inner in callee.Weights)
            if (Translate(scope, inner.Shape, Size) is { } translated && Translated(scope, inner.Key, Size) is { } key)
                yield return new($"{prefix}.{key}", translated, inner.IsTrained, inner.IsProductOnly, field.Place);
    }

    /// <summary>Keys of what a graph reads, in the manifest's order.</summary>
    public static EquatableArray<string> Reads(ModuleScope scope, CheckedGraph graph)
    {
        var keys = new HashSet<string>();
        foreach (var op in Rewriting.All(graph.Body))
        {
            if (op.Kind is OpKind.Weight or OpKind.Linear or OpKind.LayerNorm or OpKind.Conv2d) keys.UnionWith(Of(scope, scope.Layers[op.Text]).Select(w => w.Key));
            if (op.Kind != OpKind.Call || Costs.Graph(scope, op) is not { } callee) continue;
            var reads = callee.Summary.Cost?.Reads ?? default;
            if (op.Callee is null) { keys.UnionWith(reads); continue; }
            var layer = scope.Layers[op.Text];
            var held = Of(scope, layer).ToList();
            for (var i = 0; i < op.Callee.Weights.Count && i < held.Count; i++)
                if (reads.Contains(op.Callee.Weights[i].Key)) keys.Add(held[i].Key);
        }
        return Of(scope).Select(w => w.Key).Where(keys.Contains).ToEquatable();
    }

    private static string Text(ModuleScope scope, Dim size) => scope.Facts.Text(size).Replace(" ", "");

    private static string? Translate(ModuleScope scope, string shape, System.Func<string, Dim?> size)
    {
        var axes = new List<string>();
        foreach (var axis in shape.Split([' '], System.StringSplitOptions.RemoveEmptyEntries))
        {
            if (SizeText.Parse(axis) is not { } e || Expressions.Evaluate(e, size, scope.Facts.Divide) is not { } value) return null;
            axes.Add(Text(scope, value));
        }
        return string.Join(" ", axes);
    }

    private static string? Translated(ModuleScope scope, string key, System.Func<string, Dim?> size)
    {
        var open = key.IndexOf("{0..", System.StringComparison.Ordinal);
        if (open < 0) return key;
        var close = key.IndexOf('}', open);
        return Translate(scope, key.Substring(open + 4, close - open - 4), size) is { } count && Translated(scope, key.Substring(close + 1), size) is { } rest
            ? key.Substring(0, open + 4) + count + "}" + rest : null;
    }
}
