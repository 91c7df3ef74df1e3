using SemAim.Dsl;
using SemAim.Models;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>What of the tokens is a picture's feature.</summary>
internal enum FeatureKind
{
    /// <summary>The class token after the final norm.</summary>
    Cls,

    /// <summary>The mean of the patches, then fc_norm.</summary>
    Pooled,

    /// <summary>The final norm on every token, then the mean of the patches.</summary>
    Patches,
}

/// <summary>An encoder with loaded weights that is only looked at. It never runs on weights that were not loaded.</summary>
internal sealed class FrozenEncoder : IDisposable
{
    private readonly VisionTransformer model;

    private FrozenEncoder(VisionTransformer model, EncoderSizes sizes, FeatureKind kind, LoadReport report, string norm, Device device, bool narrow)
        => (this.model, Sizes, Kind, Report, Norm, Device, IsNarrow) = (model, sizes, kind, report, norm, device, narrow);

    internal EncoderSizes Sizes { get; }

    internal FeatureKind Kind { get; }

    /// <summary>What became of every key of the file.</summary>
    internal LoadReport Report { get; }

    /// <summary>Which norm a feature went through, and whether it was ever trained; in words.</summary>
    internal string Norm { get; }

    internal Device Device { get; }

    internal bool IsNarrow { get; }

    /// <summary>The encoder's weights under the original's names; they stay its own.</summary>
    internal GraphModule Weights => model;

    /// <summary>Opens a file and builds the encoder that it describes.</summary>
    /// <param name="path">weights: .pth, .safetensors, or a run's folder</param>
    /// <param name="key">dictionary of a .pth; null: whichever there is</param>
    /// <param name="name">a published model whose sizes the file must have; null: the file's</param>
    /// <param name="heads">where neither the file nor a published model tells; null: not given</param>
    /// <param name="imageSize">side of the pictures; null: the file's grid. Another grid interpolates the position embeddings</param>
    /// <param name="narrow">products in bfloat16</param>
    /// <exception cref="RefusedException">the file does not explain itself</exception>
    internal static FrozenEncoder Load(string path, string? key, string? name, int? heads, int? imageSize, FeatureKind kind, bool narrow, Device device)
    {
        using var file = WeightFile.Open(path, key);
        var sizes = Choose(file, name, heads, imageSize);
        var pooled = kind == FeatureKind.Pooled;
        var model = sizes.Classifier(0, pooled);
        try
        {
            var report = ModelWeights.Load(model, file, EncoderWeights.Features(pooled));
            NotFinite.Refuse(model, path);
            var fresh = report.Keys.Any(k => k.Fate == KeyFate.Fresh);
            var decoder = file.Entries.Any(e => e.Name.Contains("query_blocks.", StringComparison.Ordinal));
            var trained = decoder ? "trained on the query stream, behaviour.md trap 18" : "trained";
            var norm = kind switch
            {
                FeatureKind.Pooled => fresh ? "fc_norm that was never trained (weight 1, bias 0: the checkpoint has none, as in the original)" : "fc_norm, trained",
                FeatureKind.Cls => $"norm, {trained}",
                _ => $"norm on every token, {trained}",
            };
            model.to(device);
            if (narrow) FrozenProducts.Narrow(model);
            model.eval();
            return new(model, sizes, kind, report, norm, device, narrow);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The sizes of a published model, for pictures of a size.</summary>
    internal static EncoderSizes Named(string name, int? imageSize) => Sized(EncoderSizes.Named(name), imageSize);

    /// <summary>The sizes of a published model, or of the file where none is named, for pictures of a size.</summary>
    internal static EncoderSizes Choose(WeightFile file, string? name, int? heads, int? imageSize)
        => Sized(name is null ? EncoderSizes.Of(file, heads) : EncoderSizes.Named(name), imageSize);

    private static EncoderSizes Sized(EncoderSizes sizes, int? imageSize)
    {
        if (imageSize is not { } side) return sizes;
        return side > 0 && side % sizes.PatchSize == 0 ? sizes with { ImageSize = side } : throw new UsageException($"--input_size {side}: a multiple of the patches' {sizes.PatchSize} pixels");
    }

    /// <summary>One vector a picture, B × D float32, fresh.</summary>
    /// <param name="images">B × 3 × S × S, normalised, on the device</param>
    internal Tensor Features(Tensor images)
    {
        if (Kind != FeatureKind.Patches) return model.Features(images);
        using var tokens = model.Encode(images);
        using var patches = tokens.narrow(1, 1, tokens.size(1) - 1);
        return patches.mean([1]);
    }

    /// <summary>The lines of a protocol that concern the features.</summary>
    /// <param name="protocol">grows</param>
    /// <param name="resize">side to which the shorter side is resized</param>
    internal Protocol Describe(Protocol protocol, int resize) => protocol
        .Add("weights", Report.Path)
        .Add("features", Kind switch { FeatureKind.Cls => "class token", FeatureKind.Pooled => "mean of the patches", _ => "mean of the normalised patches" })
        .Add("norm", Norm)
        .Add("resize", resize)
        .Add("crop", Sizes.ImageSize)
        .Add("interpolation", "bicubic")
        .Add("precision", IsNarrow ? "bf16" : "fp32");

    public void Dispose()
    {
        if (IsNarrow) FrozenProducts.Release(model);
        model.Dispose();
    }
}
