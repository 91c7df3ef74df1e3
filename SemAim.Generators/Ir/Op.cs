using System.Collections.Generic;
using SemAim.Generators.Collections;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Ir;

/// <summary>The operations of a checked graph.</summary>
public enum OpKind
{
    /// <summary>A weight or constant of the module; Text is its field.</summary>
    Weight,
    /// <summary>x·Wᵀ + b over the last axis; Text is the layer.</summary>
    Linear,
    /// <summary>Over the last axis; Text is the layer.</summary>
    LayerNorm,
    /// <summary>Text is the layer.</summary>
    Conv2d,
    /// <summary>A graph of another module; Text is the layer, Method the graph.</summary>
    Call,
    /// <summary>Element by element; Method is the function.</summary>
    Unary,
    /// <summary>A value and a host scalar; Method is the operator (<c>+ - * / pow</c>, <c>r-</c> and <c>r/</c> for a scalar on the left), Text the scalar.</summary>
    Scalar,
    /// <summary>Two values element by element with broadcasting; Method is the operator.</summary>
    Binary,
    /// <summary>To Dims.</summary>
    Reshape,
    /// <summary>To the axes in Order.</summary>
    Permute,
    /// <summary>Axes of size 1 to Dims.</summary>
    Expand,
    /// <summary>Position Dims[0] of Axis, which disappears.</summary>
    Select,
    /// <summary>Every position of Axis, which disappears.</summary>
    Unbind,
    /// <summary>Dims[1] positions of Axis from Dims[0].</summary>
    Narrow,
    /// <summary>Joined along Axis.</summary>
    Concat,
    /// <summary>Over Axis.</summary>
    Softmax,
    /// <summary>To unit length over Axis.</summary>
    Normalize,
    /// <summary>Over Axis (-1: over everything); Method is mean, sum, var, max, min or argmax.</summary>
    Reduce,
    /// <summary>Text are the letters.</summary>
    Einsum,
    /// <summary>softmax(q·kᵀ/√E + mask)·v.</summary>
    Attend,
    /// <summary>Sum of the squares of …; a mask from ranks: sees itself and what is before it.</summary>
    MaskUpTo,
    /// <summary>A mask from ranks: sees what is before it.</summary>
    MaskBefore,
    /// <summary>The mask that sorted tokens need.</summary>
    MaskCausal,
    /// <summary>Cuts the gradient.</summary>
    Detach,
    /// <summary>Drops whole samples in training; Text is the rate.</summary>
    DropPath,
    /// <summary>Indices that sort the last axis, stable; from ranks.</summary>
    SortOrder,
    /// <summary>Indices that undo <see cref="SortOrder"/>.</summary>
    InverseOrder,
    /// <summary>Tokens of Axis 1 in the order of the second operand.</summary>
    Reorder,
    /// <summary>Elements of Axis by an index value of the same leading axes.</summary>
    Gather,
    /// <summary>Indices that sort Axis.</summary>
    Sort,
    /// <summary>Chooses by a condition.</summary>
    Where,
    /// <summary>Compares two values; Method is the operator.</summary>
    Compare,
    /// <summary>To the type that the products of the layer in Text compute in.</summary>
    Lower,
    /// <summary>To float32 where the value is narrower.</summary>
    Raise,
    /// <summary>Before copy Index of the longest repeat, unless that may be the first one (Keep: it is not): gradients do not pass. Results are the operands, in order; the operands are no longer the graph's.</summary>
    Cut,
    /// <summary>Runs its region for a variable from Dims[0] up to but without Dims[1]; operands are carried around.</summary>
    Repeat,
    /// <summary>Runs one of two regions; Text is the condition.</summary>
    If,
}

/// <summary>What the elements of a value are.</summary>
public enum ElementType { Float, Int64, Bool, Mask }

/// <summary>A value of a checked graph.</summary>
public sealed class Value(IReadOnlyList<Dim> axes, ElementType type = ElementType.Float, string? name = null)
{
    /// <summary>Sizes, in order; empty for a scalar.</summary>
    public IReadOnlyList<Dim> Axes { get; } = axes;

    /// <summary>True where <c>...</c> leads: any number of axes that the graph does not know.</summary>
    public bool HasOpenRank => Axes.Count > 0 && Axes[0].Equals(OpenAxes);

    /// <summary>Stands for the axes behind <c>...</c>.</summary>
    public static Dim OpenAxes { get; } = Dim.Symbol("…");

    /// <summary>Type of the elements; Float where it is not certain.</summary>
    public ElementType Type { get; set; } = type;

    /// <summary>The author's name, if there is one.</summary>
    public string? Name { get; set; } = name;

    /// <summary>The operation that makes it; null for a parameter.</summary>
    public Op? Producer { get; set; }

    /// <summary>True where missing leading axes are allowed: weights, constants, and what views and element-wise operations make of them alone.</summary>
    public bool IsRootedInWeight { get; set; }

    /// <summary>True where the first axis is the samples in their order, each several times in a row: <c>(B W)</c>.</summary>
    public bool IsBySample { get; set; }

    /// <summary>True where each part along the first axis is that: <c>3 (B W)</c>, what a split takes apart.</summary>
    public bool HasPartsBySample { get; set; }

    /// <summary>Axes the author marked with # (1 or the size).</summary>
    public IReadOnlyList<bool>? Marked { get; set; }
}

/// <summary>An operation of a checked graph.</summary>
public sealed class Op(OpKind kind, int source)
{
    /// <summary>What it does.</summary>
    public OpKind Kind { get; } = kind;

    /// <summary>Number of the expression it comes from.</summary>
    public int Source { get; } = source;

    /// <summary>What it reads.</summary>
    public List<Value?> Operands { get; set; } = [];

    /// <summary>What it makes.</summary>
    public List<Value> Results { get; set; } = [];

    /// <summary>A layer, scalar, condition or letters, as C# text or as the kind says.</summary>
    public string Text { get; set; } = "";

    /// <summary>A function, operator or graph.</summary>
    public string Method { get; set; } = "";

    /// <summary>Sizes, starts and lengths.</summary>
    public IReadOnlyList<Dim> Dims { get; set; } = [];

    /// <summary>A permutation.</summary>
    public IReadOnlyList<int> Order { get; set; } = [];

    /// <summary>The axis acted on.</summary>
    public int Axis { get; set; } = -1;

    /// <summary>A reduced axis stays with size 1. Of an operation with a scalar: the value need not be of numbers, so a whole scalar must be written as a real number, as C# converts it for the specification.</summary>
    public bool Keep { get; set; }

    /// <summary>The index of a layer within a repeat.</summary>
    public Dim? Index { get; set; }

    /// <summary>Sizes the callee binds at the call, in its order.</summary>
    public IReadOnlyList<Dim> Bound { get; set; } = [];

    /// <summary>Name and contract of the callee.</summary>
    public ModuleContract? Callee { get; set; }

    /// <summary>Host arguments of a call, by parameter name.</summary>
    public Dictionary<string, string> Host { get; set; } = [];

    /// <summary>A call runs the callee's training body, where it has one.</summary>
    public bool TakesDraws { get; set; } = true;

    /// <summary>The variable of a repeat.</summary>
    public string Variable { get; set; } = "";

    /// <summary>The body of a repeat, or what runs where a condition holds.</summary>
    public Region? Body { get; set; }

    /// <summary>What runs where a condition does not hold.</summary>
    public Region? Otherwise { get; set; }

    /// <summary>Values that nobody reads after it, as the last pass says.</summary>
    public IReadOnlyList<Value> Dying { get; set; } = [];

    /// <summary>Results that nobody reads.</summary>
    public IReadOnlyList<Value> Unread { get; set; } = [];

    /// <summary>True where the result is no tensor of its own: a weight belongs to its layer, the causal mask is a word.</summary>
    public bool IsHandle => OpTable.Of(Kind).Result == Ownership.Handle;

    /// <summary>The only result.</summary>
    public Value Result => Results[0];
}

/// <summary>Operations in order, with what comes in and what goes out.</summary>
public sealed class Region
{
    /// <summary>Values that come in.</summary>
    public List<Value> Parameters { get; set; } = [];

    /// <summary>Operations, each after what it reads.</summary>
    public List<Op> Ops { get; set; } = [];

    /// <summary>Values that go out.</summary>
    public List<Value> Results { get; set; } = [];

    /// <summary>Values that come in and nobody reads.</summary>
    public IReadOnlyList<Value> Unread { get; set; } = [];
}

/// <summary>A graph that was found right.</summary>
public sealed class CheckedGraph(GraphUnit unit, Region body, IReadOnlyList<string> bound)
{
    /// <summary>What was written.</summary>
    public GraphUnit Unit { get; } = unit;

    /// <summary>What it does.</summary>
    public Region Body { get; } = body;

    /// <summary>Sizes bound at the call, in order of first appearance.</summary>
    public IReadOnlyList<string> Bound { get; } = bound;

    /// <summary>For each thing that is dropped, the parameters that flow into it, separated by blanks.</summary>
    public EquatableArray<string> DropsFrom { get; init; }

    /// <summary>Types of elements that it takes and gives.</summary>
    public ElementContract Elements { get; init; } = ElementContract.Unknown;
}
