using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SemAim.Benchmarks;

/// <summary>Asks Roslyn for the operations that the compiler of models reads, and does nothing with them: what is measured beside it is the compiler's own.</summary>
#pragma warning disable RS1036, RS1041 // loaded only by the benchmark, into a compiler that runs on this runtime
[Generator(LanguageNames.CSharp)]
public sealed class BindingOnly : IIncrementalGenerator
{
    /// <inheritdoc />
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var bound = context.SyntaxProvider.ForAttributeWithMetadataName("SemAim.Dsl.ModuleAttribute", static (node, _) => node is ClassDeclarationSyntax, static (match, _) =>
        {
            Bind((INamedTypeSymbol)match.TargetSymbol, match.SemanticModel.Compilation);
            return match.TargetSymbol.Name;
        });
        context.RegisterSourceOutput(bound, static (_, _) => { });
    }

    // everything of a module that a reader of operations must ask for
    internal static void Bind(INamedTypeSymbol type, Compilation compilation)
    {
        var models = new Dictionary<SyntaxTree, SemanticModel>();
        foreach (var declaration in type.DeclaringSyntaxReferences.Select(r => r.GetSyntax()).OfType<ClassDeclarationSyntax>())
        {
            if (!models.TryGetValue(declaration.SyntaxTree, out var model)) models[declaration.SyntaxTree] = model = compilation.GetSemanticModel(declaration.SyntaxTree);
            foreach (var member in declaration.Members)
                switch (member)
                {
                    case MethodDeclarationSyntax m when m.AttributeLists.Any(l => l.Attributes.Any(a => a.Name.ToString() is "Graph" or "Variant")) || m.ReturnType.ToString() == "int":
                        if (((SyntaxNode?)m.Body ?? m.ExpressionBody) is { } body) model.GetOperation(body);
                        break;
                    case PropertyDeclarationSyntax { ExpressionBody: { } arrow } p when p.Type.ToString() == "int": model.GetOperation(arrow); break;
                    case FieldDeclarationSyntax f:
                        foreach (var v in f.Declaration.Variables) if (v.Initializer is { } initialiser) model.GetOperation(initialiser);
                        break;
                }
        }
    }
}
