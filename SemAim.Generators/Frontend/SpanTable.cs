using System.Collections.Generic;
using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Frontend;

/// <summary>Where each numbered expression, statement and declaration of a module stands. Kept apart from the model, which must not change with positions.</summary>
public sealed class SpanTable
{
    private readonly List<SyntaxNodeOrToken> places = [default];

    /// <summary>Numbers a place.</summary>
    public int Add(SyntaxNodeOrToken place)
    {
        places.Add(place);
        return places.Count - 1;
    }

    /// <summary>How many numbers are given, 0 among them.</summary>
    public int Count => places.Count;

    /// <summary>The syntax behind a number.</summary>
    public SyntaxNodeOrToken this[int id] => places[id];
}
