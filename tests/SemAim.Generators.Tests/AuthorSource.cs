using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using SemAim.Dsl;

namespace SemAim.Generators.Tests;

/// <summary>Compiles what an author wrote, with the generator and the analyzer, in memory.</summary>
internal static class AuthorSource
{
    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(p => Path.GetFileName(p).StartsWith("System.", StringComparison.Ordinal) || Path.GetFileName(p) is "netstandard.dll" or "mscorlib.dll")
            .Select(p => (MetadataReference)MetadataReference.CreateFromFile(p)),
        MetadataReference.CreateFromFile(typeof(GraphModule).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(TorchSharp.torch).Assembly.Location),
    ];

    private static readonly string Usings = "global using System; global using System.Collections.Generic; global using System.Linq;";

    /// <summary>The declarations of SemAim.Models that the compiler's specification works through.</summary>
    internal static IReadOnlyDictionary<string, string> Models { get; } = new[] { "Blocks/Mlp.cs", "Blocks/SelfAttention.cs", "Blocks/CrossAttention.cs", "Blocks/Block.cs", "Blocks/QueryBlock.cs", "Blocks/PredictionHead.cs", "AimViT.cs" }
        .ToDictionary(f => f, f => File.ReadAllText(Path.Combine(Root, "SemAim.Models", f)));

    internal static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder!.FullName, "SemAim.sln"))) folder = folder.Parent;
            return folder.FullName;
        }
    }

    /// <summary>A module around graphs and layers, for short cases.</summary>
    internal static string Module(string body, string sizes = "int D, int H", string attributes = "")
        => $$"""
            using SemAim.Dsl;
            using static SemAim.Dsl.Ops;
            namespace Test;
            [Module]
            {{attributes}}
            public sealed partial class Net({{sizes}}) : GraphModule
            {
            {{body}}
            }
            """;

    internal static CSharpCompilation Compilation(IEnumerable<(string Path, string Text)> files, params IEnumerable<MetadataReference> more)
        => CSharpCompilation.Create("Author", [.. files.Append(("Usings.cs", Usings)).Select(f => CSharpSyntaxTree.ParseText(f.Item2, new CSharpParseOptions(LanguageVersion.Latest), f.Item1))], [.. References, .. more],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>Everything that the compiler, the generator and the analyzer say, in order of place.</summary>
    internal static IReadOnlyList<Diagnostic> Diagnose(IEnumerable<(string Path, string Text)> files, DiagnosticSeverity least = DiagnosticSeverity.Warning, IEnumerable<(string Path, string Text)>? additional = null, params IEnumerable<MetadataReference> more)
    {
        var compilation = Compilation(files, more);
        CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGeneratorsAndUpdateCompilation(compilation, out var generated, out var fromGenerator);
        var analyzed = generated.WithAnalyzers([new GraphAnalyzer()], new AnalyzerOptions([.. (additional ?? []).Select(a => new AdditionalFile(a.Path, a.Text))])).GetAllDiagnosticsAsync().GetAwaiter().GetResult();
        return [.. analyzed.Concat(fromGenerator).Where(d => d.Severity >= least).OrderBy(d => d.Location.SourceTree?.FilePath, StringComparer.Ordinal).ThenBy(d => d.Location.SourceSpan.Start)];
    }

    internal static IReadOnlyList<Diagnostic> Diagnose(string source) => Diagnose([("Net.cs", source)]);

    private sealed class AdditionalFile(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }

    /// <summary>The text under the squiggle.</summary>
    internal static string Token(Diagnostic d) => d.Location.SourceTree!.GetText().ToString(d.Location.SourceSpan);
}
