using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;

namespace SemAim.Models;

/// <summary>What makes an encoder: a classifier of these sizes takes the encoder of a pretraining model of the same.</summary>
/// <param name="ImageSize">side of the picture, pixels</param>
/// <param name="PatchSize">side of a patch, pixels</param>
/// <param name="Width">channels of a token</param>
/// <param name="Heads">heads of an attention</param>
/// <param name="Blocks">blocks</param>
/// <param name="Hidden">width of a block's hidden layer</param>
public sealed record EncoderSizes(int ImageSize, int PatchSize, int Width, int Heads, int Blocks, int Hidden)
{
    private static readonly (string[] Names, EncoderSizes Sizes)[] Table =
    [
        (["aim_tiny", "vit_tiny"], new(64, 8, 64, 4, 3, 256)),
        (["vit_small_patch16"], new(224, 16, 384, 6, 12, 1536)),
        (["aim_base", "vit_base_patch16"], new(224, 16, 768, 12, 12, 3072)),
        (["aim_large", "vit_large_patch16"], new(224, 16, 1024, 16, 24, 4096)),
        (["aim_huge", "vit_huge_patch16"], new(224, 16, 1280, 16, 32, 5120)),
        (["vit_small_patch14"], new(224, 14, 384, 6, 12, 1536)),
        (["vit_base_patch14"], new(224, 14, 768, 12, 12, 3072)),
        (["vit_large_patch14"], new(224, 14, 1024, 16, 24, 4096)),
        (["vit_huge_patch14"], new(224, 14, 1280, 16, 32, 5120)),
    ];

    /// <summary>Names that <see cref="Named"/> takes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Table.SelectMany(t => t.Names)];

    /// <summary>Name of the published classifier of these sizes, or null.</summary>
    public string? VitName => Table.FirstOrDefault(t => t.Sizes with { ImageSize = ImageSize } == this).Names?.FirstOrDefault(n => n.StartsWith("vit_", StringComparison.Ordinal));

    /// <summary>Side of the grid of patches.</summary>
    public int Grid => ImageSize / PatchSize;

    /// <summary>Sizes of a published model, of pretraining or classification.</summary>
    /// <exception cref="UsageException">there is no such model</exception>
    public static EncoderSizes Named(string name) => Find(name) ?? throw new UsageException($"--model {name}: there is no such model; choose one of {string.Join(", ", Names)}");

    /// <summary>Sizes that the shapes of a file's weights show. Heads leave no trace in them: they come from the file's "model", from the published model of these sizes, or from the caller.</summary>
    /// <param name="file">weights under the original's names</param>
    /// <param name="heads">null: unknown to the caller</param>
    /// <exception cref="RefusedException">these are no weights of a vision transformer</exception>
    /// <exception cref="UsageException">nobody knows the number of heads, or it cannot be</exception>
    public static EncoderSizes Of(WeightFile file, int? heads = null)
    {
        var shapes = new Dictionary<string, long[]>();
        foreach (var e in file.Entries) shapes[WeightFile.WithoutPrefix(e.Name)] = e.Shape;
        long[] Shape(string name, int axes) => shapes.GetValueOrDefault(name) is { } shape && shape.Length == axes && shape.All(d => d is > 0 and < 1 << 20)
            ? shape : throw new RefusedException($"{file.Path}: no weights of a vision transformer: \"{name}\" is {(shapes.ContainsKey(name) ? "of another shape" : "lacking")}");
        var (patch, positions, hidden) = (Shape("patch_embed.proj.weight", 4), Shape("pos_embed", 3), Shape("blocks.0.mlp.fc1.weight", 2));
        var blocks = 0;
        while (shapes.ContainsKey($"blocks.{blocks}.mlp.fc1.weight")) blocks++;
        var width = (int)patch[0];
        if (patch[2] != patch[3] || positions[2] != width || !PositionEmbeddings.IsSquare(positions[1] - 1, out var grid))
            throw new RefusedException($"{file.Path}: no weights of a vision transformer: patches {patch[2]}×{patch[3]}, width {width}, positions {positions[1]}×{positions[2]}, hidden {hidden[0]}");
        var sizes = new EncoderSizes((int)(grid * patch[2]), (int)patch[2], width, heads ?? 0, blocks, (int)hidden[0]);
        if (heads is { } given)
            return given > 0 && width % given == 0 ? sizes : throw new UsageException($"--num_heads {given}: the width is {width}; choose one of {string.Join(", ", Enumerable.Range(1, width).Where(h => width % h == 0))}");
        var named = file.Facts.GetValueOrDefault("model") is { } name && Find(name) is { } known && known with { ImageSize = sizes.ImageSize, Heads = 0 } == sizes ? known : null;
        named ??= Table.Select(t => t.Sizes).FirstOrDefault(s => s with { ImageSize = sizes.ImageSize, Heads = 0 } == sizes);
        return named is not null ? sizes with { Heads = named.Heads }
            : throw new UsageException($"{file.Path}: no published model has width {width} and {blocks} blocks, and weights do not show the number of heads; give --num_heads, one of {string.Join(", ", Enumerable.Range(1, width).Where(h => width % h == 0))}");
    }

    /// <summary>A classifier of these sizes, freshly initialised; the caller disposes it.</summary>
    /// <param name="classes">0: none, features only</param>
    /// <param name="globalPool">features are the mean of the patches, normalised by fc_norm, instead of the class token, normalised by norm</param>
    /// <param name="dropPath">rate of the last block</param>
    public VisionTransformer Classifier(int classes, bool globalPool, double dropPath = 0)
        => new VisionTransformer(ImageSize, ImageSize, PatchSize, Width, Heads, Hidden, Blocks, Math.Max(1, classes), globalPool, classes == 0, dropPath).Initialise();

    private static EncoderSizes? Find(string name) => Table.FirstOrDefault(t => t.Names.Contains(name)).Sizes;
}
