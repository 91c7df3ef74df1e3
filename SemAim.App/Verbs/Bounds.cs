using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary>Checks of numbers that options give; not-a-number is in no range.</summary>
internal static class Bounds
{
    /// <summary>Refuses what is negative or not finite; null passes.</summary>
    /// <exception cref="UsageException">names the option and what is allowed</exception>
    internal static void NotNegative(string option, double? value)
    {
        if (value is { } v && !(v >= 0 && double.IsFinite(v))) throw new UsageException($"--{option} {v}: 0 or more");
    }

    /// <summary>Refuses what is not above 0 and finite; null passes.</summary>
    /// <exception cref="UsageException">names the option and what is allowed</exception>
    internal static void Positive(string option, double? value)
    {
        if (value is { } v && !(v > 0 && double.IsFinite(v))) throw new UsageException($"--{option} {v}: more than 0");
    }

    /// <summary>Refuses what is no share.</summary>
    /// <exception cref="UsageException">names the option and what is allowed</exception>
    internal static void Share(string option, double value, bool one = true)
    {
        if (!(value >= 0 && (one ? value <= 1 : value < 1))) throw new UsageException($"--{option} {value}: 0 to {(one ? "1" : "less than 1")}");
    }
}
