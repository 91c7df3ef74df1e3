using System.Globalization;
using System.Reflection;
using CommandLine;

namespace SemAim.App;

/// <summary>What the parser lets pass in silence: arguments that no option takes, numbers written with a comma, choices by number.</summary>
internal static class ArgumentCheck
{
    /// <summary>The first fault of arguments that were parsed, or null.</summary>
    /// <param name="args">in canonical form, the verb first</param>
    /// <param name="verb">class of the verb</param>
    internal static string? Fault(string[] args, Type verb)
    {
        var options = verb.GetProperties().Select(p => (Option: p.GetCustomAttribute<OptionAttribute>(), Type: Nullable.GetUnderlyingType(p.PropertyType) ?? p.PropertyType)).Where(p => p.Option is not null).ToDictionary(p => p.Option!.LongName, p => p.Type);
        var room = verb.GetProperties().Where(p => p.GetCustomAttribute<ValueAttribute>() is not null).Sum(p => p.PropertyType == typeof(string) ? 1 : 1000);
        for (var i = 1; i < args.Length; i++)
        {
            if (!IsOption(args[i]))
            {
                if (args[i].Length == 0) return $"{args[0]}: one of the arguments is empty";
                if (--room >= 0) continue;
                return $"'{args[i]}': {args[0]} takes no such argument{(i > 1 && IsOption(args[i - 1]) ? $"; {args[i - 1]} is a switch, without a value" : "")}; 'semaim {args[0]} --help' lists what it takes";
            }
            var equals = args[i].IndexOf('=');
            var name = args[i][2..(equals < 0 ? args[i].Length : equals)];
            if (!options.TryGetValue(name, out var type) || type == typeof(bool)) continue;
            if (equals < 0 && (i + 1 == args.Length || IsOption(args[i + 1]))) return $"--{name} needs a value; 'semaim {args[0]} --help' says which";
            if (type != typeof(string) && typeof(System.Collections.IEnumerable).IsAssignableFrom(type))
            {
                while (i + 1 < args.Length && !IsOption(args[i + 1])) i++;
                continue;
            }
            var value = equals >= 0 ? args[i][(equals + 1)..] : ++i < args.Length ? args[i] : "";
            // the parser takes a comma for a thousands separator: 0,5 would be 5
            if (type == typeof(double) && value.Contains(',', StringComparison.Ordinal)) return $"--{name} {value}: not a number: decimals are written with a point{(value.Count(c => c == ',') == 1 ? $" ({value.Replace(',', '.')})" : "")}";
            if (type.IsEnum && long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _)) return $"--{name} {value}: not a choice; choose one of {string.Join(", ", CommandLineProgram.Choices(type))}";
        }
        return null;
    }

    // a number below zero is a value
    private static bool IsOption(string arg) => arg.StartsWith("--", StringComparison.Ordinal) && arg.Length > 2;
}
