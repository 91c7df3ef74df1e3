using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SemAim.Generators.Tests;

/// <summary>Types of elements cross the border of an assembly by what it published.</summary>
public sealed class ForeignElementTests
{
    private const string Library = """
        using SemAim.Dsl;
        using static SemAim.Dsl.Ops;
        namespace Library;
        [Module]
        public sealed partial class Codes(int D, int C) : GraphModule
        {
            private readonly Linear fc = new(D, C);
            [Graph]
            [return: Shape("N", "N C")]
            public (Sym code, Sym isLarge) Forward([Shape("N D")] Sym x)
            {
                var y = fc.Forward(x);
                return (y.ArgMax("N [C]"), y > 0);
            }
            [Graph]
            [return: Shape("N C")]
            public Sym Chosen([Shape("N C")] Sym x, [Shape("N C")] Sym isLarge) => Where(isLarge, x, x * 2);
            [Graph]
            [return: Shape("N D")]
            public Sym Looked([Shape("C D")] Sym book, [Shape("N")] Sym index) => book.Gather("[C] D", index);
            [Graph]
            [return: Shape("N D")]
            public Sym Positive([Shape("N D")] Sym x) => x.Relu();
        }
        """;

    private const string User = """
        using SemAim.Dsl;
        using static SemAim.Dsl.Ops;
        using Library;
        namespace User;
        [Module]
        [Require("K <= C")]
        public sealed partial class Net(int D, int C, int K) : GraphModule
        {
            private readonly Codes codes = new(D, C);
            private readonly Linear fc = new(C, C);
            private readonly Weight book = new([C, D], Inits.Ones), less = new([K, D], Inits.Ones);

            [Graph]
            [return: Shape("N D", "N C")]
            public (Sym, Sym) Right([Shape("N D")] Sym x)
            {
                var (code, isLarge) = codes.Forward(x);
                return (codes.Positive(codes.Looked(book, code)), codes.Chosen(fc.Forward(isLarge * 1.0), isLarge));
            }

            [Graph]
            [return: Shape("N C")]
            public Sym Layer([Shape("N D")] Sym x)
            {
                var (code, isLarge) = codes.Forward(x);
                return fc.Forward(isLarge);                                        // SEM0021 isLarge
            }

            [Graph]
            [return: Shape("N D")]
            public Sym Longer([Shape("N D")] Sym x)
            {
                var (code, isLarge) = codes.Forward(x);
                return less.Value.Gather("[K] D", code);                           // SEM0121 code
            }

            [Graph]
            [return: Shape("N C")]
            public Sym Choice([Shape("N C")] Sym x) => codes.Chosen(x, x.Exp());   // SEM0021 x.Exp()

            [Graph]
            [return: Shape("C D")]
            public Sym Lookup([Shape("C D")] Sym x) => codes.Looked(x, x["C [0]"] > 0);   // SEM0021 x["C [0]"] > 0

            [Graph]
            [return: Shape("N D")]
            public Sym Condition([Shape("N D")] Sym x) => codes.Positive(x > 0);   // SEM0021 x > 0

            [Graph]
            [return: Shape("N", "N C")]
            public (Sym, Sym) Product([Shape("N D")] Sym x) => codes.Forward(x > 0);   // SEM0021 x > 0
        }
        """;

    [Fact]
    public void What_a_module_of_another_assembly_takes_and_gives_is_known()
        => Assert.Equal(["SEM0021 isLarge", "SEM0121 code", "SEM0021 x.Exp()", "SEM0021 x[\"C [0]\"] > 0", "SEM0021 x > 0", "SEM0021 x > 0"], Found(Published(text => text)));

    [Fact]
    public void An_assembly_from_before_types_were_published_says_what_its_products_read()
        => Assert.Equal(["SEM0021 x > 0"], Found(Published(text => Regex.Replace(text, """,\s*(Takes|Gives) = "[^"]*"|(Takes|Gives) = "[^"]*",?\s*""", ""))));

    private static IEnumerable<string> Found(MetadataReference library)
        => AuthorSource.Diagnose([("Net.cs", User)], more: library).Select(d => $"{d.Id} {AuthorSource.Token(d)}");

    private static MetadataReference Published(Func<string, string> change)
    {
        var compilation = AuthorSource.Compilation([("Codes.cs", Library)]);
        var driver = CSharpGeneratorDriver.Create([new ModuleGenerator().AsSourceGenerator()], parseOptions: (CSharpParseOptions)compilation.SyntaxTrees[0].Options).RunGenerators(compilation);
        var generated = driver.GetRunResult().Results[0].GeneratedSources.Select(s => CSharpSyntaxTree.ParseText(change(s.SourceText.ToString()), (CSharpParseOptions)compilation.SyntaxTrees[0].Options));
        using var image = new MemoryStream();
        var result = compilation.AddSyntaxTrees(generated).WithAssemblyName("Library").Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Take(5)));
        return MetadataReference.CreateFromImage(image.ToArray());
    }
}
