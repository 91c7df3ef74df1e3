using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SemAim.Generators;
using SemAim.Generators.Emit;
using SemAim.Generators.Frontend;
using SemAim.Generators.Ir;
using SemAim.Generators.Link;
using SemAim.Mutation;

namespace SemAim.Benchmarks;

/// <summary>
/// What the generator adds to a build and to a keystroke: all declared modules from a fresh compilation, and after an edit that changes nothing. Beside each, in turns and over a compilation of its own,
/// runs a generator that only asks Roslyn for the operations which the compiler reads (bodies of graphs, initialisers of layers, sizes, configurations): "beyond binding" is the difference, round by round.
/// </summary>
internal static class GeneratorBenchmark
{
    private const int WarmUp = 60, Rounds = 60, Processes = 5;

    internal static int Run(string[] options)
    {
        var files = MutationRun.Sets(Repository.Root).First().Files;
        if (!options.Contains("--warm")) FreshProcesses();
        Warm(files);
        return 0;
    }

    private static void Warm(IReadOnlyList<(string Path, string Text)> files)
    {
        var (cold, coldBinding, edit, editBinding, beside, besideBinding) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var phases = new SortedDictionary<string, List<double>>(StringComparer.Ordinal);
        var first = AuthorAssembly.Of(files).Compilation;
        GeneratorDriver Compiler() => CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(first);
        GeneratorDriver Binder() => CSharpGeneratorDriver.Create(new BindingOnly().AsSourceGenerator()).RunGenerators(first);
        GeneratorDriver commented = Compiler(), besides = Compiler(), commentedBinder = Binder(), besidesBinder = Binder();
        for (var round = 0; round < WarmUp + Rounds; round++)
        {
            var counts = round >= WarmUp;
            // a comment in the largest file, then a class beside its module; each driver sees an edited compilation that nobody has bound yet
            var old = first.SyntaxTrees.First(t => t.FilePath == "AimViT.cs");
            CSharpCompilation Edited(FormattableString more) => first.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(old + FormattableString.Invariant(more), (CSharpParseOptions)old.Options, old.FilePath));
            CSharpCompilation Comment() => Edited($"\n// edit {round}\n");
            CSharpCompilation Stranger() => Edited($"\ninternal static class Edit{round};\n");
            List<Action> turns =
            [
                () => Add(cold, counts, AuthorAssembly.Of(files).Compilation, fresh => CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(fresh)),
                () => Add(coldBinding, counts, AuthorAssembly.Of(files).Compilation, fresh => CSharpGeneratorDriver.Create(new BindingOnly().AsSourceGenerator()).RunGenerators(fresh)),
                () => Add(edit, counts, Comment(), edited => commented = commented.RunGenerators(edited)),
                () => Add(editBinding, counts, Comment(), edited => commentedBinder = commentedBinder.RunGenerators(edited)),
                () => Add(beside, counts, Stranger(), edited => besides = besides.RunGenerators(edited)),
                () => Add(besideBinding, counts, Stranger(), edited => besidesBinder = besidesBinder.RunGenerators(edited)),
            ];
            if (round % 2 == 1) turns.Reverse();
            foreach (var turn in turns) turn();
            Phases(AuthorAssembly.Of(files).Compilation, counts, phases);
        }
        Console.WriteLine($"warm: {files.Count} files, {Rounds} rounds after {WarmUp} that do not count");
        Print("all modules, fresh compilation", cold);
        Print("  binding alone", coldBinding);
        Print("  beyond binding", [.. cold.Zip(coldBinding, (a, b) => a - b)]);
        Print("an edit of a comment", edit);
        Print("  binding alone", editBinding);
        Print("  beyond binding", [.. edit.Zip(editBinding, (a, b) => a - b)]);
        Print("an edit beside the modules", beside);
        Print("  binding alone", besideBinding);
        Print("  beyond binding", [.. beside.Zip(besideBinding, (a, b) => a - b)]);
        Console.WriteLine("the phases of a fresh compilation, one after the other:");
        foreach (var (name, times) in phases) Print("  " + name[2..], times);
    }

    private static void Phases(CSharpCompilation compilation, bool counts, SortedDictionary<string, List<double>> phases)
    {
        void Time(string name, Action run)
        {
            var clock = Stopwatch.StartNew();
            run();
            if (!phases.TryGetValue(name, out var times)) phases[name] = times = [];
            if (counts) times.Add(clock.Elapsed.TotalMilliseconds);
        }
        List<INamedTypeSymbol> types = [];
        List<ModuleUnit> units = [];
        Generators.Collections.EquatableArray<ModuleContract> contracts = default, priced = default;
        List<LinkedUnit> linked = [];
        List<CompiledUnit> compiled = [];
        var bound = compilation.Clone();
        Time("0 bind", () => { foreach (var type in Declared(bound)) BindingOnly.Bind(type, bound); });
        types = Declared(compilation);
        Time("1 bind and read", () => units = [.. types.Select(t => ModuleReader.Read(t, compilation, default).Unit)]);
        Time("2 contracts, proofs", () => contracts = Contracts.Of(units));
        Time("3 link", () => linked = [.. units.Select(u => LinkedUnit.Of(u, contracts))]);
        Time("4 check", () => { foreach (var unit in linked) ModuleCompiler.Check(unit); });
        Time("5 check, passes, text", () => compiled = [.. linked.Select(ModuleCompiler.Compile)]);
        Time("6 costs", () => priced = Pricing.Of(units, contracts));
        Time("7 publish", () => { foreach (var unit in compiled) unit.Publish(priced); });
    }

    private static List<INamedTypeSymbol> Declared(CSharpCompilation compilation)
        => [.. compilation.SyntaxTrees.SelectMany(t => t.GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>().Where(c => c.AttributeLists.Any(l => l.Attributes.Any(a => a.Name.ToString() == "Module")))
            .Select(c => compilation.GetSemanticModel(t).GetDeclaredSymbol(c)).OfType<INamedTypeSymbol>())];

    /// <summary>The first compilation of a compiler that has just started: the SDK's own, as a build without a compiler server runs it. Nearly all of it is the JIT.</summary>
    private static void FreshProcesses()
    {
        var sdk = Directory.GetDirectories(Path.Combine(Path.GetDirectoryName(DotNet())!, "sdk")).Select(d => (Folder: d, File: Path.Combine(d, "Roslyn", "bincore", "csc.dll")))
            .Where(d => File.Exists(d.File)).OrderBy(d => Directory.GetLastWriteTimeUtc(d.Folder)).LastOrDefault();
        if (sdk.File is null) { Console.WriteLine("no SDK beside this runtime: a fresh compiler process is not measured"); return; }
        var folder = Directory.CreateTempSubdirectory("semaim-generator");
        try
        {
            var sources = new List<string>();
            foreach (var (path, text) in MutationRun.Sets(Repository.Root).First().Files.Append(("Usings.cs", "global using System; global using System.Collections.Generic; global using System.Linq;")))
            {
                sources.Add(Path.Combine(folder.FullName, path.Replace('/', '_')));
                File.WriteAllText(sources[^1], text);
            }
            var references = AuthorAssembly.ReferencePaths.Select(r => $"/r:\"{r}\"");
            var arguments = Path.Combine(folder.FullName, "arguments.rsp");
            File.WriteAllLines(arguments, ["/noconfig", "/nostdlib+", "/target:library", "/unsafe+", "/nullable:enable", "/langversion:14", "/optimize+", "/reportanalyzer", $"/out:\"{Path.Combine(folder.FullName, "Models.dll")}\"",
                .. references, .. sources.Select(s => $"\"{s}\"")]);
            var binder = Path.Combine(folder.FullName, "BindingOnly.dll");
            WriteBinder(binder);
            var (whole, binding) = (new List<double>(), new List<double>());
            for (var i = 0; i < Processes; i++)
            {
                whole.Add(Compile(sdk.File, arguments, typeof(ModuleGenerator), typeof(ModuleGenerator).Assembly.Location));
                binding.Add(Compile(sdk.File, arguments, typeof(BindingOnly), binder));
            }
            Console.WriteLine($"a fresh process of the SDK's compiler (csc {Path.GetFileName(sdk.Folder)} /reportanalyzer), {Processes} times:");
            Print("all modules", whole);
            Print("  binding alone", binding);
            Print("  beyond binding", [.. whole.Zip(binding, (a, b) => a - b)]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // the benchmark's own assembly loads libtorch when it is touched: csc gets one with this class alone
    private static void WriteBinder(string file)
    {
        string[] sources = ["global using System; global using System.Collections.Generic; global using System.Linq;", File.ReadAllText(Path.Combine(Repository.Root, "tests", "SemAim.Benchmarks", "BindingOnly.cs"))];
        var built = CSharpCompilation.Create("BindingOnly", sources.Select(s => CSharpSyntaxTree.ParseText(s)), ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(p => MetadataReference.CreateFromFile(p)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release)).Emit(file);
        if (!built.Success) throw new InvalidOperationException(string.Join('\n', built.Diagnostics));
    }

    // what csc says of the time that a generator took
    private static double Compile(string csc, string arguments, Type generator, string assembly)
    {
        using var process = Process.Start(new ProcessStartInfo(DotNet(), [csc, "@" + arguments, $"/analyzer:{assembly}"]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (Regex.Match(output, $@"^\s*([0-9.,]+)\s+\d+\s+{Regex.Escape(generator.FullName!)}\s*$", RegexOptions.Multiline) is not { Success: true } time) throw new InvalidOperationException("csc said: " + output);
        return 1000 * double.Parse(time.Groups[1].Value.Replace(',', '.'), CultureInfo.InvariantCulture);
    }

    private static string DotNet() => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host
        : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private static void Add(List<double> times, bool counts, CSharpCompilation compilation, Action<CSharpCompilation> run)
    {
        GC.Collect();
        var clock = Stopwatch.StartNew();
        run(compilation);
        if (counts) times.Add(clock.Elapsed.TotalMilliseconds);
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

    private static void Print(string what, List<double> times)
        => Console.WriteLine(FormattableString.Invariant($"{what,-32} median {Median(times),7:F1} ms   least {times.Min(),7:F1}   greatest {times.Max(),7:F1}"));
}
