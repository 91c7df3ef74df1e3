using System.Globalization;
using System.Text;

namespace SemAim.App;

/// <summary>Names from files as text for a terminal: they may hold whatever their author liked, also what moves the cursor or ends a line.</summary>
internal static class Printable
{
    /// <param name="text">a name, or a message with names</param>
    /// <returns>the same on one line, control characters as <c>\u001B</c></returns>
    internal static string Text(string text)
    {
        if (!text.Any(IsControl)) return text;
        var shown = new StringBuilder();
        foreach (var c in text) shown.Append(IsControl(c) ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}") : c.ToString());
        return shown.ToString();
    }

    // format characters too: some turn the direction of what follows; the joiners of scripts and emoji do not
    private static bool IsControl(char c) => c is not ('\u200C' or '\u200D') && char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
