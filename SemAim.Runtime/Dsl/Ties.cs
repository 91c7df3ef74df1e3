namespace SemAim.Dsl;

/// <summary>What patches of equal rank do.</summary>
public enum Ties
{
    /// <summary>The one with the lower index counts as ranked first.</summary>
    ByIndex,

    /// <summary>They see each other in the content stream, as in the original (behaviour.md 1.7).</summary>
    Together,
}
