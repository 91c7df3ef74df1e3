using System;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>Square roots of sizes.</summary>
public static class SquareRoot
{
    /// <summary>The size of which this is the square, or null where there is none: found term by term, since what is left of a square is a multiple of twice the root's first term.</summary>
    public static Dim? Of(Dim size)
    {
        if (size.Equals(Dim.Zero)) return Dim.Zero;
        if (OfTerm(size.Terms.First()) is not { } first) return null;
        var (root, steps) = (first, size.Terms.Count());             // a square has no fewer terms than its root
        for (var rest = size - root * root; !rest.Equals(Dim.Zero); rest = size - root * root)
        {
            if (steps-- == 0 || rest.Terms.First().Over(first * 2) is not { } term) return null;
            root += term;
        }
        return root;
    }

    private static Dim? OfTerm(Dim term)
    {
        var number = term.Evaluate(_ => 1);
        var side = (long)Math.Round(Math.Sqrt(Math.Max(0, number)));
        if (side * side != number) return null;
        var root = Dim.Const(side);
        foreach (var symbol in term.Symbols.Select(Dim.Symbol))
            while (term.Over(root * root * symbol * symbol) is not null) root *= symbol;
        return (root * root).Equals(term) ? root : null;
    }
}
