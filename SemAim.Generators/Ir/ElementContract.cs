using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Collections;

namespace SemAim.Generators.Ir;

/// <summary>One way in which the elements of a value come out: the widest of <paramref name="Least"/> and of the types that parameters bring.</summary>
/// <param name="Least">its type, where no parameter brings a wider one; <see cref="ElementType.Bool"/> is the narrowest</param>
/// <param name="Of">names of parameters</param>
/// <param name="IsComputed">not the elements that came in, but made of them: as an index it may lie anywhere</param>
/// <param name="Below">sizes of the axes that an index was made along</param>
public sealed record ElementWay(ElementType Least, EquatableArray<string> Of, bool IsComputed, EquatableArray<string> Below)
{
    private const string Computed = "~";

    /// <summary>As <c>float</c>, <c>x</c>, <c>x + int64</c>, <c>int64 &lt; K</c>; <c>~</c> in front of what is computed.</summary>
    public string Text
    {
        get
        {
            var types = Of.Count > 0 && Least == ElementType.Bool ? [] : new[] { Word(Least) };
            return (IsComputed ? Computed : "") + string.Join(" + ", Of.Concat(types)) + string.Concat(Below.Select(b => $" < {b}"));
        }
    }

    /// <summary>The way, or null where the text is none.</summary>
    public static ElementWay? Parse(string text)
    {
        var parts = text.Split('<').Select(p => p.Trim()).ToList();
        var names = parts[0].TrimStart(Computed[0]).Split('+').Select(n => n.Trim()).ToList();
        if (names.Any(n => n.Length == 0)) return null;
        var type = Type(names[names.Count - 1]);
        return new(type ?? ElementType.Bool, names.Take(names.Count - (type is null ? 0 : 1)).ToEquatable(), parts[0].StartsWith(Computed, StringComparison.Ordinal), parts.Skip(1).ToEquatable());
    }

    internal static string Word(ElementType type) => type switch { ElementType.Float => "float", ElementType.Int64 => "int64", _ => "bool" };

    internal static ElementType? Type(string word) => word switch { "float" => ElementType.Float, "int64" => ElementType.Int64, "bool" => ElementType.Bool, _ => null };
}

/// <summary>What a graph needs of its arguments' elements.</summary>
/// <param name="Way">how they come together</param>
/// <param name="Accepts">types that the result of that may have</param>
/// <param name="Below">looked up by along an axis of this size; empty where it is not, or the size is not the caller's to know</param>
/// <param name="IsIndex">looked up by: nothing that was computed will do</param>
public sealed record ElementDemand(ElementWay Way, ElementSet Accepts, bool IsIndex, string Below)
{
    private static readonly ElementType[] Types = [ElementType.Float, ElementType.Int64, ElementType.Bool];

    /// <summary>As <c>x: float</c>, <c>a + b: float|int64</c>, <c>place: index &lt; N</c>.</summary>
    public string Text => $"{Way.Text}: {(IsIndex ? "index" : string.Join("|", Types.Where(t => (Accepts & Set(t)) != 0).Select(ElementWay.Word)))}{(Below.Length > 0 ? $" < {Below}" : "")}";

    /// <summary>The demand, or null where the text is none.</summary>
    public static ElementDemand? Parse(string text)
    {
        var colon = text.IndexOf(':');
        if (colon < 0 || ElementWay.Parse(text.Substring(0, colon)) is not { } way) return null;
        var parts = text.Substring(colon + 1).Split('<').Select(p => p.Trim()).ToList();
        if (parts[0] == "index") return new(way, ElementSet.Int64, true, parts.Count > 1 ? parts[1] : "");
        var accepts = ElementSet.None;
        foreach (var word in parts[0].Split('|'))
            if (ElementWay.Type(word) is { } type) accepts |= Set(type);
        return accepts == ElementSet.None ? null : new(way, accepts, false, "");
    }

    /// <summary>The set of one type.</summary>
    public static ElementSet Set(ElementType type) => type switch { ElementType.Float => ElementSet.Float, ElementType.Int64 => ElementSet.Int64, ElementType.Bool => ElementSet.Bool, _ => ElementSet.Mask };
}

/// <summary>What callers may rely on, and what they must hold, about the types of elements.</summary>
/// <param name="Takes">of the arguments</param>
/// <param name="Gives">for each result the ways in which it may come out; nothing is known of one without any, and of none if the list is empty</param>
public sealed record ElementContract(EquatableArray<ElementDemand> Takes, EquatableArray<EquatableArray<ElementWay>> Gives)
{
    /// <summary>Nothing is known.</summary>
    public static readonly ElementContract Unknown = new(default, default);

    /// <summary>Arguments, separated by semicolons; empty where a parameter's name is a type's.</summary>
    public string TakesText => HasOddNames ? "" : string.Join("; ", Takes.Select(t => t.Text));

    /// <summary>Results, separated by semicolons, their ways by bars; <c>?</c> where nothing is known.</summary>
    public string GivesText => HasOddNames || Gives.All(ways => ways.Count == 0) ? "" : string.Join("; ", Gives.Select(ways => ways.Count == 0 ? "?" : string.Join(" | ", ways.Select(w => w.Text))));

    private bool HasOddNames => Takes.Select(t => t.Way).Concat(Gives.SelectMany(ways => ways)).Any(w => w.Of.Any(n => ElementWay.Type(n) is not null));

    /// <summary>Reads what another assembly published.</summary>
    public static ElementContract Parse(string takes, string gives)
    {
        static IEnumerable<string> Parts(string text, char separator) => text.Split([separator], StringSplitOptions.RemoveEmptyEntries).Select(p => p.Trim());
        EquatableArray<ElementWay> Ways(string text)
        {
            var ways = Parts(text, '|').Select(ElementWay.Parse).ToList();
            return ways.Contains(null) || text == "?" ? default : ways.Select(w => w!).ToEquatable();
        }
        return new(Parts(takes, ';').Select(ElementDemand.Parse).Where(d => d is not null).Select(d => d!).ToEquatable(), Parts(gives, ';').Select(Ways).ToEquatable());
    }
}
