using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Analyze;

/// <summary>Sizes of a published configuration as numbers.</summary>
public static class VariantNumbers
{
    /// <summary>The number, or null where a name is unknown, a quotient is not whole or the result does not fit.</summary>
    public static long? Evaluate(ModuleUnit unit, Variant variant, Expr e, System.Func<string, long?>? other = null)
    {
        switch (e)
        {
            case Expr.Int n: return n.Value;
            case Expr.Size s when other?.Invoke(s.Name) is { } given: return given;
            case Expr.Size s when variant.Sizes.FirstOrDefault(v => v.Name == s.Name) is { } size: return size.Value;
            case Expr.Size s: return unit.Members.FirstOrDefault(m => m.Name == s.Name) is { } member ? Evaluate(unit, variant, member.Value, other) : null;
            case Expr.Negate n: return -Evaluate(unit, variant, n.Operand, other);
            case Expr.Binary b:
                if (Evaluate(unit, variant, b.Left, other) is not { } x || Evaluate(unit, variant, b.Right, other) is not { } y) return null;
                try
                {
                    return b.Operator switch { "+" => checked(x + y), "-" => checked(x - y), "*" => checked(x * y), "/" when y != 0 && x % y == 0 => x / y, _ => null };
                }
                catch (System.OverflowException) { return null; }
            default: return null;
        }
    }

    /// <summary>The same of a text; null for an empty one.</summary>
    public static long? Evaluate(ModuleUnit unit, Variant variant, string text, System.Func<string, long?>? other = null)
        => text.Length > 0 && SizeText.Parse(text) is { } e ? Evaluate(unit, variant, e, other) : null;
}
