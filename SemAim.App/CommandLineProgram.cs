using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using CommandLine;
using CommandLine.Text;
using SemAim.Runtime;
using SemAim.Runtime.Native;

namespace SemAim.App;

/// <summary>A verb: its options are the class that carries <see cref="VerbAttribute"/>, its work is <see cref="Run"/>.</summary>
internal interface IVerb
{
    /// <summary>Does the work; results go to standard output, progress to standard error.</summary>
    /// <returns>an exit code</returns>
    int Run();
}

/// <summary>A verb that takes many steps with large tensors.</summary>
internal interface ITrainingVerb : IVerb;

/// <summary>Exit codes of the program.</summary>
internal static class ExitCodes
{
    internal const int Done = 0, Failed = 1, Usage = 2, Refused = 3, NotFinite = 4, Stopped = 75;
}

/// <summary>Parses the command line, runs the verb and turns what went wrong into one line and an exit code.</summary>
internal static class CommandLineProgram
{
    private static readonly Type[] Verbs = [.. typeof(CommandLineProgram).Assembly.GetTypes().Where(t => t.GetCustomAttribute<VerbAttribute>() is not null).OrderBy(t => t.GetCustomAttribute<VerbAttribute>()!.Name, StringComparer.Ordinal)];

    /// <param name="args">after the program's name</param>
    /// <param name="ownProcess">the process is this program's alone: it may start itself again with better settings</param>
    internal static int Run(string[] args, bool ownProcess = false)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        using var parser = new Parser(settings =>
        {
            settings.HelpWriter = null;
            settings.AutoVersion = true;
            settings.CaseInsensitiveEnumValues = true;
            settings.ParsingCulture = CultureInfo.InvariantCulture;
        });
        try
        {
            args = [.. args.Select(Canonical)];
            if (args.Any(a => a.StartsWith("--recipe", StringComparison.Ordinal))) args = Recipe.Expand(args);
            var result = parser.ParseArguments(args, Verbs);
            if (result is NotParsed<object> { Errors: var errors }) return Explain(result, [.. errors], args);
            var verb = (IVerb)((Parsed<object>)result).Value;
            if (ownProcess && verb is ITrainingVerb) Restart();
            return verb.Run();
        }
        catch (Exception e) when (Unwrap(e) is { } known)
        {
            Console.Error.WriteLine($"semaim: {known.Message}");
            return known is UsageException ? ExitCodes.Usage : known is RefusedException ? ExitCodes.Refused : ExitCodes.Failed;
        }
    }

    // on its own: the library's assembly loads libtorch at the first call into it, and a verb may be there to say that it cannot
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Restart() => AllocatorTunables.Apply();

    // --batch-size and --batch_size are one option
    private static string Canonical(string arg)
    {
        if (!arg.StartsWith("--", StringComparison.Ordinal)) return arg;
        var equals = arg.IndexOf('=');
        var name = equals < 0 ? arg : arg[..equals];
        return "--" + name[2..].Replace('-', '_') + (equals < 0 ? "" : arg[equals..]);
    }

    private static Exception? Unwrap(Exception e) => e switch
    {
        TargetInvocationException or TypeInitializationException when e.InnerException is not null => Unwrap(e.InnerException),
        UsageException or RefusedException or DllNotFoundException or IOException or UnauthorizedAccessException or ImageDecodeException => e,
        _ => null,
    };

    private static int Explain(ParserResult<object> result, List<Error> errors, string[] args)
    {
        if (errors.Any(e => e.Tag is ErrorType.HelpRequestedError or ErrorType.HelpVerbRequestedError or ErrorType.VersionRequestedError or ErrorType.NoVerbSelectedError))
        {
            var version = errors.Any(e => e.Tag == ErrorType.VersionRequestedError);
            var help = HelpText.AutoBuild(result, h =>
            {
                h.AdditionalNewLineAfterOption = false;
                h.Heading = $"semaim {typeof(CommandLineProgram).Assembly.GetName().Version?.ToString(3)}";
                h.Copyright = "Pretrains and evaluates vision transformers by semantic-aware autoregressive image modelling.";
                return h;
            }, e => e, verbsIndex: true);
            Console.Out.WriteLine(version ? help.Heading : help.ToString());
            return errors.Any(e => e.Tag == ErrorType.NoVerbSelectedError) ? ExitCodes.Usage : ExitCodes.Done;
        }
        Console.Error.WriteLine($"semaim: {Line(errors[0], args)}");
        return ExitCodes.Usage;
    }

    private static string Line(Error error, string[] args)
    {
        var verb = args.Length > 0 ? Verbs.FirstOrDefault(v => v.GetCustomAttribute<VerbAttribute>()!.Name == args[0]) : null;
        var options = verb?.GetProperties().Select(p => p.GetCustomAttribute<OptionAttribute>()).OfType<OptionAttribute>().Select(o => o.LongName).ToList() ?? [];
        return error switch
        {
            BadVerbSelectedError bad => $"'{bad.Token}' is no verb{Nearest(bad.Token, Verbs.Select(v => v.GetCustomAttribute<VerbAttribute>()!.Name))}; 'semaim --help' lists them",
            UnknownOptionError unknown => $"--{unknown.Token}: {args[0]} has no such option{Nearest(unknown.Token, options)}; 'semaim {args[0]} --help' lists them",
            BadFormatConversionError bad => $"--{bad.NameInfo.LongName} {Given(args, bad.NameInfo.LongName)}: not a {Kind(verb, bad.NameInfo.LongName)}",
            MissingRequiredOptionError missing => $"--{missing.NameInfo.LongName} is missing; 'semaim {args[0]} --help' says what it is",
            MissingValueOptionError missing => $"--{missing.NameInfo.LongName} needs a value",
            RepeatedOptionError repeated => $"--{repeated.NameInfo.LongName} is given twice",
            NamedError named => $"--{named.NameInfo.LongName}: {named.Tag}",
            _ => error.Tag.ToString(),
        };
    }

    private static string Kind(Type? verb, string option)
    {
        var type = verb?.GetProperties().FirstOrDefault(p => p.GetCustomAttribute<OptionAttribute>()?.LongName == option)?.PropertyType;
        type = type is null ? null : Nullable.GetUnderlyingType(type) ?? type;
        return type is null ? "value that fits" : type.IsEnum ? $"choice; choose one of {string.Join(", ", Enum.GetNames(type).Select(n => n.ToLowerInvariant()))}" : type == typeof(int) || type == typeof(long) ? "whole number" : type == typeof(double) ? "number" : "value that fits";
    }

    private static string Given(string[] args, string option)
    {
        for (var i = 0; i < args.Length; i++)
        {
            var name = Canonical(args[i]);
            if (name == "--" + option) return i + 1 < args.Length ? args[i + 1] : "";
            if (name.StartsWith($"--{option}=", StringComparison.Ordinal)) return name[(option.Length + 3)..];
        }
        return "";
    }

    /// <summary><c> (did you mean knn?)</c>, or nothing.</summary>
    internal static string Nearest(string given, IEnumerable<string> known)
    {
        var (name, distance) = known.Select(k => (k, Distance(given, k))).DefaultIfEmpty(("", int.MaxValue)).MinBy(k => k.Item2);
        return distance <= Math.Max(2, given.Length / 3) ? $" (did you mean {name}?)" : "";
    }

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[b.Length];
    }
}
