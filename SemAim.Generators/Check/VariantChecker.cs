using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>Every published configuration keeps the module's facts.</summary>
public static class VariantChecker
{
    /// <summary>Computes each fact from the variant's numbers as declared, not through what facts eliminate.</summary>
    public static void Check(ModuleScope scope, Action<Finding> report)
    {
        foreach (var variant in scope.Unit.Variants)
        {
            foreach (var size in variant.Sizes.Where(s => s.Value < 1)) report(new("SEM0110", $"variant {variant.Name} makes {size.Name} {size.Value?.ToString(System.Globalization.CultureInfo.InvariantCulture)}; a size is at least 1", variant.Id));
            var refused = new HashSet<string>(variant.Sizes.Where(s => s.Value < 1).Select(s => s.Name));
            foreach (var fact in scope.Parsed)
            {
                // a size that is no size breaks what it will
                if (new[] { fact.Left, fact.Modulus, fact.Right }.OfType<Expr>().SelectMany(Expressions.SizeNames).Any(refused.Contains)) continue;
                if (Number(scope, variant, fact.Left) is not { } left || Number(scope, variant, fact.Right) is not { } right) continue;
                var modulus = fact.Modulus is null ? null : Number(scope, variant, fact.Modulus);
                if (fact.Modulus is not null && modulus is null or 0) continue;
                var value = modulus is { } m ? left % m : left;
                if (AdmissibleSizes.Compare(value, fact.Operator, right)) continue;
                var because = fact.Fact.Because is null ? "" : $" ({fact.Fact.Because})";
                report(new("SEM0110", $"variant {variant.Name} breaks [Require(\"{fact.Fact.Text}\")]{because}: {left}{(modulus is { } n ? $" % {n} = {value}" : fact.Operator == "==" ? $" is not {right}" : $" {fact.Operator} {right} does not hold")}", variant.Id, Related: new([new Related("", RelatedKind.Fact, scope.Unit.Facts.ToList().IndexOf(fact.Fact).ToString(System.Globalization.CultureInfo.InvariantCulture))])));
            }
        }
    }

    private static long? Number(ModuleScope scope, Variant variant, Expr e) => VariantNumbers.Evaluate(scope.Unit, variant, e);
}
