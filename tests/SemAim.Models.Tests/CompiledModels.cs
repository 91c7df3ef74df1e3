using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Emit;
using SemAim.Dsl;
using SemAim.Generators;

namespace SemAim.Models.Tests;

/// <summary>Sources compiled in memory with the compiler's properties, and loaded.</summary>
internal static class CompiledModels
{
    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(p => Path.GetFileName(p).StartsWith("System.", StringComparison.Ordinal) || Path.GetFileName(p) is "netstandard.dll" or "mscorlib.dll")
            .Select(p => MetadataReference.CreateFromFile(p)),
        MetadataReference.CreateFromFile(typeof(GraphModule).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(TorchSharp.torch).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(SkiaSharp.SKBitmap).Assembly.Location),
    ];

    private const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;";

    internal static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder!.FullName, "SemAim.sln"))) folder = folder.Parent;
            return folder.FullName;
        }
    }

    /// <summary>The sources of SemAim.Models.</summary>
    internal static IReadOnlyList<(string Path, string Text)> Sources { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Root, "SemAim.Models"), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}") && !f.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}")).Select(f => (f, File.ReadAllText(f)))];

    /// <summary>A module named Net around layers and graphs.</summary>
    internal static string Module(string body, string sizes = "int D, int H", string attributes = "")
        => $"using SemAim.Dsl;\nusing static SemAim.Dsl.Ops;\nnamespace Test;\n[Module]\n{attributes}\npublic sealed partial class Net({sizes}) : GraphModule\n{{\n{body}\n}}\n";

    /// <summary>Compiles, with the generated parts; fails on any error.</summary>
    internal static (Assembly Assembly, IReadOnlyDictionary<string, string> Generated) Compile(string name, IEnumerable<(string Path, string Text)> files, IEnumerable<Assembly>? references = null, params (string Property, string Value)[] properties)
        => Compile(name, files, out _, references, properties);

    /// <summary>The same, with what a debugger reads.</summary>
    internal static (Assembly Assembly, IReadOnlyDictionary<string, string> Generated) Compile(string name, IEnumerable<(string Path, string Text)> files, out MemoryStream debugInformation, IEnumerable<Assembly>? references = null, params (string Property, string Value)[] properties)
    {
        var parse = new CSharpParseOptions(LanguageVersion.Latest);
        var more = (references ?? []).Select(r => MetadataReference.CreateFromImage(Images[r]));
        var compilation = CSharpCompilation.Create(name, [.. files.Append(("Usings.cs", Usings)).Select(f => CSharpSyntaxTree.ParseText(f.Item2, parse, f.Item1, System.Text.Encoding.UTF8))], [.. References, .. more],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, optimizationLevel: OptimizationLevel.Debug, allowUnsafe: true));
        var driver = CSharpGeneratorDriver.Create([new ModuleGenerator().AsSourceGenerator()], optionsProvider: new Options(properties), parseOptions: parse).RunGeneratorsAndUpdateCompilation(compilation, out var whole, out _);
        using var assembly = new MemoryStream();
        var symbols = new MemoryStream();
        var result = whole.Emit(assembly, symbols, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb));
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Take(5)));
        var loaded = new Context(references ?? []).LoadFromStream(new MemoryStream(assembly.ToArray()), new MemoryStream(symbols.ToArray()));
        Images[loaded] = assembly.ToArray();
        debugInformation = new MemoryStream(symbols.ToArray());
        return (loaded, driver.GetRunResult().Results[0].GeneratedSources.ToDictionary(s => s.HintName, s => s.SourceText.ToString()));
    }

    private static Dictionary<Assembly, byte[]> Images { get; } = [];

    /// <summary>Makes a module.</summary>
    internal static GraphModule Make(Assembly assembly, string type, params object[] arguments)
    {
        bool Takes(ConstructorInfo c) => c.GetParameters() is var p && p.Length >= arguments.Length && arguments.Zip(p).All(x => x.Second.ParameterType == x.First.GetType());
        var constructor = assembly.GetType(type, throwOnError: true)!.GetConstructors().Where(Takes).OrderByDescending(c => c.GetParameters().Length).First();
        object[] all = [.. arguments, .. constructor.GetParameters().Skip(arguments.Length).Select(p => p.DefaultValue!)];
        return (GraphModule)constructor.Invoke(all);
    }

    /// <summary>Calls the compiled graph (over tensors) or the specification (over <see cref="Sym"/>), whichever the arguments choose.</summary>
    internal static object Call(object target, string method, params object[] arguments)
    {
        var kind = arguments[0].GetType();
        var found = target.GetType().GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Single(m => m.Name == method && m.GetParameters() is { Length: > 0 } p && p[0].ParameterType == kind);
        object?[] all = [.. arguments, .. found.GetParameters().Skip(arguments.Length).Select(p => p.HasDefaultValue ? p.DefaultValue ?? (p.ParameterType.IsValueType ? Activator.CreateInstance(p.ParameterType) : null) : null)];
        return found.Invoke(target, BindingFlags.DoNotWrapExceptions, null, all, null)!;
    }

    // one's own assembly first, everything else is shared with the test
    private sealed class Context(IEnumerable<Assembly> others) : AssemblyLoadContext(isCollectible: false)
    {
        protected override Assembly? Load(AssemblyName name) => others.FirstOrDefault(o => o.GetName().Name == name.Name);
    }

    private sealed class Options((string Property, string Value)[] properties) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new Values(properties);

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => new Values([]);

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => new Values([]);

        private sealed class Values((string Property, string Value)[] properties) : AnalyzerConfigOptions
        {
            public override bool TryGetValue(string key, out string value)
            {
                value = properties.FirstOrDefault(p => "build_property." + p.Property == key).Value ?? "";
                return value.Length > 0;
            }
        }
    }
}
