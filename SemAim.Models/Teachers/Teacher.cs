using SemAim.Dsl;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Teachers;

/// <summary>A frozen network of a public checkpoint whose tokens are predicted: CLIP's image tower or a DINO vision transformer (behaviour.md 4.2). Its sizes come from its weights.</summary>
public sealed class Teacher : IGuidance, IDisposable
{
    private readonly GraphModule network;
    private readonly Func<Tensor, Tensor> run;
    private readonly bool tokens, map;

    private Teacher(GraphModule network, Func<Tensor, Tensor> run, int width, bool tokens, bool map)
    {
        (this.network, this.run, Width, this.tokens, this.map) = (network, run, width, tokens, map);
        network.eval();
    }

    /// <summary>Width of its tokens.</summary>
    public int Width { get; }

    /// <summary>Reads OpenAI's CLIP, its TorchScript archive or a state_dict (only <c>visual.*</c> is used; the text tower is known and left alone).</summary>
    /// <param name="path">.pt, .pth or .safetensors; half tensors are raised to float32</param>
    /// <param name="imageSize">side of the pictures</param>
    /// <param name="patches">patches of the student's pictures; the teacher must have as many</param>
    /// <param name="renormalise">pictures come normalised for ImageNet and are renormalised with CLIP's mean and deviation; false: fed as they are, as in the original (trap 16)</param>
    /// <param name="tokens">tokens are predicted</param>
    /// <param name="map">an order reads the map</param>
    /// <param name="options">null: a public tower in its own file</param>
    /// <exception cref="RefusedException">the file is not such a tower, or does not fit the pictures</exception>
    public static Teacher Clip(string path, int imageSize, Grid patches, bool renormalise = true, bool tokens = true, bool map = true, TeacherOptions? options = null)
    {
        using var weights = new TeacherWeights(path, "visual.", KnownClipKeys, options ?? new());
        var conv = weights.Shape("conv1.weight", 4);
        var (width, patch, output) = (conv[0], conv[3], weights.Shape("proj", 2)[1]);
        var network = weights.Fill(new ClipVision(weights.Side(imageSize, patch, weights.Shape("positional_embedding", 2)[0], patches), patch, width, weights.Heads(width), weights.Count("transformer.resblocks."), output));
        return new(network, images =>
        {
            if (!renormalise) return network.Forward(images);
            using var own = TeacherMap.ForClip(images);
            return network.Forward(own);
        }, output, tokens, map);
    }

    /// <summary>Reads a DINO vision transformer: a state_dict with the names of <see cref="VisionTransformer"/> without classifier, or DINO's full checkpoint, of which the teacher is taken.</summary>
    /// <inheritdoc cref="Clip" />
    public static Teacher Dino(string path, int imageSize, Grid patches, bool tokens = true, bool map = true, TeacherOptions? options = null)
    {
        using var weights = new TeacherWeights(path, "", KnownDinoKeys, options ?? new());
        var conv = weights.Shape("patch_embed.proj.weight", 4);
        var (width, patch) = (conv[0], conv[3]);
        var hidden = weights.Shape("blocks.0.mlp.fc1.weight", 2)[0];
        var side = weights.Side(imageSize, patch, weights.Shape("pos_embed", 3)[1], patches);
        var network = weights.Fill(new VisionTransformer(side, side, patch, width, weights.Heads(width), hidden, weights.Count("blocks."), 1, headless: true));
        return new(network, images => network.Encode(images), width, tokens, map);
    }

    /// <inheritdoc />
    public (Tensor? Tokens, Tensor? Map) Look(Tensor images)
    {
        using var guard = no_grad();
        if (!tokens && !map) return (null, null);
        var seen = run(images);
        var similar = map ? TeacherMap.Similarity(seen) : null;
        if (tokens) return (seen, similar);
        seen.Dispose();
        return (null, similar);
    }

    /// <summary>Computes products in bfloat16 from now on, from weights cast once.</summary>
    public void Narrow() => FrozenProducts.Narrow(network);

    /// <summary>Moves the weights.</summary>
    public void To(Device device) => network.to(device);

    /// <inheritdoc />
    public void Dispose() => network.Dispose();

    // the text tower and what the original drops before loading
    private static bool KnownClipKeys(string name)
        => name.StartsWith("transformer.", StringComparison.Ordinal) || name.StartsWith("token_embedding.", StringComparison.Ordinal) || name.StartsWith("ln_final.", StringComparison.Ordinal)
            || name is "positional_embedding" or "text_projection" or "logit_scale" or "input_resolution" or "context_length" or "vocab_size";

    private static bool KnownDinoKeys(string name) => name.StartsWith("head.", StringComparison.Ordinal);
}
