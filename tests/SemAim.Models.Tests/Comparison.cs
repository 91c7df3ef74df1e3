using System.Runtime.CompilerServices;
using SemAim.Dsl;
using SemAim.Mutation;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Values and gradients of two ways to compute the same.</summary>
internal static class Comparison
{
    /// <summary>The result, then the gradient of every parameter and of the input.</summary>
    internal static Tensor[] Gradients(GraphModule model, object result, Tensor? input = null)
    {
        model.zero_grad();
        var parts = result is ITuple tuple ? Enumerable.Range(0, tuple.Length).Select(i => tuple[i]!) : [result];
        var tensors = parts.Select(p => p as Tensor ?? ((Sym)p).Value).ToList();
        var loss = tensors.Select((t, i) => (t.to(float64).sin() * (i + 1)).sum()).Aggregate((a, b) => a + b);
        if (input?.grad is { } old) old.zero_();
        loss.backward();
        return [.. tensors.Select(t => t.detach()), .. model.parameters().Select(p => p.grad is { } g ? g.clone() : zeros_like(p)), .. input?.grad is { } grad ? new[] { grad.clone() } : []];
    }

    /// <summary>Equal to 1e-10 of each tensor's scale.</summary>
    internal static void Equal(Tensor[] wanted, Tensor[] got, string what = "", double tolerance = 1e-10)
    {
        Assert.Equal(wanted.Length, got.Length);
        for (var i = 0; i < wanted.Length; i++)
        {
            Assert.Equal(wanted[i].shape, got[i].shape);
            if (wanted[i].numel() == 0) continue;
            var scale = Math.Max(1, wanted[i].abs().max().to(float64).item<double>());
            var difference = (wanted[i] - got[i]).abs().max().to(float64).item<double>();
            Assert.True(difference <= tolerance * scale, $"{what}: tensor {i} differs by {difference} at scale {scale}");
        }
    }

    /// <summary>Weights that depend on their place alone, in float64.</summary>
    internal static void Fill(GraphModule model) => PlacedWeights.Fill(model);

    /// <summary>An input that depends on its place alone and needs a gradient.</summary>
    internal static Tensor Input(params long[] shape) => (arange(shape.Aggregate(1L, (a, b) => a * b), float64) * 0.731 + 0.2).sin().reshape(shape).detach().requires_grad_(true);
}
