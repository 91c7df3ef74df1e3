using System.ComponentModel;

namespace SemAim.Dsl;

/// <summary>Generated: publishes what the body of a graph proves and costs, so that modules of other assemblies can build on it.</summary>
/// <param name="graph">name of the method</param>
/// <param name="properties">of <c>token-wise</c>, <c>stochastic</c>, <c>draws-on-device</c>, <c>capture-safe</c>, separated by commas</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GraphSummaryAttribute(string graph, string properties) : Attribute
{
    /// <summary>Name of the method.</summary>
    public string Graph => graph;

    /// <summary>What is proven of it.</summary>
    public string Properties => properties;

    /// <summary>Multiply-adds of one call, over the module's sizes and those bound at the call; empty where they depend on a host value. <c>leading</c> is the product of the axes behind <c>...</c>.</summary>
    public string MultiplyAdds { get; init; } = "";

    /// <summary>Bytes that one call keeps for its backward pass beyond its arguments, in float32.</summary>
    public string SavedBytes { get; init; } = "";

    /// <summary>The same with products in bfloat16.</summary>
    public string SavedBytesNarrow { get; init; } = "";

    /// <summary>Arguments that the backward pass needs, in float32; separated by blanks.</summary>
    public string SavedArguments { get; init; } = "";

    /// <summary>The same with products in bfloat16.</summary>
    public string SavedArgumentsNarrow { get; init; } = "";

    /// <summary>Arguments that products read, in either precision: the backward pass needs them unless they are a layer's normalisation.</summary>
    public string ProductArguments { get; init; } = "";

    /// <summary>Arguments that dense layers alone read: a caller may hand them over in the type of its products.</summary>
    public string LoweredArguments { get; init; } = "";

    /// <summary>For each thing that is dropped by sample, the arguments that flow into it, separated by blanks; between them semicolons. One of each must be more than weights.</summary>
    public string DropsFrom { get; init; } = "";

    /// <summary>Types of elements that the arguments must have, <c>x: float; index: index &lt; N; a + b: float|int64</c>: what is not named takes any.</summary>
    public string Takes { get; init; } = "";

    /// <summary>Types of elements of the results, separated by semicolons, the ways in which one may come out by bars: <c>float</c>, <c>int64 &lt; K</c> (indices along an axis of that size), <c>x</c> (that of an argument), <c>~</c> in front of what is computed, <c>?</c> for what is not known.</summary>
    public string Gives { get; init; } = "";

    /// <summary>Keys of the weights and constants that a call reads, separated by blanks.</summary>
    public string Reads { get; init; } = "";
}
