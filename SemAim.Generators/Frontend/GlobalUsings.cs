using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Words of generated code that a project's global usings give another meaning: they reach into generated files, too.</summary>
internal static class GlobalUsings
{
    private static readonly ConditionalWeakTable<Compilation, HashSet<string>> Known = new();

    internal static HashSet<string> Of(Compilation compilation) => Known.GetValue(compilation, Read);

    private static HashSet<string> Read(Compilation compilation)
    {
        var hidden = new HashSet<string>();
        foreach (var tree in compilation.SyntaxTrees)
        {
            if (tree.GetRoot() is not CompilationUnitSyntax { Usings: { Count: > 0 } usings }) continue;
            foreach (var written in usings.Where(u => u.GlobalKeyword.RawKind != 0))
            {
                if (written.Alias is { Name.Identifier.ValueText: var alias })
                {
                    // even one of the same meaning: an alias is declared once
                    if (RuntimeNames.Words.Contains(alias)) hidden.Add(alias);
                    continue;
                }
                if (written.Name is null || compilation.GetSemanticModel(tree).GetSymbolInfo(written.Name).Symbol is not INamespaceOrTypeSymbol imported || imported.ToDisplayString() == DslNames.Namespace) continue;
                foreach (var word in RuntimeNames.Words)
                    if (imported.GetTypeMembers(word).Length > 0 || imported.GetTypeMembers(word + "Attribute").Length > 0) hidden.Add(word);
            }
        }
        return hidden;
    }
}
