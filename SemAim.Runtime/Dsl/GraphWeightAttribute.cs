using System.ComponentModel;

namespace SemAim.Dsl;

/// <summary>Generated: publishes one weight or constant below a module.</summary>
/// <param name="key">state-dict key from this module; <c>{0..L}</c> stands for the numbers 0 … L − 1</param>
/// <param name="shape">axes over the module's sizes, separated by blanks</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GraphWeightAttribute(string key, string shape) : Attribute
{
    /// <summary>State-dict key.</summary>
    public string Key => key;

    /// <summary>Axes.</summary>
    public string Shape => shape;

    /// <summary>Saved and never trained.</summary>
    public bool Constant { get; init; }

    /// <summary>Read by matrix products alone, so that bfloat16 may stand in for it.</summary>
    public bool Products { get; init; }

    /// <summary>Level of a cut backward pass at which its gradient is complete, over the module's sizes and <c>index</c>, the number of the copy; empty where no graph is cut.</summary>
    public string Level { get; init; } = "";
}
