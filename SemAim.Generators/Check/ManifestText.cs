using System.Collections.Generic;
using System.Globalization;

namespace SemAim.Generators.Check;

/// <summary>Reads <c>[{ "key": "…", "shape": [1, 2], "dtype": "…" }, …]</c>. The compiler has no JSON library; this is the whole of what it must read.</summary>
public sealed class ManifestText
{
    private readonly string text;
    private int at;

    private ManifestText(string text) => this.text = text;

    /// <summary>Shapes by key, or null where the text is something else.</summary>
    public static Dictionary<string, long[]>? Parse(string text)
    {
        var reader = new ManifestText(text);
        var entries = new Dictionary<string, long[]>();
        if (!reader.Take('[')) return null;
        if (reader.Take(']')) return entries;
        do
        {
            if (!reader.Take('{')) return null;
            string? key = null;
            long[]? shape = null;
            do
            {
                if (reader.String() is not { } name || !reader.Take(':')) return null;
                if (name == "key") { if ((key = reader.String()) is null) return null; }
                else if (name == "shape") { if ((shape = reader.Numbers()) is null) return null; }
                else if (reader.String() is null) return null;
            }
            while (reader.Take(','));
            if (!reader.Take('}') || key is null || shape is null) return null;
            entries[key] = shape;
        }
        while (reader.Take(','));
        return reader.Take(']') ? entries : null;
    }

    private bool Take(char c)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
        if (at >= text.Length || text[at] != c) return false;
        at++;
        return true;
    }

    // keys hold no escapes
    private string? String()
    {
        if (!Take('"')) return null;
        var end = text.IndexOf('"', at);
        if (end < 0) return null;
        var value = text.Substring(at, end - at);
        at = end + 1;
        return value;
    }

    private long[]? Numbers()
    {
        if (!Take('[')) return null;
        var numbers = new List<long>();
        if (Take(']')) return [];
        do
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            var from = at;
            while (at < text.Length && char.IsDigit(text[at])) at++;
            if (!long.TryParse(text.Substring(from, at - from), NumberStyles.None, CultureInfo.InvariantCulture, out var n)) return null;
            numbers.Add(n);
        }
        while (Take(','));
        return Take(']') ? [.. numbers] : null;
    }
}
