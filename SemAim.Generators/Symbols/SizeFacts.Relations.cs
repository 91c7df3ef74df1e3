using System;
using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Symbols;

/// <summary>Equations and inequalities between sizes, as the module declares them.</summary>
public sealed partial class SizeFacts
{
    private const int MostRewrites = 64, MostPoints = 4000, LargestNumber = 12;

    private readonly List<Dim> zeros = [];
    private readonly List<Dim> slacks = [];

    /// <summary>Records that a polynomial is 0 for all admissible sizes.</summary>
    public void RequireZero(Dim polynomial)
    {
        zeros.Add(polynomial);
        slacks.Add(polynomial);
        slacks.Add(polynomial * -1);
    }

    /// <summary>Records that a polynomial is never negative.</summary>
    public void RequireNeverNegative(Dim polynomial) => slacks.Add(polynomial);

    /// <summary>True if no admissible sizes make the value negative: by its coefficients, or by one or two of the declared inequalities.</summary>
    public bool IsNeverNegative(Dim value)
    {
        var normal = Normalise(value);
        if (normal.IsNeverNegative) return true;
        for (var i = 0; i < slacks.Count; i++)
        {
            var rest = Normalise(normal - slacks[i]);
            if (rest.IsNeverNegative) return true;
            for (var k = i; k < slacks.Count; k++)
                if (Normalise(rest - slacks[k]).IsNeverNegative) return true;
        }
        return false;
    }

    /// <summary>True if the value is negative where every free size is 1, and these sizes are admissible.</summary>
    public bool IsNegativeAtOnes(Dim value)
        => Normalise(value).Evaluate(_ => 1) < 0 && zeros.All(z => Normalise(z).Evaluate(_ => 1) == 0) && slacks.All(s => Normalise(s).Evaluate(_ => 1) >= 0);

    /// <summary>True where two sizes are not proven equal, yet agree at every admissible point tried; without declared equations different normal forms differ.</summary>
    public bool MayBeEqual(Dim a, Dim b)
    {
        if (zeros.Count == 0) return false;
        var difference = Normalise(a - b);
        var (equations, limits) = (zeros.Select(Normalise).Where(z => !z.Equals(Dim.Zero)).ToList(), slacks.Select(Normalise).ToList());
        var symbols = equations.Concat(limits).Append(difference).SelectMany(d => d.Symbols).Distinct().ToList();
        var point = new Dictionary<string, long>();
        var seed = 20240229u;
        for (var n = 0; n < MostPoints; n++)
        {
            foreach (var s in symbols)
            {
                seed = unchecked(seed * 1664525u + 1013904223u);
                point[s] = 1 + (seed >> 16) % LargestNumber;
            }
            long At(string s) => point[s];
            if (difference.Evaluate(At) != 0 && equations.All(e => e.Evaluate(At) == 0) && limits.All(l => l.Evaluate(At) >= 0)) return false;
        }
        return true;
    }

    // rewrites by the leading terms of the equations (highest degree first, so it ends); sound, and complete for what authors declare
    private Dim Reduce(Dim difference)
    {
        for (var n = 0; n < MostRewrites; n++)
        {
            if (difference.Equals(Dim.Zero)) return difference;
            var next = zeros.Select(Normalise).Where(z => !z.Equals(Dim.Zero)).Select(z => Rewrite(difference, z)).FirstOrDefault(d => d is not null);
            if (next is null) return difference;
            difference = next;
        }
        return difference;
    }

    private static Dim? Rewrite(Dim difference, Dim zero)
    {
        var lead = zero.Terms.First();
        var scale = Math.Abs(lead.Evaluate(_ => 1));
        foreach (var term in difference.Terms)
            if ((term * scale).Over(lead) is { } times) return difference * scale - times * zero;
        return null;
    }
}
