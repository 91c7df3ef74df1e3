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
        if (ownProcess) StandardStream.Install();
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
            if (ArgumentCheck.Fault(args, verb.GetType()) is { } fault) Refuse(fault);
            if (ownProcess && verb is ITrainingVerb) Restart();
            return verb.Run();
        }
        catch (Exception e) when (Unwrap(e) is { } known)
        {
            Console.Error.WriteLine($"semaim: {Printable.Text(known.Message.ReplaceLineEndings(" "))}");
            return known is UsageException ? ExitCodes.Usage : known is RefusedException ? ExitCodes.Refused : ExitCodes.Failed;
        }
        catch (Exception e) when (e is OutOfMemoryException || e.Message.Contains("can't allocate memory", StringComparison.Ordinal))
        {
            Console.Error.WriteLine("semaim: there is not enough memory; take a smaller batch or model, or another machine");
            return ExitCodes.Failed;
        }
        // .NET's way to say EFBIG
        catch (ArgumentOutOfRangeException e) when (e.TargetSite?.DeclaringType?.Namespace?.StartsWith("System.IO", StringComparison.Ordinal) == true)
        {
            Console.Error.WriteLine("semaim: a file would become larger than its file system or a limit (ulimit -f) allows");
            return ExitCodes.Failed;
        }
        catch (Exception e)
        {
            // a defect of the program: one line for whoever ran it, and where it happened for whoever mends it
            Console.Error.WriteLine($"semaim: {e.Message.Split('\n')[0].TrimEnd()} (this is a defect of semaim; what follows says where)");
            Console.Error.WriteLine(e);
            return ExitCodes.Failed;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Refuse(string fault) => throw new UsageException(fault);

    // on their own, this and the one above: the library's assembly loads libtorch at the first call into it, and a verb may be there to say that it cannot
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Restart() => AllocatorTunables.Apply();

    // --batch-size and --batch_size are one option
    private static string Canonical(string arg)
    {
        if (arg is "-h" or "-?") return "--help";
        if (!arg.StartsWith("--", StringComparison.Ordinal)) return arg;
        var equals = arg.IndexOf('=');
        var name = equals < 0 ? arg : arg[..equals];
        return "--" + name[2..].Replace('-', '_') + (equals < 0 ? "" : arg[equals..]);
    }

    private static Exception? Unwrap(Exception e) => e switch
    {
        TargetInvocationException or TypeInitializationException or AggregateException when e.InnerException is not null => Unwrap(e.InnerException),
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
            }, e => e, verbsIndex: errors.All(e => e.Tag != ErrorType.HelpRequestedError));
            // an empty default says nothing
            Console.Out.WriteLine(version ? help.Heading : help.ToString().Replace("(Default: ) ", "", StringComparison.Ordinal));
            return errors.Any(e => e.Tag == ErrorType.NoVerbSelectedError) ? ExitCodes.Usage : ExitCodes.Done;
        }
        Console.Error.WriteLine($"semaim: {Printable.Text(Line(errors[0], args))}");
        return ExitCodes.Usage;
    }

    private static string Line(Error error, string[] args)
    {
        var verb = args.Length > 0 ? Verbs.FirstOrDefault(v => v.GetCustomAttribute<VerbAttribute>()!.Name == args[0]) : null;
        var options = verb?.GetProperties().Select(p => p.GetCustomAttribute<OptionAttribute>()).OfType<OptionAttribute>().Select(o => o.LongName).ToList() ?? [];
        return error switch
        {
            BadVerbSelectedError bad => $"'{bad.Token}' is no verb{Nearest(bad.Token, Verbs.Select(v => v.GetCustomAttribute<VerbAttribute>()!.Name))}; 'semaim --help' lists them",
            UnknownOptionError unknown => $"{(unknown.Token.Length == 1 ? "-" : "--")}{unknown.Token}: {args[0]} has no such option{Nearest(unknown.Token, options)}; 'semaim {args[0]} --help' lists them",
            BadFormatConversionError bad => $"--{bad.NameInfo.LongName} {Given(args, bad.NameInfo.LongName)}: not {Kind(verb, bad.NameInfo.LongName, Given(args, bad.NameInfo.LongName))}",
            MissingRequiredOptionError { NameInfo.LongName: "" } => $"{Arguments(verb, args.Skip(1).TakeWhile(a => !a.StartsWith("--", StringComparison.Ordinal)).Count())} is missing; 'semaim {args[0]} --help' says what it is",
            SequenceOutOfRangeError { NameInfo.LongName: "" } when args.Length < 2 || args[1].StartsWith("--", StringComparison.Ordinal) => $"{Arguments(verb)} is missing; 'semaim {args[0]} --help' says what it is",
            SequenceOutOfRangeError { NameInfo.LongName: "" } => $"too many of {Arguments(verb)}; 'semaim {args[0]} --help' says how many there may be",
            MissingRequiredOptionError missing => $"--{missing.NameInfo.LongName} is missing; 'semaim {args[0]} --help' says what it is",
            MissingValueOptionError missing => $"--{missing.NameInfo.LongName} needs a value",
            RepeatedOptionError repeated => $"--{repeated.NameInfo.LongName} is given twice",
            NamedError named => $"--{named.NameInfo.LongName}: {named.Tag}",
            _ => error.Tag.ToString(),
        };
    }

    // what a value had to be: "a number", "a whole number from 0 on", …
    private static string Kind(Type? verb, string option, string given)
    {
        var type = verb?.GetProperties().FirstOrDefault(p => p.GetCustomAttribute<OptionAttribute>()?.LongName == option)?.PropertyType;
        type = type is null ? null : Nullable.GetUnderlyingType(type) ?? type;
        if (type is null) return "a value that fits";
        if (type.IsEnum) return $"a choice; choose one of {string.Join(", ", Choices(type))}{Nearest(given, Choices(type))}";
        if (type == typeof(int)) return $"a whole number{(long.TryParse(given, out _) ? $" up to {int.MaxValue}" : "")}";
        return type == typeof(long) ? "a whole number" : type == typeof(ulong) ? "a whole number from 0 on" : type == typeof(double) ? "a number" : "a value that fits";
    }

    /// <summary>The choices of an option, as they are typed.</summary>
    internal static IEnumerable<string> Choices(Type type) => Enum.GetNames(type).Select(n => n.ToLowerInvariant());

    // the first argument that a verb takes besides those given
    private static string Arguments(Type? verb, int given = 0)
        => verb?.GetProperties().Select(p => p.GetCustomAttribute<ValueAttribute>()).OfType<ValueAttribute>().OrderBy(v => v.Index).Select(v => v.MetaName).Skip(given).FirstOrDefault() ?? "an argument";

    /// <summary>The text that stands behind an option.</summary>
    internal static string Given(string[] args, string option)
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
        // a part of a name is as near as a slip of a finger
        if (given.Length > 2 && known.FirstOrDefault(k => k.StartsWith(given, StringComparison.OrdinalIgnoreCase)) is { } whole) return $" (did you mean {whole}?)";
        var (name, distance) = known.Select(k => (k, Distance(given.ToLowerInvariant(), k.ToLowerInvariant()))).DefaultIfEmpty(("", int.MaxValue)).MinBy(k => k.Item2);
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
