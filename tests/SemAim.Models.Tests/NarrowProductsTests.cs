using System.Runtime.CompilerServices;
using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Every declared graph with products in bfloat16 gives the float32 numbers as far as 8 bits hold them: results and gradients, in training and evaluation.</summary>
public sealed class NarrowProductsTests
{
    // the library's bfloat16 convolution is wrong on some CPUs for 8 output channels
    private const int Width = 16;

    // 0.4 % a product, some tens of them in a row
    private const double OfResults = 0.05, OfGradients = 0.1;

    public static TheoryData<string> Graphs => [.. Passes.PassEquivalenceTests.Cases(Width).Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Graphs))]
    public void Results_and_gradients_stay_close_to_float32(string graph)
    {
        using var scope = NewDisposeScope();
        var (_, type, sizes, method, input, table) = Passes.PassEquivalenceTests.Cases(Width).Single(c => c.Name == graph);
        var model = CompiledModels.Make(typeof(AimViT).Assembly, "SemAim.Models." + type, sizes);
        Scatter(model);

        var wide = Run(model, method, type, input, table);
        foreach (var slot in model.Slots().Where(s => s.IsProductWeight).ToList()) slot.Weight.Tensor = slot.Weight.Tensor.detach().to(bfloat16).requires_grad_();
        var narrow = Run(model, method, type, input, table);

        Assert.True(Distance(wide.Results, narrow.Results) <= OfResults, $"results of {graph} differ by {Distance(wide.Results, narrow.Results)}");
        Assert.True(Distance(wide.Gradients, narrow.Gradients) <= OfGradients, $"gradients of {graph} differ by {Distance(wide.Gradients, narrow.Gradients)}");
        if (model.Slots().Any(s => s.IsProductWeight && s.Weight.Tensor.grad is not null)) Assert.True(Distance(wide.Gradients, narrow.Gradients) > 0);
    }

    // as training begins: a normalisation of values that hardly differ would show rounding as if it were the value
    private static void Scatter(GraphModule model)
    {
        using var guard = no_grad();
        using var generator = new Generator(7);
        foreach (var slot in model.Slots())
        {
            var weight = slot.Weight.Tensor;
            var lift = slot.Owner is LayerNorm && slot.Local == "weight" ? 1 : 0;
            weight.copy_(randn(weight.shape, generator: generator) * (weight.dim() > 1 && lift == 0 ? 1 / Math.Sqrt(weight.size(-1)) : 0.1) + lift);
        }
    }

    private static (Tensor[] Results, Tensor[] Gradients) Run(GraphModule model, string method, string type, object[] input, Tensor? table)
    {
        object[] values = [.. input.Select(i => ((Tensor)i).detach().to(float32).requires_grad_())];
        object[] arguments = table is null ? values : [.. values, .. type is "Block" or "QueryBlock" ? new object[] { default(AttentionBias) } : [], new Draws(table.to(float32))];
        var leaves = model.Slots().Where(s => s.IsTrained).Select(s => s.Weight.Tensor).Concat(values.Cast<Tensor>()).ToList();
        foreach (var leaf in leaves) leaf.grad?.zero_();
        var result = CompiledModels.Call(model, method, arguments);
        Tensor[] parts = result is ITuple tuple ? [.. Enumerable.Range(0, tuple.Length).Select(i => (Tensor)tuple[i]!)] : [(Tensor)result];
        parts.Select(p => p.to(float32).sin().sum()).Aggregate((a, b) => a + b).backward();
        return ([.. parts.Select(p => p.detach().to(float32))], [.. leaves.Select(l => l.grad is { } g ? g.to(float32).clone() : zeros_like(l, dtype: float32))]);
    }

    // of all values together, in relation to their length
    private static double Distance(Tensor[] wide, Tensor[] narrow)
    {
        var (difference, length) = (0.0, 0.0);
        foreach (var (a, b) in wide.Zip(narrow))
        {
            difference += (a - b).square().sum().item<float>();
            length += a.square().sum().item<float>();
        }
        return Math.Sqrt(difference / Math.Max(length, 1e-30));
    }
}
