using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace SemAim.Generators.Symbols;

/// <summary>Names as C# takes them: patterns say <c>in</c>, code says <c>@in</c>.</summary>
public static class Identifier
{
    /// <summary>Words of C# that cannot be a name as they stand.</summary>
    public static IReadOnlyCollection<string> Keywords => Words;

    private static readonly HashSet<string> Words =
    [
        "abstract", "as", "base", "bool", "break", "byte", "case", "catch", "char", "checked", "class", "const", "continue", "decimal", "default", "delegate", "do", "double", "else", "enum", "event", "explicit",
        "extern", "false", "finally", "fixed", "float", "for", "foreach", "goto", "if", "implicit", "in", "int", "interface", "internal", "is", "lock", "long", "namespace", "new", "null", "object", "operator", "out",
        "override", "params", "private", "protected", "public", "readonly", "ref", "return", "sbyte", "sealed", "short", "sizeof", "stackalloc", "static", "string", "struct", "switch", "this", "throw", "true", "try",
        "typeof", "uint", "ulong", "unchecked", "unsafe", "ushort", "using", "virtual", "void", "volatile", "while",
    ];

    /// <summary>A text as a literal of C#.</summary>
    public static string Literal(string text)
        => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\r", "\\r").Replace("\n", "\\n").Replace("\t", "\\t").Replace("\0", "\\0").Replace("\u0085", "\\u0085").Replace("\u2028", "\\u2028").Replace("\u2029", "\\u2029") + "\"";

    /// <summary>A name in C# code.</summary>
    public static string Escaped(string name) => Words.Contains(name) ? "@" + name : name;

    /// <summary>A text of names such as <c>D / H</c> in C# code.</summary>
    public static string EscapedAll(string text) => text.IndexOf(' ') < 0 ? Escaped(text) : Regex.Replace(text, @"[\p{L}_][\p{L}\p{Nd}_]*", m => Escaped(m.Value));
}
