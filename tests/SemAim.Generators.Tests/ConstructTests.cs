using static SemAim.Generators.Tests.AuthorSource;

namespace SemAim.Generators.Tests;

/// <summary>Modules as authors try them: what the language has is read, the rest is refused by name, once.</summary>
public sealed class ConstructTests
{
    private const string X = "    [Graph] [return: Shape(\"B D\")] public Sym F([Shape(\"B D\")] Sym x) ";

    [Theory]
    [InlineData("int D, int L", "    private readonly Repeat<Linear> fcs = new(L, i => new(D, D));\n" + X + "{ for (int i = 0; i < L; ++i) x = fcs[L - 1 - i].Forward(x); return x; }")]
    [InlineData("int D, int L, double rate", "    private readonly Repeat<Linear> fcs = new(L, i => new(D, D));\n" + X + "{ foreach (var f in fcs) x = x + f.Forward(x).DropPath(rate); return x; }")]
    [InlineData("int D, bool deep, bool wide", "    private readonly Linear a = new(D, D);\n" + X + "{ if (deep && !wide) { x = a.Forward(x); } else x = x.Gelu(); return x; }")]
    [InlineData("int D", "    private readonly Weight gamma = new([D], Inits.Ones);\n" + X + "=> x * gamma;")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B D\")] private Sym Twice([Shape(\"B D\")] Sym x) => x + x;\n" + X + "=> Twice(Twice(x));")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B T T\")] public Sym F([Shape(\"B T D\")] Sym x) => Einsum(\"B T D, B T' D -> B T T'\", x, x);")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B D T T\")] public Sym F([Shape(\"B D T T\")] Sym x) => x.Rearrange(\"B D G G' -> B D G' G\");")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B T D\")] public Sym F([Shape(\"B T D\")] Sym x, [Shape(\"B #T D\")] Sym y) => x + y;")]
    [InlineData("int D, int H", "    private readonly Conv2d conv = new(3, D, H, H);\n    [Graph] [return: Shape(\"B D 2 2\")] public Sym F([Shape(\"B 3 2*H 2*H\")] Sym x) => conv.Forward(x);")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B N D\")] public Sym F([Shape(\"B N D\")] Sym x, [Shape(\"B N\")] Sym rank) => x.Gather(\"B [N] D\", rank.Sort(\"B [N]\"));")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B D\", \"B\")] public (Sym a, Sym b) P([Shape(\"B D\")] Sym x) => (x, x.Max(\"B [D]\"));\n" + X + "{ var (a, _) = P(x); return a; }")]
    [InlineData("int D", "    [Graph] [return: Shape(\"... D\")] public Sym Go([Shape(\"... D\")] Sym x) => x / (x.Pow(2).Mean(\"... [D]\", keep: true) + 1e-6).Sqrt();")]
    [InlineData("int D, int R", "    private readonly Weight registers = new([1, R, D], Inits.Zeros);\n    [Graph] [return: Shape(\"B T D\")] public Sym Go([Shape(\"B T D\")] Sym x) { var B = x.Size(0); return Concat(\"B [t] D\", registers.Value.Expand(\"1 R D -> B R D\", B), x)[\"B [R..] D\", R]; }")]
    public void The_language_is_read(string sizes, string body)
    {
        Assert.Empty(Diagnose(Module(body, sizes)));
    }

    [Theory]
    [InlineData("int D", "    private readonly Weight gamma = new([2 * D], Inits.Ones);\n" + X + "=> x * gamma;", "SEM0203", "x * gamma")]
    [InlineData("int D", X + "{ if (D > 3) x = x.Gelu(); return x; }", "SEM0020", "if")]
    [InlineData("int D", X + "{ if (x.Value.sum().item<float>() > 0) x = x + x; return x; }", "SEM0022", "x.Value")]
    [InlineData("int D", X + "{ Sym G(Sym y) => y; return G(x); }", "SEM0020", null)]
    [InlineData("int D", X + "{ try { return x; } finally { } }", "SEM0020", "try")]
    [InlineData("int D", X + "=> D switch { 1 => x, _ => x };", "SEM0020", null)]
    [InlineData("int D", "    private Sym Twice(Sym x) => x + x;\n" + X + "=> Twice(x);", "SEM0021", "Twice")]
    [InlineData("int D", X + "=> G(x);\n    [Graph] [return: Shape(\"B D\")] public Sym G([Shape(\"B D\")] Sym x) => F(x);", "SEM0024", "F(x)")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B D\")] private Sym A([Shape(\"B D\")] Sym x) => C(x);\n    [Graph] [return: Shape(\"B D\")] private Sym C([Shape(\"B D\")] Sym x) => A(x);\n" + X + "=> A(x);", "SEM0024", "A(x)")]
    [InlineData("int D, int L", "    private readonly Repeat<Linear> fcs = new(L, i => new Linear(D * (i + 1), D));\n" + X + "=> fcs[0].Forward(x);", "SEM0222", "D * (i + 1)")]
    [InlineData("int D, int L", "    private readonly Repeat<Linear> fcs = new(L, i => new Linear(D, D));\n" + X + "=> fcs[L].Forward(x);", "SEM0303", "fcs[L]")]
    [InlineData("int D", X + "{ for (var i = 0; i < 3; i++) x = Concat(\"B [k]\", x, x); return x; }", "SEM0221", "Concat(\"B [k]\", x, x)")]
    [InlineData("int D", "    private int A => C + 1;\n    private int C => A * 2;\n" + X + "=> x;", "SEM0102", "A")]
    [InlineData("int D", "    [Graph] [return: Shape(\"B N\")] public Sym F([Shape(\"B D\")] Sym x, [Shape(\"B N M\")] Sym y) => Einsum(\"b k, b n k -> b n\", x, y);", "SEM0208", "k")]
    [InlineData("int D", "    [Graph] [return: Shape(\"... D\")] public Sym Go([Shape(\"... D\")] Sym x) => x.Softmax(\"B [D]\");", "SEM0202", "B [D]")]
    [InlineData("int D", "    [Graph] [return: Shape(\"... D\")] public Sym Go([Shape(\"... D\")] Sym x) => x.Rearrange(\"B D -> B D\");", "SEM0202", null)]
    [InlineData("int D", "    [Graph] [return: Shape(\"B D\")] private Sym G([Shape(\"B D\")] Sym x) => x;\n    [Graph] [return: Shape(\"... D\")] public Sym Go([Shape(\"... D\")] Sym x) => G(x);", "SEM0301", "x")]
    [InlineData("int D", X + "{ var list = new List<Sym>(); return x; }", "SEM0020", "new List<Sym>()")]
    [InlineData("int D", X + "{ for (var i = 0; i < 3; i++) { if (i == 2) break; x = x + x; } return x; }", "SEM0020", "if")]
    public void What_it_lacks_is_refused_once(string sizes, string body, string id, string? token)
    {
        var only = Assert.Single(Diagnose(Module(body, sizes)));

        Assert.Equal(id, only.Id);
        if (token is not null) Assert.Equal(token, Token(only));
    }

    [Fact]
    public void Where_leading_axes_are_open_the_code_counts_from_the_end()
    {
        var compilation = Compilation([("Net.cs", Module("    [Graph] [return: Shape(\"... D\")] public Sym Go([Shape(\"... D\")] Sym x) => x.Softmax(\"... [D]\");", "int D"))]);

        var code = Microsoft.CodeAnalysis.CSharp.CSharpGeneratorDriver.Create(new ModuleGenerator()).RunGenerators(compilation).GetRunResult().GeneratedTrees.Single().ToString();

        Assert.Contains(".softmax(-1)", code);
    }

    [Fact]
    public void Every_operand_that_is_wrong_is_reported()
    {
        var found = Diagnose(Module("    private readonly Linear fc = new(2 * D, D);\n" + X + "=> fc.Forward(x) + x.Softmax(\"B D\");", "int D"));

        Assert.Equal(["SEM0201", "SEM0031"], found.Select(d => d.Id));
    }

    [Fact]
    public void A_variant_may_be_written_as_a_block()
    {
        var only = Assert.Single(Diagnose(Module(X + "=> x;\n    [Variant(\"a\")] public static Net A() { return new Net(10, 3); }", attributes: "[Require(\"D % H == 0\")]")));

        Assert.Equal("SEM0110", only.Id);
        Assert.Contains("10 % 3 = 1", only.GetMessage());
    }
}
