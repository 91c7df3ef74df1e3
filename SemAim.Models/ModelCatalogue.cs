using SemAim.Runtime;

namespace SemAim.Models;

/// <summary>How a pretraining model differs from its published configuration.</summary>
public sealed record AimOptions
{
    /// <summary>Side of the pictures, pixels; null: the configuration's.</summary>
    public int? InputSize { get; init; }

    /// <summary>Query blocks; null: the configuration's.</summary>
    public int? QueryDepth { get; init; }

    /// <summary>Values predicted for a patch; null: its pixels.</summary>
    public int? PredictedWidth { get; init; }

    /// <summary>One dense layer predicts (LINEAR) instead of two (MLP).</summary>
    public bool LinearHead { get; init; }

    /// <summary>The encoder's blocks are the query blocks too.</summary>
    public bool ShareWeight { get; init; }
}

/// <summary>Published models by name.</summary>
public static class ModelCatalogue
{
    private static readonly (string Name, Func<AimViT> Make, int S, int P, int D, int H, int L, int Q)[] Pretraining =
    [
        ("aim_tiny", () => AimViT.Tiny(), 64, 8, 64, 4, 3, 1),
        ("aim_base", () => AimViT.Base(), 224, 16, 768, 12, 12, 12),
        ("aim_large", () => AimViT.Large(), 224, 16, 1024, 16, 24, 12),
        ("aim_huge", () => AimViT.Huge(), 224, 16, 1280, 16, 32, 16),
    ];

    private static readonly (string Name, Func<VisionTransformer> Make)[] Classifiers =
    [
        ("vit_tiny", () => VisionTransformer.Tiny()),
        ("vit_small_patch16", () => VisionTransformer.Small()),
        ("vit_base_patch16", () => VisionTransformer.Base()),
        ("vit_large_patch16", () => VisionTransformer.Large()),
        ("vit_huge_patch14", () => VisionTransformer.Huge()),
        ("vit_huge_patch16", () => VisionTransformer.HugeOfAim()),
    ];

    /// <summary>Names that <see cref="CreateVit"/> takes.</summary>
    public static IReadOnlyList<string> VitNames { get; } = [.. Classifiers.Select(c => c.Name)];

    /// <summary>A classifier as published, by the class token; the caller disposes it. Its weights are those of its layers' initialisers.</summary>
    /// <exception cref="UsageException">there is no such model</exception>
    public static VisionTransformer CreateVit(string name)
        => Classifiers.FirstOrDefault(c => c.Name == name) is { Name: not null } found ? found.Make() : throw new UsageException($"--model {name}: there is no such classifier; choose one of {string.Join(", ", VitNames)}");

    /// <summary>Names that <see cref="CreateAim(string)"/> takes.</summary>
    public static IReadOnlyList<string> AimNames { get; } = [.. Pretraining.Select(p => p.Name)];

    /// <summary>A pretraining model, freshly initialised; the caller disposes it.</summary>
    /// <exception cref="UsageException">there is no such model</exception>
    public static AimViT CreateAim(string name) => Sizes(name).Make();

    /// <summary>A pretraining model with other sizes than published, freshly initialised; the caller disposes it.</summary>
    /// <exception cref="UsageException">there is no such model, or its sizes do not allow an option; the message names the option and what it may be</exception>
    public static AimViT CreateAim(string name, AimOptions options)
    {
        CheckAim(name, options);
        var p = Sizes(name);
        return new(options.InputSize ?? p.S, p.P, p.D, p.H, p.L, options.QueryDepth ?? p.Q, options.PredictedWidth ?? 3 * p.P * p.P, linearHead: options.LinearHead, shareWeight: options.ShareWeight);
    }

    /// <summary>Says whether a model may have these sizes, without making it.</summary>
    /// <exception cref="UsageException">as <see cref="CreateAim(string, AimOptions)"/></exception>
    public static void CheckAim(string name, AimOptions options)
    {
        var p = Sizes(name);
        var (side, queries) = (options.InputSize ?? p.S, options.QueryDepth ?? p.Q);
        if (side < p.P || side % p.P != 0) throw new UsageException($"--input_size {side}: {name} has patches of {p.P} px, so a multiple of {p.P}");
        if (queries < 1 || !AimViT.QueryDepths(p.L).Contains(queries)) throw new UsageException($"--query_depth {queries}: {name} has {p.L} encoder blocks, so one of {string.Join(", ", AimViT.QueryDepths(p.L))}");
    }

    /// <summary>Side of a configuration's pictures and of its patches, pixels, and its width.</summary>
    /// <exception cref="UsageException">there is no such model</exception>
    public static (int ImageSize, int PatchSize, int Width) AimSizes(string name)
    {
        var p = Sizes(name);
        return (p.S, p.P, p.D);
    }

    private static (string Name, Func<AimViT> Make, int S, int P, int D, int H, int L, int Q) Sizes(string name)
        => Pretraining.FirstOrDefault(p => p.Name == name) is { Name: not null } found ? found : throw new UsageException($"--model {name}: there is no such pretraining model; choose one of {string.Join(", ", AimNames)}");
}
