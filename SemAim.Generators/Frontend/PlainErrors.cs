using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Frontend;

/// <summary>Errors of C# itself: where the compiler of C# has spoken, this one is silent.</summary>
internal static class PlainErrors
{
    /// <summary>True where a declaration of the type does not compile.</summary>
    internal static bool In(INamedTypeSymbol type, Compilation compilation, CancellationToken cancel)
        => type.DeclaringSyntaxReferences.Any(r => compilation.GetSemanticModel(r.SyntaxTree).GetDiagnostics(r.Span, cancel).Any(d => d.Severity == DiagnosticSeverity.Error));
}
