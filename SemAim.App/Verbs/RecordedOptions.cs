using System.Reflection;
using System.Text.Json;
using CommandLine;
using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary>Options of a verb read back from a record of its run.</summary>
internal static class RecordedOptions
{
    /// <summary>Sets them.</summary>
    /// <param name="verb">gets them</param>
    /// <param name="path">of the record, for messages</param>
    /// <param name="options">by name; those that are not given get their defaults</param>
    /// <exception cref="RefusedException">a value does not fit its option</exception>
    internal static T Into<T>(T verb, string path, IReadOnlyDictionary<string, JsonElement> options) where T : IVerb
    {
        foreach (var property in typeof(T).GetProperties())
        {
            if (property.GetCustomAttribute<OptionAttribute>() is not { } option) continue;
            var given = options.TryGetValue(option.LongName, out var value);
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            try
            {
                if (given)
                    property.SetValue(verb, type.IsEnum ? value.ValueKind == JsonValueKind.Null ? null : Enum.Parse(type, value.GetString() ?? "", ignoreCase: true) : value.Deserialize(property.PropertyType));
                else if (option.Default is not null) property.SetValue(verb, option.Default);
            }
            catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
            {
                throw new RefusedException($"{path}: --{option.LongName} {value}: {e.Message}", e);
            }
        }
        return verb;
    }
}
