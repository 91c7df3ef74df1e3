using System.Globalization;
using System.Text.Json;

namespace SemAim.App;

/// <summary>What is wrong with a JSON file, in words that do not ask for the names of our types.</summary>
internal static class JsonFault
{
    /// <returns>what and where, lines and bytes counted from 1</returns>
    internal static string Of(JsonException e)
    {
        var place = e.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $" at line {line + 1}, byte {e.BytePositionInLine.GetValueOrDefault() + 1}") : "";
        return e.Path is { Length: > 1 } path && e.InnerException is not JsonException ? $"malformed JSON{place} ({path})" : $"malformed JSON{place}";
    }
}
