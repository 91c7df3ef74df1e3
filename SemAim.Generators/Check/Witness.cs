using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Check;

/// <summary>Numbers for messages.</summary>
public static class Witness
{
    private const int SmallPoints = 64;

    /// <summary>
    /// A published configuration's numbers: <c>; aim_base: 224 is not 3136</c>. Without one, the smallest admissible ones where declared relations hide the difference (3·D and D show it by themselves);
    /// nothing where no numbers show it.
    /// </summary>
    public static string Numbers(ModuleScope scope, Dim found, Dim wanted, string between)
    {
        var sizes = new AdmissibleSizes(scope, found, wanted);
        var differs = between == " is not ";
        foreach (var point in sizes.Variants.Concat(differs && HasRelations(scope) ? sizes.Small() : []))
            if (point.Of(scope.Facts, found) is { } x && point.Of(scope.Facts, wanted) is { } y && (between switch { " is not " => x != y, " is less than " => x < y, _ => true })) return $"; {point.Text}: {Text(x)}{between}{Text(y)}";
        return "";
    }

    /// <summary>True where two sizes are not proven equal, yet agree for every configuration and at every admissible point tried.</summary>
    public static bool MayBeEqual(ModuleScope scope, Dim a, Dim b)
    {
        // without a declared relation different normal forms are different sizes somewhere
        if (!HasRelations(scope)) return false;
        var sizes = new AdmissibleSizes(scope, a, b);
        bool Differ(SizePoint p) => p.Of(scope.Facts, a) is { } x && p.Of(scope.Facts, b) is { } y && x != y;
        return !sizes.Variants.Concat(sizes.Random()).Concat(sizes.Small().Take(SmallPoints)).Any(Differ);
    }

    private static bool HasRelations(ModuleScope scope) => scope.Facts.HasEquations || scope.Parsed.Any(p => p.Modulus is null);

    /// <summary>"Cannot prove" that two sizes are equal, and where that was tried.</summary>
    public static CheckFailure Unproven(ModuleScope scope, Dim found, Dim wanted, CheckFailure failure)
    {
        var fact = $"{scope.FactText(found)} == {scope.FactText(wanted)}";
        return new("SEM0121", $"cannot prove {scope.Facts.Show(found)} == {scope.Facts.Show(wanted)} ({Tried(scope, "equal", found, wanted)}); if it always holds, add {ModuleScope.Promise(fact)}", failure.Start, failure.Length, failure.At, ModuleScope.Promise(fact));
    }

    /// <summary>"Cannot prove" that a size is never negative, with the smallest sizes for which it is, where there are any.</summary>
    /// <param name="scope">the module</param>
    /// <param name="value">what may be negative</param>
    /// <param name="failure">where it belongs</param>
    public static CheckFailure MayBeNegative(ModuleScope scope, Dim value, CheckFailure failure)
    {
        var (more, less) = (Dim.Zero, Dim.Zero);
        foreach (var term in scope.Facts.InNames(value).Terms)
            if (term.Evaluate(_ => 1) > 0) more += term;
            else less += term * -1;
        // what is shown by a member's name has its numbers from the member's definition
        long? Of(SizePoint p, Dim named) => p.Of(scope.Facts, named.Substitute(name => scope.Facts[name]));
        var counter = new AdmissibleSizes(scope, value).Small().Where(p => p.Of(scope.Facts, value) < 0).Select(p => Of(p, more) is { } x && Of(p, less) is { } y ? $"{p.Text}: {Text(x)} is less than {Text(y)}" : p.Text).FirstOrDefault();
        var fact = $"{scope.FactText(more)} >= {scope.FactText(less)}";
        var bound = scope.Facts.Normalise(value).Symbols.FirstOrDefault(s => scope.Facts[s] is null && scope.Facts.Quotient(s) is null);
        var cure = bound is null ? $"if it always holds, add {ModuleScope.Promise(fact)}" : $"{bound} is bound at the call: make it a size of the module and promise it with [Require]";
        return new("SEM0121", $"cannot prove {scope.Facts.Show(more)} >= {scope.Facts.Show(less)} ({counter ?? Tried(scope, "true", value)}); {cure}", failure.Start, failure.Length, failure.At, bound is null ? ModuleScope.Promise(fact) : "");
    }

    // equal for aim_base, aim_large and 16 random sizes
    private static string Tried(ModuleScope scope, string what, params Dim[] sizes)
    {
        var admissible = new AdmissibleSizes(scope, sizes);
        var told = admissible.Variants.Where(v => sizes.All(s => v.Of(scope.Facts, s) is not null)).Select(v => v.Text).ToList();
        var random = admissible.Random().Count;
        if (random > 0) told.Add($"{Text(random)} random sizes");
        return told.Count == 0 ? "no small sizes were found for which all [Require] hold" : $"{what} for {string.Join(", ", told.Take(told.Count - 1))}{(told.Count > 1 ? " and " : "")}{told[told.Count - 1]}";
    }

    private static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);
}
