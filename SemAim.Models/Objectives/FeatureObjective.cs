using SemAim.Dsl;

namespace SemAim.Models.Objectives;

/// <summary>Predicts a teacher's tokens: squared distance of the two unit vectors, 2 − 2·cos (behaviour.md 4.2).</summary>
/// <param name="O">width of the teacher's tokens</param>
[Module]
public sealed partial class FeatureObjective(int O) : GraphModule
{
    /// <summary>The error of a prediction; the class token takes no part, so neither argument has it.</summary>
    [Graph]
    [return: Shape("", "B N")]
    public (Sym loss, Sym perPatch) Loss([Shape("B N O")] Sym predicted, [Shape("B N O")] Sym features)
    {
        var error = (predicted.Normalize("B N [O]") - features.Normalize("B N [O]")).Pow(2).Sum("B N [O]");
        return (error.Mean(), error);
    }
}
