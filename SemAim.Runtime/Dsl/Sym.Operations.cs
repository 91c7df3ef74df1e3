using SemAim.Runtime.Tensors;
using TorchSharp;
using F = TorchSharp.torch.nn.functional;

namespace SemAim.Dsl;

/// <summary>Element by element, and along one axis.</summary>
public sealed partial class Sym
{
    /// <summary>Sum; sizes equal or marked.</summary>
    public static Sym operator +(Sym a, Sym b) => a.With(b, Kernels.Add(a.Value, b.Value));

    /// <summary>Difference.</summary>
    public static Sym operator -(Sym a, Sym b) => a.With(b, a.Value - b.Value);

    /// <summary>Product, element by element.</summary>
    public static Sym operator *(Sym a, Sym b) => a.With(b, a.Value * b.Value);

    /// <summary>Quotient.</summary>
    public static Sym operator /(Sym a, Sym b) => a.With(b, a.Value / b.Value);

    /// <summary>Sum with a number.</summary>
    public static Sym operator +(Sym a, double b) => a.With(Kernels.Add(a.Value, Number.Of(b)));

    /// <summary>Difference with a number.</summary>
    public static Sym operator -(Sym a, double b) => a.With(a.Value.sub(Number.Of(b)));

    /// <summary>Product with a number.</summary>
    public static Sym operator *(Sym a, double b) => a.With(a.Value.mul(Number.Of(b)));

    /// <summary>Quotient with a number.</summary>
    public static Sym operator /(Sym a, double b) => a.With(a.Value.div(Number.Of(b)));

    /// <summary>Sum with a number.</summary>
    public static Sym operator +(double a, Sym b) => b.With(Kernels.Add(b.Value, Number.Of(a)));

    /// <summary>Difference from a number.</summary>
    public static Sym operator -(double a, Sym b) => b.With(Kernels.Subtract(Number.Of(a), b.Value));

    /// <summary>Product with a number.</summary>
    public static Sym operator *(double a, Sym b) => b.With(b.Value.mul(Number.Of(a)));

    /// <summary>Quotient of a number.</summary>
    public static Sym operator /(double a, Sym b) => b.With(Kernels.Divide(Number.Of(a), b.Value));

    /// <summary>Negative.</summary>
    public static Sym operator -(Sym a) => a.With(-a.Value);

    /// <summary>Comparison, element by element.</summary>
    public static Sym operator <(Sym a, Sym b) => a.With(b, a.Value.lt(b.Value));

    /// <summary>Comparison, element by element.</summary>
    public static Sym operator >(Sym a, Sym b) => a.With(b, a.Value.gt(b.Value));

    /// <summary>Comparison, element by element.</summary>
    public static Sym operator <=(Sym a, Sym b) => a.With(b, a.Value.le(b.Value));

    /// <summary>Comparison, element by element.</summary>
    public static Sym operator >=(Sym a, Sym b) => a.With(b, a.Value.ge(b.Value));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator <(Sym a, double b) => a.With(a.Value.lt(Number.Of(b)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator <(double a, Sym b) => b.With(b.Value.gt(Number.Of(a)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator >(Sym a, double b) => a.With(a.Value.gt(Number.Of(b)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator >(double a, Sym b) => b.With(b.Value.lt(Number.Of(a)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator <=(Sym a, double b) => a.With(a.Value.le(Number.Of(b)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator <=(double a, Sym b) => b.With(b.Value.ge(Number.Of(a)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator >=(Sym a, double b) => a.With(a.Value.ge(Number.Of(b)));

    /// <summary>Comparison with a number.</summary>
    public static Sym operator >=(double a, Sym b) => b.With(b.Value.le(Number.Of(a)));

    /// <summary>Exact (erf) GELU.</summary>
    public Sym Gelu() => With(F.gelu(Value));

    /// <summary>max(x, 0).</summary>
    public Sym Relu() => With(F.relu(Value));

    /// <summary>x · sigmoid(x).</summary>
    public Sym Silu() => With(F.silu(Value));

    /// <summary>x · sigmoid(1.702 x).</summary>
    public Sym QuickGelu() => With(Value * Value.mul(Number.Of(1.702)).sigmoid());

    /// <summary>Hyperbolic tangent.</summary>
    public Sym Tanh() => With(Value.tanh());

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    public Sym Sigmoid() => With(Value.sigmoid());

    /// <summary>eˣ.</summary>
    public Sym Exp() => With(Value.exp());

    /// <summary>Natural logarithm.</summary>
    public Sym Log() => With(Value.log());

    /// <summary>Square root.</summary>
    public Sym Sqrt() => With(Value.sqrt());

    /// <summary>Magnitude.</summary>
    public Sym Abs() => With(Value.abs());

    /// <summary>A power with a number as exponent.</summary>
    public Sym Pow(double exponent) => With(Value.pow(Number.Of(exponent)));

    /// <summary>The value without its gradient.</summary>
    public Sym Detach() => With(Value.detach());

    /// <summary>Softmax over the bracketed axis.</summary>
    public Sym Softmax(string pattern) => With(Value.softmax(Axis(pattern)));

    /// <summary>To unit length over the bracketed axis; lengths below 1e-12 count as that.</summary>
    public Sym Normalize(string pattern) => With(F.normalize(Value, 2.0, Axis(pattern)));

    /// <summary>Mean over everything.</summary>
    public Sym Mean() => With(Value.mean());

    /// <summary>Mean over the bracketed axis.</summary>
    public Sym Mean(string pattern, bool keep = false) => With(Value.mean([Axis(pattern)], keep));

    /// <summary>Sum over everything.</summary>
    public Sym Sum() => With(Value.sum());

    /// <summary>Sum over the bracketed axis.</summary>
    public Sym Sum(string pattern, bool keep = false) => With(Value.sum([(long)Axis(pattern)], keep));

    /// <summary>Unbiased variance over the bracketed axis.</summary>
    /// <exception cref="ArgumentException">the elements are no numbers: TorchSharp does not catch what the library throws there, and the process would end</exception>
    public Sym Var(string pattern, bool keep = false)
        => Value.is_floating_point() ? With(Value.var(Axis(pattern), unbiased: true, keep)) : throw new ArgumentException($"Var: the elements are {Value.dtype}, and a variance is of numbers");

    /// <summary>Greatest value of the bracketed axis.</summary>
    public Sym Max(string pattern, bool keep = false) => With(Value.amax([Axis(pattern)], keep));

    /// <summary>Least value of the bracketed axis.</summary>
    public Sym Min(string pattern, bool keep = false) => With(Value.amin([Axis(pattern)], keep));

    /// <summary>Index of the greatest value of the bracketed axis; the first of equal ones.</summary>
    public Sym ArgMax(string pattern, bool keep = false) => With(Value.argmax(Axis(pattern), keep));

    /// <summary>Indices that sort the bracketed axis upwards; equal values keep their order.</summary>
    public Sym Sort(string pattern) => With(Value.sort(Axis(pattern), stable: true).Indices);

    /// <summary>Elements of the bracketed axis by an index value of the same leading axes.</summary>
    public Sym Gather(string pattern, Sym index) => With(index, Kernels.Gather(Value, index.Value, Axis(pattern)));

    /// <summary>Drops the value of whole samples and scales the others up (stochastic depth), in training runs only. The first axis holds each sample once, or equally often in a row: <c>B</c>, <c>(B W)</c>.</summary>
    /// <exception cref="InvalidOperationException">the value comes from weights alone, so it belongs to no run</exception>
    public Sym DropPath(double rate)
    {
        if (run is null) throw new InvalidOperationException("DropPath of a value that comes from weights alone: it belongs to no run, so nothing says whether it is dropped");
        if (!run.IsTraining) return this;
        var row = run.Draw();                                        // a site takes its row whatever its rate
        if (rate == 0) return this;
        var kept = Kernels.Add(row, Number.Of(1 - rate)).floor().to(Value.dtype);
        return With(Value.div(Number.Of(1 - rate)) * Kernels.BySample(kept, Value));
    }
}
