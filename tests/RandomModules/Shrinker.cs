using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SemAim.RandomModules;

/// <summary>Makes a program smaller while it is judged the same: takes out modules, members, statements and steps of expressions, one after the other.</summary>
internal sealed class Shrinker(RandomRun run)
{
    private const int MostTries = 400;

    internal JudgedProgram Smallest(JudgedProgram program)
    {
        var tries = 0;
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var text in Smaller(program.Program.Text).OrderBy(t => t.Length).ToList())
            {
                if (tries++ > MostTries) return program;
                if (run.Judge([program.Program with { Text = text, Place = (0, 0) }]).FirstOrDefault() is not { } less || !Same(less, program)) continue;
                (program, changed) = (less, true);
                break;
            }
        }
        return program;
    }

    private static bool Same(JudgedProgram less, JudgedProgram program)
        => less.Verdict == program.Verdict && (less.Difference is null) == (program.Difference is null) && less.Errors.Select(e => e.Id).SequenceEqual(program.Errors.Select(e => e.Id));

    private static IEnumerable<string> Smaller(string text)
    {
        var root = CSharpSyntaxTree.ParseText(text).GetRoot();
        foreach (var node in root.DescendantNodes())
        {
            var less = node switch
            {
                MemberDeclarationSyntax and not BaseNamespaceDeclarationSyntax => root.RemoveNode(node, SyntaxRemoveOptions.KeepNoTrivia),
                StatementSyntax when node.Parent is BlockSyntax => root.RemoveNode(node, SyntaxRemoveOptions.KeepNoTrivia),
                AttributeListSyntax { Parent: ClassDeclarationSyntax } list when list.ToString().Contains("Require", StringComparison.Ordinal) => root.RemoveNode(node, SyntaxRemoveOptions.KeepNoTrivia),
                ElseClauseSyntax => root.RemoveNode(node, SyntaxRemoveOptions.KeepNoTrivia),
                ParameterSyntax { Parent: ParameterListSyntax } => root.RemoveNode(node, SyntaxRemoveOptions.KeepNoTrivia),
                // x.Step() is x; Step(x) is x; (x) is x
                InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access } when access.Parent?.Parent is not null => root.ReplaceNode(node, access.Expression.WithTriviaFrom(node)),
                ElementAccessExpressionSyntax element => root.ReplaceNode(node, element.Expression.WithTriviaFrom(node)),
                BinaryExpressionSyntax binary => root.ReplaceNode(node, binary.Left.WithTriviaFrom(node)),
                ParenthesizedExpressionSyntax inside => root.ReplaceNode(node, inside.Expression.WithTriviaFrom(node)),
                _ => null,
            };
            if (less is not null) yield return less.ToFullString();
            if (node is InvocationExpressionSyntax { ArgumentList.Arguments: { Count: > 0 } arguments })
                foreach (var argument in arguments) yield return root.ReplaceNode(node, argument.Expression.WithTriviaFrom(node)).ToFullString();
            if (node is BinaryExpressionSyntax { Right: var right }) yield return root.ReplaceNode(node, right.WithTriviaFrom(node)).ToFullString();
        }
    }
}
