using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>A module of another assembly is checked, costed and called by what its assembly published.</summary>
public sealed class OtherAssemblyTests
{
    private const string Library = """
        using SemAim.Dsl;
        using static SemAim.Dsl.Ops;
        namespace Library;
        [Module]
        [Require("D % H == 0")]
        public sealed partial class Heads(int D, int H, double rate = 0.5) : GraphModule
        {
            private int E => D / H;
            private readonly Linear fc = new(D, D);
            [Graph]
            [return: Shape("B T H E")]
            public Sym Forward([Shape("B T D")] Sym x) => fc.Forward(x).DropPath(rate).Rearrange("B T (H E) -> B T H E", H);
        }
        """;

    private const string User = """
        using SemAim.Dsl;
        using static SemAim.Dsl.Ops;
        using Library;
        namespace User;
        [Module]
        [Require("D % H == 0")]
        public sealed partial class Net(int D, int H) : GraphModule
        {
            private int E => D / H;
            private readonly Repeat<Heads> heads = new(2, i => new Heads(D, H));
            [Graph]
            [return: Shape("B T H E")]
            public Sym Go([Shape("B T D")] Sym x) => heads[0].Forward(x) + heads[1].Forward(x);
            [Variant("small")] public static Net Small() => new(D: 8, H: 2);
        }
        """;

    [Fact]
    public void Values_gradients_draws_manifest_and_costs_cross_the_border()
    {
        using var scope = NewDisposeScope();
        var (library, _) = CompiledModels.Compile("Library", [("Heads.cs", Library)]);
        var (user, generated) = CompiledModels.Compile("User", [("Net.cs", User)], [library]);
        var model = CompiledModels.Make(user, "User.Net", 8, 2);
        Comparison.Fill(model);
        var (x, table) = (Comparison.Input(3, 5, 8), tensor(new[] { 0.1, 0.7, 0.5, 0.39, 0.41, 0.99 }).reshape(2, 3));

        Comparison.Equal(Comparison.Gradients(model, CompiledModels.Call(model, "Go", Sym.Of(x, Run.Eval)), x), Comparison.Gradients(model, CompiledModels.Call(model, "Go", x), x));
        Comparison.Equal(Comparison.Gradients(model, CompiledModels.Call(model, "Go", Sym.Of(x, Run.Train(table))), x), Comparison.Gradients(model, CompiledModels.Call(model, "Go", x, new Draws(table)), x));

        Assert.Equal(["heads.0.fc.bias", "heads.0.fc.weight", "heads.1.fc.bias", "heads.1.fc.weight"], model.Manifest().Select(e => e.Key).Order(StringComparer.Ordinal));
        Assert.Contains("MultiplyAdds = \"2 * B * D * D * T\"", generated["User.Net.g.cs"]);
    }
}
