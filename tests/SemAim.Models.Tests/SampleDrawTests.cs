using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Draws are sites × B: where windows are folded behind the samples, all windows of a sample are dropped together, in the specification and compiled.</summary>
public sealed class SampleDrawTests
{
    private const string Source = """
        using SemAim.Dsl;
        namespace Test;
        [Module]
        public sealed partial class Inner(int D, double rate) : GraphModule
        {
            private readonly Linear fc = new(D, D);
            [Graph] [return: Shape("B T D")] public Sym Forward([Shape("B T D")] Sym x) => x + fc.Forward(x).DropPath(rate);
        }
        [Module]
        public sealed partial class Net(int D, int W, int R, int L, double rate) : GraphModule
        {
            private readonly Repeat<Inner> blocks = new(L, _ => new Inner(D, rate));
            [Graph] [return: Shape("B W*R D")]
            public Sym Go([Shape("B W*R D")] Sym x)
            {
                var w = x.Rearrange("B (W R) D -> (B W) R D", W, R);
                for (var i = 0; i < L; i++) w = blocks[i].Forward(w) + w.DropPath(rate);
                return w.Rearrange("(B W) R D -> B (W R) D", W).DropPath(rate);
            }
        }
        """;

    [Fact]
    public void Windows_of_a_sample_are_dropped_together()
    {
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", Source)]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4, 3, 2, 2, 0.5);
        Comparison.Fill(model);
        var (x, table) = (Comparison.Input(2, 6, 4), tensor(new[] { 0.9, 0.1, 0.2, 0.8, 0.7, 0.3, 0.4, 0.6, 0.1, 0.9 }).reshape(5, 2));

        var specified = Comparison.Gradients(model, CompiledModels.Call(model, "Go", Sym.Of(x, Run.Train(table))), x);
        var compiled = Comparison.Gradients(model, CompiledModels.Call(model, "Go", x, new Draws(table)), x);

        Comparison.Equal(specified, compiled);
        // the last site drops the first sample and no other
        Assert.Equal(0, compiled[0][0].abs().max().item<double>());
        Assert.NotEqual(0, compiled[0][1].abs().max().item<double>());
    }

    [Fact]
    public void Draws_for_another_number_of_samples_are_refused_in_words()
    {
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", Source)]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4, 3, 2, 2, 0.5);
        Comparison.Fill(model);

        var refused = Assert.Throws<ArgumentException>(() => CompiledModels.Call(model, "Go", Comparison.Input(2, 6, 4), new Draws(rand(5, 4, float64))));

        Assert.Contains("the draws are for 4 samples, the first axis of the value has 6 positions", refused.Message);
    }
}
