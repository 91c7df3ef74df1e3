using SemAim.Dsl;

namespace SemAim.Runtime.Optim;

/// <summary>Which weights share a rate and a decay.</summary>
internal static class ParameterGroups
{
    /// <summary>Group of weights that are not decayed in pretraining.</summary>
    internal const int Undecayed = 0;

    /// <summary>Group of weights that are.</summary>
    internal const int Decayed = 1;

    /// <summary>Pretraining (behaviour.md 5.2): 1-D weights and biases are not decayed, everything else is, the class token included.</summary>
    internal static int Pretraining(WeightSlot slot)
        => slot.Weight.Tensor.dim() <= 1 || slot.Name.EndsWith(".bias", StringComparison.Ordinal) ? Undecayed : Decayed;
}
