using System.ComponentModel;
using TorchSharp;
using TorchSharp.Modules;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>A trainable tensor that a module holds directly, such as the class token.</summary>
public class Weight
{
    /// <summary>Makes and fills a weight of the given axes.</summary>
    public Weight(ReadOnlySpan<int> shape, Init init) => Tensor = new Parameter(Filled(shape, init));
    private protected Weight(Tensor value) => Tensor = value;

    [ThreadStatic] private static bool unfilled;

    /// <summary>Until the result is disposed, weights made on this thread are not filled: a model has its shapes, and neither time nor memory is spent on its values, which are whatever memory holds.</summary>
    internal static IDisposable Unfilled()
    {
        var before = unfilled;
        unfilled = true;
        return new Filling(before);
    }

    private sealed class Filling(bool before) : IDisposable
    {
        public void Dispose() => unfilled = before;
    }

    /// <summary>The tensor, as it is now; it stays the module's.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public Tensor Tensor { get; internal set; }

    /// <summary>The weight as a value in a graph.</summary>
    public Sym Value => Sym.OfWeight(this);

    /// <summary>The weight as a value.</summary>
    public static implicit operator Sym(Weight weight) => weight.Value;

    /// <summary>Sum of two weights, as values.</summary>
    public static Sym operator +(Weight a, Weight b) => a.Value + b.Value;

    /// <summary>Sum with a number, as a value.</summary>
    public static Sym operator +(Weight a, double b) => a.Value + b;

    /// <summary>Sum with a number, as a value.</summary>
    public static Sym operator +(double a, Weight b) => a + b.Value;

    /// <summary>Difference of two weights, as values.</summary>
    public static Sym operator -(Weight a, Weight b) => a.Value - b.Value;

    /// <summary>Difference with a number, as a value.</summary>
    public static Sym operator -(Weight a, double b) => a.Value - b;

    /// <summary>Difference with a number, as a value.</summary>
    public static Sym operator -(double a, Weight b) => a - b.Value;

    /// <summary>Product of two weights, as values.</summary>
    public static Sym operator *(Weight a, Weight b) => a.Value * b.Value;

    /// <summary>Product with a number, as a value.</summary>
    public static Sym operator *(Weight a, double b) => a.Value * b;

    /// <summary>Product with a number, as a value.</summary>
    public static Sym operator *(double a, Weight b) => a * b.Value;

    /// <summary>Quotient of two weights, as values.</summary>
    public static Sym operator /(Weight a, Weight b) => a.Value / b.Value;

    /// <summary>Quotient with a number, as a value.</summary>
    public static Sym operator /(Weight a, double b) => a.Value / b;

    /// <summary>Quotient with a number, as a value.</summary>
    public static Sym operator /(double a, Weight b) => a / b.Value;

    /// <summary>Negative, as a value.</summary>
    public static Sym operator -(Weight a) => -a.Value;

    private protected static Tensor Filled(ReadOnlySpan<int> shape, Init init)
    {
        using var noGrad = torch.no_grad();
        var sizes = new long[shape.Length];
        for (var i = 0; i < sizes.Length; i++) sizes[i] = Guard.Size(shape[i], "a weight", $"axis {i}");
        var tensor = torch.empty(sizes).DetachFromDisposeScope();
        if (!unfilled) init(tensor);
        return tensor;
    }
}
