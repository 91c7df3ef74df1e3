using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using SemAim.Generators;

namespace SemAim.Mutation;

/// <summary>What authors wrote, compiled in memory: judged by the compiler of models, and as plain C# that runs.</summary>
internal sealed class AuthorAssembly
{
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.Linq;";

    /// <summary>Files that every author's project references.</summary>
    internal static IReadOnlyList<string> ReferencePaths { get; } =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(p => Path.GetFileName(p).StartsWith("System.", StringComparison.Ordinal) || Path.GetFileName(p) is "netstandard.dll" or "mscorlib.dll"),
        typeof(Dsl.GraphModule).Assembly.Location,
        typeof(TorchSharp.torch).Assembly.Location,
    ];

    private static readonly ImmutableArray<MetadataReference> References = [.. ReferencePaths.Select(p => MetadataReference.CreateFromFile(p))];

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest);
    private static readonly SyntaxTree UsingsTree = CSharpSyntaxTree.ParseText(Usings, Language, "Usings.cs");

    private readonly CSharpCompilation compilation;

    private AuthorAssembly(CSharpCompilation compilation) => this.compilation = compilation;

    internal CSharpCompilation Compilation => compilation;

    internal static AuthorAssembly Of(IEnumerable<(string Path, string Text)> files)
        => new(CSharpCompilation.Create("Author" + Guid.NewGuid().ToString("N"), [.. files.Select(f => CSharpSyntaxTree.ParseText(f.Text, Language, f.Path)), UsingsTree], References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true)));

    /// <summary>The same with one file changed.</summary>
    internal AuthorAssembly With(string path, string text)
    {
        var old = compilation.SyntaxTrees.First(t => t.FilePath == path);
        return new(compilation.ReplaceSyntaxTree(old, CSharpSyntaxTree.ParseText(text, Language, path)).WithAssemblyName("Author" + Guid.NewGuid().ToString("N")));
    }

    /// <summary>The errors that the analyzer reports.</summary>
    internal IReadOnlyList<(string Id, string Message)> Refused()
        => [.. compilation.WithAnalyzers([new GraphAnalyzer()]).GetAnalyzerDiagnosticsAsync().GetAwaiter().GetResult().Where(d => d.Severity == DiagnosticSeverity.Error || d.Id == "AD0001").Select(d => (d.Id, d.GetMessage()))];

    /// <summary>The specification, without any generated part; null where it is no C#.</summary>
    internal (Assembly Assembly, AssemblyLoadContext Context)? Load()
    {
        using var image = new MemoryStream();
        if (!compilation.Emit(image).Success) return null;
        image.Position = 0;
        var context = new AssemblyLoadContext(null, isCollectible: true);
        return (context.LoadFromStream(image), context);
    }
}
