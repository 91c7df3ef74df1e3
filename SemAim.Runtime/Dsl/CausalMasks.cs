using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>The causal triangle where attention is written out.</summary>
internal static class CausalMasks
{
    /// <summary>True where a key comes after its query, queries × keys; fresh.</summary>
    internal static Tensor Later(long queries, long keys, torch.Device device)
    {
        using var all = torch.ones(queries, keys, dtype: torch.ScalarType.Bool, device: device);
        return all.triu(1);
    }
}
