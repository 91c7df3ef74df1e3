using System;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SemAim.Generators.Frontend;

/// <summary>
/// What modules are read from. Two of them are equal where all that a module's meaning can hang on is: options, references, and the tokens of every file. So an edit of a comment or of white space ends here, and nothing is
/// bound or read again (the driver goes on with the earlier, equal compilation). Where <c>#line</c> is asked for positions count as well, and only unchanged files are equal.
/// </summary>
internal sealed class Sources(Compilation compilation, Properties options) : IEquatable<Sources>
{
    internal Compilation Compilation => compilation;

    internal Properties Options => options;

    public bool Equals(Sources? other)
    {
        if (other is null || !options.Equals(other.Options)) return false;
        var (mine, others) = (compilation, other.Compilation);
        if (ReferenceEquals(mine, others)) return true;
        return mine.AssemblyName == others.AssemblyName && mine.Options.Equals(others.Options) && mine.References.SequenceEqual(others.References)
            && mine.SyntaxTrees.Count() == others.SyntaxTrees.Count() && mine.SyntaxTrees.Zip(others.SyntaxTrees, (a, b) => ReferenceEquals(a, b) || !options.LineDirectives && SameTokens(a, b)).All(same => same);
    }

    public override bool Equals(object? obj) => Equals(obj as Sources);

    public override int GetHashCode() => compilation.SyntaxTrees.Count();

    // the parser is a function of options, tokens and directives; what it skipped or found wrong is not among its tokens
    private static bool SameTokens(SyntaxTree a, SyntaxTree b)
    {
        if (a.FilePath != b.FilePath || !a.Options.Equals(b.Options)) return false;
        var (x, y) = (a.GetRoot(), b.GetRoot());
        if (x.ContainsDiagnostics || y.ContainsDiagnostics || x.ContainsSkippedText || y.ContainsSkippedText || x.ContainsDirectives != y.ContainsDirectives) return false;
        if (x.ContainsDirectives && !Directives(x).SequenceEqual(Directives(y))) return false;
        var (next, other) = (x.GetFirstToken(includeZeroWidth: true), y.GetFirstToken(includeZeroWidth: true));
        while (next.RawKind == other.RawKind && next.Text == other.Text)
        {
            if (next.IsKind(SyntaxKind.EndOfFileToken)) return true;
            (next, other) = (next.GetNextToken(includeZeroWidth: true), other.GetNextToken(includeZeroWidth: true));
        }
        return false;
    }

    private static System.Collections.Generic.IEnumerable<string> Directives(SyntaxNode root)
        => root.DescendantTrivia().Where(t => t.IsDirective).Select(t => t.ToString());
}
