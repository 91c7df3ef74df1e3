using System.Text.Json;
using SemAim.Dsl;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>One recorded case: its tensors, its settings, and the model that its weights describe.</summary>
internal sealed class GoldenCase(string path) : IDisposable
{
    private readonly SafetensorsFile file = SafetensorsFile.Open(path);

    internal static GoldenCase Open(string name) => new(Path.Combine(GoldenFolder.Path, Path.HasExtension(name) ? name : name + ".safetensors"));

    internal IReadOnlyList<string> Names => file.Names;

    internal bool Has(string name) => file.Names.Contains(name);

    internal Tensor this[string name] => file.Read(name);

    internal string? Text(string key) => file.Metadata.GetValueOrDefault(key)?.Trim('"');

    internal JsonElement Json(string key) => JsonDocument.Parse(file.Metadata[key]).RootElement.Clone();

    internal bool IsTied => Text("tied_scores") is { } count && count != "0";

    /// <summary>B × 3 × S × S, normalised in float32 as the recorder did.</summary>
    internal static Tensor Images(string name = "images_a")
    {
        using var images = Open(name);
        using var scope = NewDisposeScope();
        var mean = tensor(images.Json("mean").EnumerateArray().Select(v => v.GetSingle()).ToArray());
        var std = tensor(images.Json("std").EnumerateArray().Select(v => v.GetSingle()).ToArray());
        return ((images["u8"].to(float32) / 255 - mean) / std).permute(0, 3, 1, 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The pretraining model whose sizes are those of the weights; heads and query depth stand in the case's <c>arch</c>.</summary>
    internal static AimViT Model(string weights, JsonElement arch, Tensor images)
    {
        using var file = Open(weights);
        int[] Shape(string name) => [.. file.file.Shape(name).Select(s => (int)s)];
        var conv = Shape("patch_embed.proj.weight");
        var L = file.Names.Where(n => n.StartsWith("blocks.", StringComparison.Ordinal)).Select(n => n.Split('.')[1]).Distinct().Count();
        var Q = arch.GetProperty("query_depth").GetInt32();
        var linear = file.Has("prediction_head.weight");
        var model = new AimViT(Y: (int)images.size(2), X: (int)images.size(3), P: conv[2], D: conv[0], H: arch.GetProperty("num_heads").GetInt32(), F: Shape("blocks.0.mlp.fc1.weight")[0], L: L, Q: Q, M: L / Q,
            O: Shape(linear ? "prediction_head.weight" : "prediction_head.fc2.weight")[0], linearHead: linear, shareWeight: file.Has("query_blocks.0.attn.qkv.weight"));
        Fill(model, file, "");
        return model;
    }

    internal static void Fill(GraphModule model, GoldenCase weights, string prefix)
    {
        using var guard = no_grad();
        var names = weights.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]).Where(n => prefix.Length > 0 || n != "gaussian_blur.weight");
        Assert.Equal(names.Order(StringComparer.Ordinal), model.Slots().Select(s => s.Name).Order(StringComparer.Ordinal));
        foreach (var slot in model.Slots())
        {
            using var value = weights[prefix + slot.Name];
            Assert.Equal(value.shape, slot.Weight.Tensor.shape);
            slot.Weight.Tensor.copy_(value);
        }
    }

    /// <summary>The map of a case's attention type.</summary>
    internal static AttentionType Attention(JsonElement config)
        => config.TryGetProperty("attention_type", out var type) && Enum.TryParse<AttentionType>(type.GetString(), ignoreCase: true, out var known) ? known : AttentionType.Cls;

    internal static PixelObjective Pixels(JsonElement config)
    {
        int Int(string key) => config.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetInt32() : 0;
        return new(Int("gaussian_kernel_size"), config.TryGetProperty("gaussian_sigma", out var s) && s.ValueKind == JsonValueKind.Number ? s.GetDouble() : 0, config.TryGetProperty("norm_pix_loss", out var n) && n.GetBoolean(), config.TryGetProperty("loss_type", out var l) ? l.GetString()! : "L2");
    }

    /// <summary>What a pixel objective compares with, B × N × 3P²: blurred where the case says so, each patch normalised where it says so.</summary>
    internal static Tensor PixelTarget(JsonElement config, AimViT model, Tensor images)
    {
        using var pixels = Pixels(config);
        var patches = model.Patches(pixels.Blur(images));
        return config.TryGetProperty("norm_pix_loss", out var n) && n.GetBoolean() ? (patches - patches.mean([-1], keepdim: true)) / (patches.var(-1, unbiased: true, keepdim: true) + 1e-6).sqrt() : patches;
    }

    internal static string? Feature(JsonElement config) => config.TryGetProperty("predict_feature", out var f) && f.GetString() is { } name && name != "none" ? name : null;

    /// <summary>The objective of a case: pixels, or the tokens of a teacher.</summary>
    internal static (Tensor Loss, Tensor PerPatch) Loss(JsonElement config, AimViT model, Tensor predicted, Tensor images, Func<Tensor> tokens)
    {
        if (Feature(config) is null)
        {
            using var pixels = Pixels(config);
            return pixels.Loss(model, predicted, images);
        }
        using var target = tokens();
        using var patches = target.narrow(1, 1, target.size(1) - 1);
        return new FeatureObjective((int)target.size(2)).Loss(predicted, patches);
    }

    /// <summary>Key biases have no gradient but rounding: the middle third of a joint bias, the whole of a separate one.</summary>
    internal static Tensor WithoutKeyBias(string name, Tensor value)
        => name.EndsWith("attn.k.bias", StringComparison.Ordinal) ? zeros_like(value)
            : name.EndsWith("attn.qkv.bias", StringComparison.Ordinal) ? cat([value.narrow(0, 0, value.size(0) / 3), value.narrow(0, value.size(0) / 3 * 2, value.size(0) / 3)], 0) : value;

    /// <summary>At most 64 entries in equal strides.</summary>
    internal static Tensor Digest(Tensor value)
    {
        var flat = value.detach().reshape(-1);
        var step = Math.Max(1, flat.numel() / 64);
        var entries = Enumerable.Range(0, 64).Select(i => i * step).Where(i => i < flat.numel()).ToArray();
        return flat.index_select(0, tensor(entries));
    }

    internal static double Far(Tensor a, Tensor b) => a.numel() == 0 ? 0 : (a.detach().to(float64) - b.detach().to(float64)).abs().max().item<double>();

    /// <summary>Gradients against <c>grad.*</c> (whole) or <c>gdig.*</c> (samples), in parts of the norm of all of them.</summary>
    internal double GradientError(GraphModule model)
    {
        double error = 0, norm = 0;
        foreach (var (name, parameter) in model.named_parameters())
        {
            var whole = Has("grad." + name);
            if (!whole && !Has("gdig." + name)) continue;
            if (!whole && (name.EndsWith("attn.k.bias", StringComparison.Ordinal) || name.EndsWith("attn.qkv.bias", StringComparison.Ordinal))) continue;
            var own = parameter.grad ?? zeros_like(parameter);
            var want = this[(whole ? "grad." : "gdig.") + name];
            var (a, b) = whole ? (WithoutKeyBias(name, own), WithoutKeyBias(name, want)) : (Digest(own), want.narrow(0, 0, want.numel() - 3));
            error += (a - b).square().sum().item<float>();
            norm += b.square().sum().item<float>();
        }
        Assert.True(norm > 0, "no gradient was compared");
        return Math.Sqrt(error / norm);
    }

    public void Dispose() => file.Dispose();
}
