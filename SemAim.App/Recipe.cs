using System.Text.Json;
using SemAim.Runtime;

namespace SemAim.App;

/// <summary>Presets: a JSON file's <c>options</c> stand in front of those on the command line, which win over it.</summary>
internal static class Recipe
{
    private const string Option = "--recipe", Prefix = "recipe.";

    /// <summary>Names of the recipes that the program carries.</summary>
    internal static IReadOnlyList<string> Names { get; } = [.. typeof(Recipe).Assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Select(n => n[Prefix.Length..]).Order(StringComparer.Ordinal)];

    /// <summary>The arguments with the options of a recipe added that they do not give themselves.</summary>
    /// <param name="args">in canonical form</param>
    /// <exception cref="UsageException">there is no such recipe, or it is malformed</exception>
    internal static string[] Expand(string[] args)
    {
        if (Value(args) is not { Length: > 0 } name) return args;
        var added = new List<string>(args);
        try
        {
            using var json = JsonDocument.Parse(Text(name), new JsonDocumentOptions { MaxDepth = 8 });
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("options", out var options) || options.ValueKind != JsonValueKind.Object)
                throw new UsageException($"{Option} {name}: the file has no object \"options\"");
            if (Verb(json.RootElement) is { } verb && args.Length > 0 && verb != args[0]) throw new UsageException($"{Option} {name}: that recipe is for {verb}, not for {args[0]}");
            foreach (var option in options.EnumerateObject())
            {
                var given = "--" + option.Name.Replace('-', '_');
                if (args.Any(a => a == given || a.StartsWith(given + "=", StringComparison.Ordinal)) || option.Value.ValueKind == JsonValueKind.False) continue;
                added.Add(given);
                if (option.Value.ValueKind != JsonValueKind.True) added.Add(option.Value.ToString());
            }
        }
        catch (JsonException e)
        {
            throw new UsageException($"{Option} {name}: {JsonFault.Of(e)}", e);
        }
        return [.. added];
    }

    // the verb of the command that a recipe states, or null
    private static string? Verb(JsonElement recipe)
        => recipe.TryGetProperty("command", out var command) && command.ValueKind == JsonValueKind.String && command.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["semaim", var verb, ..] ? verb : null;

    private static string? Value(string[] args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == Option) return i + 1 < args.Length ? args[i + 1] : null;
            if (args[i].StartsWith(Option + "=", StringComparison.Ordinal)) return args[i][(Option.Length + 1)..];
        }
        return null;
    }

    /// <summary>The text of a recipe, by name or file.</summary>
    /// <exception cref="UsageException">there is no such recipe</exception>
    internal static string Text(string name)
    {
        if (File.Exists(name)) return File.ReadAllText(name);
        using var stream = typeof(Recipe).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new UsageException($"{Option} {name}: there is no such file and no such recipe{CommandLineProgram.Nearest(name, Names)}; choose one of {string.Join(", ", Names)}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
