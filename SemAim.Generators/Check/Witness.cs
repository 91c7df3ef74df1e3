using System;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Numbers for messages.</summary>
public static class Witness
{
    /// <summary>The first variant's numbers, where it knows every symbol.</summary>
    public static string Numbers(ModuleScope scope, Dim found, Dim wanted, string between)
    {
        var (a, b) = (scope.Facts.Normalise(found), scope.Facts.Normalise(wanted));
        foreach (var variant in scope.Unit.Variants)
        {
            if (!a.Symbols.Concat(b.Symbols).All(s => Value(variant, s) is not null)) continue;
            var (x, y) = (a.Evaluate(s => Value(variant, s)!.Value), b.Evaluate(s => Value(variant, s)!.Value));
            if (x != y || between != " is not ") return $"; {variant.Name}: {x}{between}{y}";
        }
        return "";
    }

    /// <summary>A size or quotient of a variant, or null.</summary>
    public static long? Value(Variant variant, string symbol)
    {
        if (variant.Sizes.FirstOrDefault(s => s.Name == symbol) is { } size) return size.Value;
        if (long.TryParse(symbol, out var n)) return n;
        var quotient = symbol.Split([" / "], StringSplitOptions.None);
        return quotient.Length == 2 && Value(variant, quotient[0]) is { } a && Value(variant, quotient[1]) is { } b && b != 0 ? a / b : null;
    }
}
