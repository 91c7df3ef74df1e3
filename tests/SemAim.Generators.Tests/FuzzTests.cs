using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SemAim.Generators.Tests;

/// <summary>Sources in the middle of being typed: the compiler of models never throws, whatever is missing.</summary>
public sealed class FuzzTests
{
    private const int Edits = 60;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Whatever_is_typed_the_compiler_does_not_throw(int seed)
    {
        var random = new Random(seed);
        var sources = Corpus.Files("right").Select(n => Corpus.Read("right", n)).Concat(Corpus.Files("wrong").Select(n => Corpus.Read("wrong", n))).Concat(AuthorSource.Models.Values).ToList();
        for (var n = 0; n < Edits; n++)
        {
            var source = Edit(sources[random.Next(sources.Count)], random);

            var found = AuthorSource.Diagnose([("Net.cs", source)]);

            // CS8785: a generator threw; AD0001: an analyzer did
            Assert.True(found.All(d => d.Id is not ("CS8785" or "AD0001")), $"{found.FirstOrDefault(d => d.Id is "CS8785" or "AD0001")}\n{source}");
        }
    }

    [Theory]
    [InlineData("[Graph] [return: Shape(null)] public Sym F([Shape(null)] Sym x) => x;")]
    [InlineData("[Graph] [return: Shape((string[])null)] public Sym F([Shape(null, null)] Sym x) => x;")]
    [InlineData("[Graph] [return: Shape] public Sym F([Shape] Sym x) => x;")]
    [InlineData("[Graph(Capture = )] [return: Shape(\"B\"] public Sym F([Shape(\"\\\")] Sym x) => x[")]
    [InlineData("[Variant] [Graph] public Sym F(params Sym[] x) => x[0]; [Key] private readonly Linear fc = new();")]
    [InlineData("[Graph] [return: Shape(\"B D\")] public Sym F([Shape(\"B D\")] Sym x) { for (;;) { } foreach (var q in ) ; if () x = ; return }")]
    public void A_half_written_declaration_is_no_crash(string member)
    {
        var found = AuthorSource.Diagnose(AuthorSource.Module(member, attributes: "[Require] [Require(null)]"));

        Assert.DoesNotContain(found, d => d.Id is "CS8785" or "AD0001");
    }

    // drops, doubles or swaps a few tokens, or cuts the text off
    private static string Edit(string source, Random random)
    {
        var tokens = CSharpSyntaxTree.ParseText(source).GetRoot().DescendantTokens().Select(t => t.ToFullString()).ToList();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(tokens.Count - 1);
            switch (random.Next(6))
            {
                case 0: tokens.RemoveAt(at); break;
                case 1: tokens.Insert(at, tokens[at]); break;
                case 2: (tokens[at], tokens[at + 1]) = (tokens[at + 1], tokens[at]); break;
                case 3: tokens[at] = tokens[random.Next(tokens.Count)]; break;
                case 4 when tokens[at].Length > 2: tokens[at] = tokens[at].Remove(random.Next(tokens[at].Length), 1); break;
                case 5 when random.Next(8) == 0: tokens.RemoveRange(at, tokens.Count - at); return string.Concat(tokens);
            }
        }
        return string.Concat(tokens);
    }
}
