using static TorchSharp.torch;

namespace SemAim.Dsl;

/// <summary>What a value of a graph looked like when it was made.</summary>
/// <param name="Place">state-dict path of the layer that made it, or of the last one before an operation without weights; in compiled code module and graph</param>
/// <param name="Name">operation of the specification, the author's name in compiled code, or the weight that is about to be read</param>
/// <param name="Shape">its axes</param>
/// <param name="Type">of its elements</param>
/// <param name="Largest">greatest magnitude; NaN where an element is</param>
/// <param name="IsFinite">neither infinities nor NaN</param>
/// <param name="MultiplyAdds">that making it took, for products, convolutions and attention</param>
public sealed record TracedValue(string Place, string Name, long[] Shape, ScalarType Type, double Largest, bool IsFinite, long MultiplyAdds)
{
    /// <inheritdoc />
    public override string ToString() => $"{Place}: {Name} {string.Join('×', Shape)} {Type}, largest {Largest:G4}{(IsFinite ? "" : ", not finite")}";
}
