using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace SemAim.Generators.Symbols;

/// <summary>Axes that their author marked with #: each is a size of its own, of which is known that it is 1 or another size.</summary>
/// <remarks>The symbol of such an axis is <c>#T@condition.1</c>: axis 1 of the parameter <c>condition</c>. Only a broadcast says more of it; everywhere else it is equal to itself alone.</remarks>
public sealed partial class SizeFacts
{
    private static readonly Regex Place = new(@"@(?<value>[\p{L}_][\p{L}\p{Nd}_]*)\.(?<axis>-?\d+)", RegexOptions.CultureInvariant);
    private static readonly Regex Whole = new(@"#[^@]*@(?<value>[\p{L}_][\p{L}\p{Nd}_]*)\.(?<axis>-?\d+)", RegexOptions.CultureInvariant);

    private readonly Dictionary<string, Dim> marks = [];

    /// <summary>The size of an axis that is 1 or <paramref name="size"/>.</summary>
    public Dim Mark(string text, Dim size, string parameter, int axis)
    {
        var symbol = $"#{text}@{parameter}.{axis.ToString(System.Globalization.CultureInfo.InvariantCulture)}";
        marks[symbol] = size;
        return Dim.Symbol(symbol);
    }

    /// <summary>What a marked axis is if it is not 1; null for any other size.</summary>
    public Dim? Marked(Dim size) => marks.Count > 0 && size is { IsTerm: true, Symbols: [var symbol] } && marks.TryGetValue(symbol, out var wide) && size.Equals(Dim.Symbol(symbol)) ? wide : null;

    /// <summary>The size with every marked axis at its widest.</summary>
    public Dim Widest(Dim size) => marks.Count == 0 ? size : size.Substitute(s => marks.TryGetValue(s, out var wide) ? wide : null);

    /// <summary>A text without the places of marked axes, as messages and comments say it: <c>#T</c>.</summary>
    public static string WithoutPlaces(string text) => text.IndexOf('@') < 0 ? text : Place.Replace(text, "");

    // condition.size(1)
    private static string Measured(string code) => code.IndexOf('#') < 0 ? code : Whole.Replace(code, m => $"{Identifier.Escaped(m.Groups["value"].Value)}.size({m.Groups["axis"].Value})");
}
