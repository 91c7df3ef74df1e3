using System.Collections.Generic;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Decides whether a callee's fact follows from the caller's own.</summary>
public static class FactProver
{
    /// <summary>True where the opposite is proven, so that no promise helps.</summary>
    public static bool Fails(SizeFacts facts, Dim left, Dim? modulus, string sign, Dim right)
        => modulus is null ? Proven(facts, left, sign switch { "==" => "!=", "!=" => "==", ">=" => "<", ">" => "<=", "<=" => ">", _ => ">=" }, right)
            : left.Number is { } x && modulus.Number is { } m and > 0 && right.Number is { } y && sign switch { "==" => x % m != y, "!=" => x % m == y, _ => false };

    /// <summary>True only where it is proven: <c>%</c> by exact quotients, the rest by coefficients with every symbol at least 1, or by an equal promise.</summary>
    public static bool Holds(SizeFacts facts, Dim left, Dim? modulus, string sign, Dim right, IReadOnlyList<ParsedFact> promised, ModuleScope scope)
    {
        if (modulus is not null)
        {
            if (sign == "==" && facts.Normalise(right).Equals(Dim.Zero) && facts.Divide(left, modulus) is not null) return true;
            return Promised(facts, left, modulus, sign, right, promised, scope);
        }
        return Proven(facts, left, sign, right) || Promised(facts, left, null, sign, right, promised, scope);
    }

    private static bool Proven(SizeFacts facts, Dim left, string sign, Dim right)
    {
        var difference = facts.Normalise(left - right);
        return sign switch
        {
            "==" => facts.Same(left, right),
            "!=" => facts.IsNeverNegative(difference - 1) || facts.IsNeverNegative(difference * -1 - 1),
            ">=" => facts.IsNeverNegative(difference),
            ">" => facts.IsNeverNegative(difference - 1),
            "<=" => facts.IsNeverNegative(difference * -1),
            "<" => facts.IsNeverNegative(difference * -1 - 1),
            _ => false,
        };
    }

    private static bool Promised(SizeFacts facts, Dim left, Dim? modulus, string sign, Dim right, IReadOnlyList<ParsedFact> promised, ModuleScope scope)
    {
        foreach (var p in promised)
        {
            if (p.Operator != sign || p.Modulus is null != modulus is null) continue;
            if (Size(p.Left) is { } l && Size(p.Right) is { } r && facts.Same(l, left) && facts.Same(r, right) && (modulus is null || Size(p.Modulus!) is { } m && facts.Same(m, modulus))) return true;
        }
        return false;

        Dim? Size(Ir.Expr e) => Expressions.Evaluate(e, n => scope.Facts[n], facts.Divide);
    }
}
