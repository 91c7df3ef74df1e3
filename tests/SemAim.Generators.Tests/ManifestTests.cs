using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Tests;

/// <summary>A checkpoint's manifest among the AdditionalFiles fails a build that could not load it.</summary>
public sealed class ManifestTests
{
    private const string Source = """
        using SemAim.Dsl;
        namespace Net;
        [Module]
        public sealed partial class Part(int D) : GraphModule
        {
            private readonly Linear fc = new(D, 2 * D);
            [Graph] [return: Shape("B T 2*D")] public Sym Forward([Shape("B T D")] Sym x) => fc.Forward(x);
        }
        [Module]
        public sealed partial class Net(int D, int L) : GraphModule
        {
            private readonly Weight token = new([1, 1, D], Inits.Normal(0.02));
            private readonly Repeat<Part> parts = new(L, i => new Part(D));
            [Graph] [return: Shape("B T 2*D")] public Sym Forward([Shape("B T D")] Sym x)
            {
                var y = parts[0].Forward(x + token);
                for (var i = 1; i < L; i++) y = y + parts[i].Forward(x);
                return y;
            }
            [Variant("small")] public static Net Small() => new(D: 4, L: 2);
            [Variant("large")] public static Net Large() => new(D: 8, L: 2);
        }
        """;

    private static readonly (string Key, string Shape, string Type)[] Right =
    [
        ("token", "1, 1, 4", "F32"), ("parts.0.fc.weight", "8, 4", "F32"), ("parts.0.fc.bias", "8", "BF16"), ("parts.1.fc.weight", "8, 4", "float16"), ("parts.1.fc.bias", "8", "torch.float32"),
    ];

    private static string Json(IEnumerable<(string Key, string Shape, string Type)> entries)
        => "[\n" + string.Join(",\n", entries.Select(e => $"  {{ \"key\": \"{e.Key}\", \"shape\": [{e.Shape}], \"dtype\": \"{e.Type}\" }}")) + "\n]\n";

    private static IReadOnlyList<Diagnostic> Judge(string name, string text) => AuthorSource.Diagnose([("Net.cs", Source)], DiagnosticSeverity.Warning, [("folder/" + name, text)]);

    [Fact]
    public void A_manifest_that_fits_says_nothing_whatever_floating_type_it_holds() => Assert.Empty(Judge("small.manifest.json", Json(Right)));

    [Fact]
    public void A_wrong_shape_is_an_error_at_the_layer_that_names_both_and_the_configuration_it_fits()
    {
        var found = Assert.Single(Judge("small.manifest.json", Json(Right.Select(r => (r.Key, r.Shape.Replace('4', 'n').Replace('8', 'm').Replace("n", "8").Replace("m", "16"), r.Type)))));

        Assert.Equal(("SEM0601", DiagnosticSeverity.Error), (found.Id, found.Severity));
        Assert.Equal("small.manifest.json: \"token\" is 1×1×8, this model has 1×1×4 (large?)", found.GetMessage());
        Assert.Equal("token", AuthorSource.Token(found));
    }

    [Theory]
    [InlineData("I64")]
    [InlineData("int64")]
    [InlineData("BOOL")]
    [InlineData("torch.uint8")]
    public void A_type_that_holds_no_weights_is_an_error_at_the_layer(string type)
    {
        var found = Assert.Single(Judge("small.manifest.json", Json(Right.Select(r => r.Key == "parts.1.fc.bias" ? (r.Key, r.Shape, type) : r))));

        Assert.Equal("SEM0601", found.Id);
        Assert.Equal($"small.manifest.json: \"parts.1.fc.bias\" is {type}, this model has a floating-point weight", found.GetMessage());
    }

    [Fact]
    public void A_missing_key_is_an_error_that_counts_those_like_it()
    {
        var found = Assert.Single(Judge("small.manifest.json", Json(Right.Where(r => !r.Key.StartsWith("parts.1", StringComparison.Ordinal)))));

        Assert.Equal(("SEM0602", DiagnosticSeverity.Error), (found.Id, found.Severity));
        Assert.StartsWith("checkpoint small.manifest.json lacks \"parts.1.fc.weight\" (and 1 keys like it)", found.GetMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_nobody_reads_is_a_warning_that_names_it()
    {
        var found = Assert.Single(Judge("small.manifest.json", Json([.. Right, ("head.bias", "10", "F32")])));

        Assert.Equal(("SEM0603", DiagnosticSeverity.Warning), (found.Id, found.Severity));
        Assert.Equal("checkpoint small.manifest.json has 1 key that nobody reads: head.bias", found.GetMessage());
    }

    [Theory]
    [InlineData("", "line 1: '[' expected, the file ends")]
    [InlineData("{}", "line 1: '[' expected, '{' found")]
    [InlineData("[\n{ \"key\": \"token\" }\n]", "line 2: \"token\" has no \"shape\"")]
    [InlineData("[{ \"shape\": [1] }]", "line 1: an entry without \"key\"")]
    [InlineData("[{ \"key\": \"token\", \"shape\": [1, -1] }]", "line 1: a shape holds whole numbers of at least 0")]
    [InlineData("[{ \"key\": \"token\", \"shape\": [99999999999999999999] }]", "line 1: a shape holds whole numbers of at least 0")]
    [InlineData("[{ \"key\": \"token, \"shape\": [1] }]", "line 1: '}' expected, 's' found")]
    [InlineData("[{ \"key\": \"token\n", "line 1: a key that is never closed")]
    [InlineData("[{ \"key\": \"a\", \"shape\": [] },\n { \"key\": \"a\", \"shape\": [] }]", "line 2: \"a\" is there twice")]
    [InlineData("[{ \"key\": \"a\", \"shape\": [] }] tail", "line 1: the list ends here, the file does not")]
    [InlineData("[{ \"key\": \"a\", \"shape\": [] },", "line 1: '{' expected, the file ends")]
    [InlineData("[{ \"key\": \"a\", \"shapes\": [] }]", "line 1: \"shapes\" is none of key, shape, dtype")]
    public void What_is_no_manifest_is_one_error_that_says_where(string text, string problem)
    {
        var found = Assert.Single(Judge("small.manifest.json", text));

        Assert.Equal("SEM0601", found.Id);
        Assert.Equal($"small.manifest.json is no list of keys and shapes ({problem}); write it with ckpt-inspect --manifest", found.GetMessage());
        Assert.Equal("Net", AuthorSource.Token(found));
    }

    [Fact]
    public void Escapes_in_a_key_are_read() => Assert.Empty(Judge("small.manifest.json", Json(Right).Replace("parts.0.fc.bias", "parts\\u002E0.fc.bias", StringComparison.Ordinal)));

    [Fact]
    public void A_manifest_under_a_name_that_nobody_publishes_is_said_to_be_compared_with_nothing()
    {
        var found = Assert.Single(Judge("smal.manifest.json", Json(Right)));

        Assert.Equal(("SEM0604", DiagnosticSeverity.Warning), (found.Id, found.Severity));
        Assert.Equal("smal.manifest.json is compared with nothing: no module publishes a configuration \"smal\" (did you mean `small`?)", found.GetMessage());
    }
}
