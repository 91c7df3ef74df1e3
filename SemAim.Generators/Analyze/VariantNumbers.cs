using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Analyze;

/// <summary>Sizes of a published configuration as numbers.</summary>
public static class VariantNumbers
{
    /// <summary>The number, or null where a name is unknown, a quotient is not whole or the result does not fit.</summary>
    public static long? Evaluate(ModuleUnit unit, Variant variant, Expr e, System.Func<string, long?>? other = null)
    {
        long? Size(string name) => other?.Invoke(name) ?? (variant.Sizes.FirstOrDefault(v => v.Name == name) is { } size ? size.Value
            : unit.Members.FirstOrDefault(m => m.Name == name) is { } member ? Expressions.Number(member.Value, Size) : null);
        return Expressions.Number(e, Size);
    }

    /// <summary>Every weight of a configuration with its key and numbers; null where a size is unknown.</summary>
    public static IReadOnlyList<(string Key, long[] Shape, int At)>? Weights(ModuleUnit unit, Variant variant, IEnumerable<WeightEntry> manifest)
    {
        var weights = new List<(string, long[], int)>();
        foreach (var entry in manifest)
        {
            var axes = new List<long>();
            foreach (var axis in entry.Shape.Split([' '], System.StringSplitOptions.RemoveEmptyEntries))
            {
                if (Evaluate(unit, variant, axis) is not { } size) return null;
                axes.Add(size);
            }
            if (Keys(unit, variant, entry.Key) is not { } keys) return null;
            weights.AddRange(keys.Select(k => (k, axes.ToArray(), entry.At)));
        }
        return weights;
    }

    private static List<string>? Keys(ModuleUnit unit, Variant variant, string key)
    {
        const long mostCopies = 1 << 16;
        var open = key.IndexOf("{0..", System.StringComparison.Ordinal);
        if (open < 0) return [key];
        var close = key.IndexOf('}', open);
        if (Evaluate(unit, variant, key.Substring(open + 4, close - open - 4)) is not (>= 0 and <= mostCopies) || Keys(unit, variant, key.Substring(close + 1)) is not { } rest) return null;
        var count = (int)Evaluate(unit, variant, key.Substring(open + 4, close - open - 4))!.Value;
        return [.. Enumerable.Range(0, count).SelectMany(i => rest.Select(r => key.Substring(0, open) + i.ToString(System.Globalization.CultureInfo.InvariantCulture) + r))];
    }

    /// <summary>The same of a text; null for an empty one.</summary>
    public static long? Evaluate(ModuleUnit unit, Variant variant, string text, System.Func<string, long?>? other = null)
        => text.Length > 0 && SizeText.Parse(text) is { } e ? Evaluate(unit, variant, e, other) : null;
}
