using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace SemAim.Generators.Check;

/// <summary>A tensor of a checkpoint as its manifest describes it.</summary>
/// <param name="Shape">its axes</param>
/// <param name="Type">name of its element type; null where the manifest does not say</param>
public sealed record ManifestTensor(long[] Shape, string? Type)
{
    /// <summary>False where the type is known to hold no weights: a whole number or a truth value.</summary>
    public bool IsFloating => Type is null || Type.IndexOf("float", StringComparison.OrdinalIgnoreCase) >= 0 || Type.StartsWith("F", StringComparison.OrdinalIgnoreCase) || Type.StartsWith("BF", StringComparison.OrdinalIgnoreCase)
        || Type.EndsWith("half", StringComparison.OrdinalIgnoreCase) || Type.EndsWith("double", StringComparison.OrdinalIgnoreCase);
}

/// <summary>Reads <c>[{ "key": "…", "shape": [1, 2], "dtype": "…" }, …]</c>. The compiler has no JSON library; this is the whole of what it must read.</summary>
public sealed class ManifestText
{
    private readonly string text;
    private int at;

    private ManifestText(string text) => this.text = text;

    /// <summary>Tensors by key, or what is wrong and where.</summary>
    public static (Dictionary<string, ManifestTensor>? Tensors, string Problem) Parse(string text)
    {
        var reader = new ManifestText(text);
        try
        {
            return (reader.Read(), "");
        }
        catch (FormatException problem)
        {
            var line = 1;
            for (var i = 0; i < reader.at && i < text.Length; i++) if (text[i] == '\n') line++;
            return (null, $"line {line.ToString(CultureInfo.InvariantCulture)}: {problem.Message}");
        }
    }

    private Dictionary<string, ManifestTensor> Read()
    {
        var entries = new Dictionary<string, ManifestTensor>();
        Expect('[');
        if (!Take(']'))
        {
            do
            {
                var (key, tensor) = Entry();
                if (entries.ContainsKey(key)) throw new FormatException($"\"{key}\" is there twice");
                entries[key] = tensor;
            }
            while (Take(','));
            Expect(']');
        }
        SkipBlanks();
        if (at < text.Length) throw new FormatException("the list ends here, the file does not");
        return entries;
    }

    private (string Key, ManifestTensor Tensor) Entry()
    {
        string? key = null, type = null;
        long[]? shape = null;
        Expect('{');
        do
        {
            var name = Text("a name");
            Expect(':');
            switch (name)
            {
                case "key": key = Text("a key"); break;
                case "shape": shape = Numbers(); break;
                case "dtype": type = Text("a type"); break;
                default: throw new FormatException($"\"{name}\" is none of key, shape, dtype");
            }
        }
        while (Take(','));
        Expect('}');
        return key is null ? throw new FormatException("an entry without \"key\"") : shape is null ? throw new FormatException($"\"{key}\" has no \"shape\"") : (key, new(shape, type));
    }

    private void SkipBlanks()
    {
        while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
    }

    private bool Take(char c)
    {
        SkipBlanks();
        if (at >= text.Length || text[at] != c) return false;
        at++;
        return true;
    }

    private void Expect(char c)
    {
        if (!Take(c)) throw new FormatException(at < text.Length ? $"'{c}' expected, '{text[at]}' found" : $"'{c}' expected, the file ends");
    }

    private string Text(string what)
    {
        if (!Take('"')) throw new FormatException(at < text.Length ? $"{what} in quotes expected, '{text[at]}' found" : $"{what} in quotes expected, the file ends");
        var value = new StringBuilder();
        for (; at < text.Length && text[at] is not '"' and not '\n'; at++)
        {
            if (text[at] != '\\') { value.Append(text[at]); continue; }
            at++;
            var c = at < text.Length ? text[at] : '\0';
            if (c == 'u' && at + 4 < text.Length && ushort.TryParse(text.Substring(at + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            {
                value.Append((char)code);
                at += 4;
            }
            else value.Append(c switch { '"' or '\\' or '/' => c, 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', _ => throw new FormatException("a backslash that escapes nothing") });
        }
        if (at >= text.Length || text[at] != '"') throw new FormatException($"{what} that is never closed");
        at++;
        return value.ToString();
    }

    private long[] Numbers()
    {
        Expect('[');
        var numbers = new List<long>();
        if (Take(']')) return [];
        do
        {
            SkipBlanks();
            var from = at;
            while (at < text.Length && text[at] is >= '0' and <= '9') at++;
            if (!long.TryParse(text.Substring(from, at - from), NumberStyles.None, CultureInfo.InvariantCulture, out var n)) throw new FormatException("a shape holds whole numbers of at least 0");
            numbers.Add(n);
        }
        while (Take(','));
        Expect(']');
        return [.. numbers];
    }
}
