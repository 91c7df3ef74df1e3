using SemAim.Runtime;

namespace SemAim.Models;

/// <summary>Published models by name.</summary>
public static class ModelCatalogue
{
    private static readonly (string Name, Func<AimViT> Make)[] Pretraining =
    [
        ("aim_tiny", () => AimViT.Tiny()), ("aim_base", () => AimViT.Base()), ("aim_large", () => AimViT.Large()), ("aim_huge", () => AimViT.Huge()),
    ];

    /// <summary>Names that <see cref="CreateAim"/> takes.</summary>
    public static IReadOnlyList<string> AimNames { get; } = [.. Pretraining.Select(p => p.Name)];

    /// <summary>A pretraining model, freshly initialised; the caller disposes it.</summary>
    /// <exception cref="UsageException">there is no such model</exception>
    public static AimViT CreateAim(string name)
        => Pretraining.FirstOrDefault(p => p.Name == name).Make is { } make ? make() : throw new UsageException($"--model {name}: there is no such pretraining model; choose one of {string.Join(", ", AimNames)}");
}
