namespace SemAim.Generators.Tests;

/// <summary>Slips in the declared models: each is found, once, at the right token, and nothing follows from it.</summary>
public sealed class MutantTests
{
    [Fact]
    public void The_declared_models_are_right()
    {
        var found = AuthorSource.Diagnose(AuthorSource.Models.Select(m => (m.Key, m.Value)));

        Assert.Empty(found);
    }

    [Theory]
    [InlineData("Blocks/Mlp.cs", "new(F, O)", "new(D, O)", "SEM0201", "fc1.Forward(x).Gelu()")]
    [InlineData("Blocks/Mlp.cs", "new(D, F)", "new(F, D)", "SEM0201", "x")]
    [InlineData("Blocks/Mlp.cs", "[return: Shape(\"... O\")]", "[return: Shape(\"... F\")]", "SEM0206", "fc2.Forward(fc1.Forward(x).Gelu())")]
    [InlineData("Blocks/Mlp.cs", "[return: Shape(\"... O\")]", "", "SEM0003", "Forward")]
    [InlineData("Blocks/Mlp.cs", "[Shape(\"... D\")] Sym x", "Sym x", "SEM0004", "x")]
    [InlineData("Blocks/Mlp.cs", "sealed partial class", "sealed class", "SEM0001", "Mlp")]
    [InlineData("Blocks/Mlp.cs", "[return: Shape(\"... O\")]", "[return: Shape(\"... Q\")]", "SEM0101", "Q")]
    [InlineData("Blocks/SelfAttention.cs", "new(D, 3 * D)", "new(D, 2 * D)", "SEM0201", "(3 H E)")]
    [InlineData("Blocks/SelfAttention.cs", "\"B T (3 H E) -> 3 B H T E\", H);\n        var y", "\"B T (H E) -> 3 B H T E\", H);\n        var y", "SEM0213", "3")]
    [InlineData("Blocks/SelfAttention.cs", "B H T E -> B T (H E)", "B H T E -> B T (H H)", "SEM0214", "H")]
    [InlineData("Blocks/SelfAttention.cs", "B H T E -> B T (H E)", "B H T E -> B T H", "SEM0212", "E")]
    [InlineData("Blocks/SelfAttention.cs", "B H T E -> B T (H E)", "B H T E -> B T (H E", "SEM0030", "(")]
    [InlineData("Blocks/SelfAttention.cs", "var (q, k, v) = qkv", "var (q, k, v, w) = qkv", "SEM0215", null)]
    [InlineData("Blocks/SelfAttention.cs", "Attend(q, k, v, mask)", "Attend(q, v, x, mask)", "SEM0202", "x")]
    [InlineData("Blocks/SelfAttention.cs", "[Require(\"D % H == 0\", Because = \"every head gets D / H channels\")]", "", "SEM0120", null)]
    [InlineData("Blocks/CrossAttention.cs", "[Shape(\"B T M\")] OrderMask", "[Shape(\"B M T\")] OrderMask", "SEM0209", "mask")]
    [InlineData("Blocks/Block.cs", "mlp.Forward(norm2.Forward(x))", "mlp.Forward(norm2.Forward(x)[\"B [0] D\"])", "SEM0204", null)]
    [InlineData("Blocks/Block.cs", "[Require(\"D % H == 0\", Because = \"every head gets D / H channels\")]", "", "SEM0111", "new(D, H)")]
    [InlineData("Blocks/Block.cs", "new(D, F, D)", "new(D, F, 2 * D)", "SEM0203", null)]
    [InlineData("Blocks/QueryBlock.cs", "norm1.Forward(h), norm1.Forward(h), mask", "norm1.Forward(g), norm1.Forward(h), mask", "SEM0201", "norm1.Forward(h)")]
    [InlineData("AimViT.cs", "images.Rearrange(\"B 3 (G P) (K P') -> B (G K) (P P' 3)\", P);\n\n", "images.Rearrange(\"B 3 (N P) (K P') -> B (N K) (P P' 3)\", P);\n\n", "SEM0201", "(N P)")]
    [InlineData("AimViT.cs", "h = blocks[s * M + i].Forward(h, OrderMask.UpTo(rank));", "h = blocks[s * M + i + 1].Forward(h, OrderMask.UpTo(rank));", "SEM0304", "blocks[s * M + i + 1]")]
    [InlineData("AimViT.cs", "return norm.Forward(g)[\"B [1..] D\"];", "return norm.Forward(g);", "SEM0206", "norm.Forward(g)")]
    [InlineData("AimViT.cs", "h = blocks[s * M + i].Forward(h, OrderMask.UpTo(rank));", "h = h[\"B [1..] D\"];", "SEM0221", "h[\"B [1..] D\"]")]
    [InlineData("AimViT.cs", "L: 32, Q: 16, M: 2, O: 768", "L: 32, Q: 12, M: 2, O: 768", "SEM0110", null)]
    [InlineData("AimViT.cs", "unit[\"B [0] D\"]", "unit[\"B [300] D\"]", "SEM0207", "[300]")]
    [InlineData("AimViT.cs", "[Require(\"L >= Q * M\", Because = \"a query block follows every M encoder blocks\")]\n", "", "SEM0304", "blocks[s * M + i]")]
    [InlineData("AimViT.cs", "cls.Expand(\"1 1 D -> B 1 D\", B)", "cls.Expand(\"1 1 D -> B P D\", B)", "SEM0216", "P")]
    public void A_slip_is_found_once_at_its_token(string file, string written, string slip, string id, string? token)
    {
        Assert.Contains(written, AuthorSource.Models[file]);
        var files = AuthorSource.Models.Select(m => (m.Key, m.Key == file ? ReplaceFirst(m.Value, written, slip) : m.Value)).ToList();

        var found = AuthorSource.Diagnose(files);

        // a changed contract may also be broken by its callers, in their files
        var here = found.Where(d => d.Location.SourceTree!.FilePath == file).ToList();
        Assert.NotEmpty(here);
        Assert.All(here, d => Assert.Equal(id, d.Id));
        Assert.All(found, d => Assert.StartsWith("SEM", d.Id));
        if (token is not null) Assert.Equal(token, AuthorSource.Token(here[0]));
    }

    private static string ReplaceFirst(string text, string old, string by)
    {
        var at = text.IndexOf(old, StringComparison.Ordinal);
        return text[..at] + by + text[(at + old.Length)..];
    }
}
