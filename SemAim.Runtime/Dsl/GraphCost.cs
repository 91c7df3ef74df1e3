namespace SemAim.Dsl;

/// <summary>What one call of a graph costs for a published configuration, as counted by the compiler.</summary>
/// <param name="Variant">name of the configuration</param>
/// <param name="Graph">name of the graph</param>
/// <param name="Parameters">trained values that the call reads</param>
/// <param name="MultiplyAdds">of one sample, as the specification is written: products, convolutions and attention; −1 where they depend on a host value</param>
/// <param name="SavedBytes">kept for the backward pass of one sample beyond the arguments, in float32; −1 where unknown</param>
/// <param name="SavedBytesNarrow">the same with products in bfloat16</param>
public sealed record GraphCost(string Variant, string Graph, long Parameters, long MultiplyAdds, long SavedBytes, long SavedBytesNarrow)
{
    /// <summary>Bytes kept for the backward pass of a batch.</summary>
    /// <param name="batch">samples</param>
    /// <param name="bfloat16">products in bfloat16</param>
    public long ActivationBytes(long batch, bool bfloat16) => checked(batch * (bfloat16 ? SavedBytesNarrow : SavedBytes));
}
