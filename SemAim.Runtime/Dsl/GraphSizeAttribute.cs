using System.ComponentModel;

namespace SemAim.Dsl;

/// <summary>Generated: publishes a size that a module defines, because a member's body is not in metadata. Compilations that reference the module read it.</summary>
/// <param name="name">of the member</param>
/// <param name="size">over the constructor's sizes, for example <c>S / P</c></param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GraphSizeAttribute(string name, string size) : Attribute
{
    /// <summary>Of the member.</summary>
    public string Name => name;

    /// <summary>Over the constructor's sizes.</summary>
    public string Size => size;
}
