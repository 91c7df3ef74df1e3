using SemAim.Dsl;
using SemAim.Models;

namespace SemAim.App.Report;

/// <summary>One weight of a model.</summary>
/// <param name="Name">state-dict name</param>
/// <param name="Kind">class of its layer</param>
/// <param name="Symbolic">its axes in the model's sizes</param>
/// <param name="Shape">its axes</param>
/// <param name="Trained">false for constants, which are saved but not counted</param>
/// <param name="Macs">multiply-adds of one picture's prediction pass through it; 0 for weights without products</param>
internal sealed record LayerRow(string Name, string Kind, string Symbolic, long[] Shape, bool Trained, long Macs)
{
    /// <summary>Number of values.</summary>
    internal long Count => Shape.Aggregate(1L, (a, b) => a * b);
}

/// <summary>What a pretraining model is made of and costs, counted on its own tree of layers.</summary>
internal sealed class ModelCard
{
    private ModelCard(string name, AimViT model)
    {
        var slots = model.Slots().ToList();
        var patch = slots.Single(s => s.Name == "patch_embed.proj.weight").Weight.Tensor.shape;
        (Name, ImageSize, PatchSize, Width, EncoderBlocks, QueryBlocks) = (name, model.ImageSize, model.PatchSize, patch[0], model.EncoderBlocks, model.QueryBlocks);
        Layers = [.. slots.Select(s => new LayerRow(s.Name, s.Owner.GetType().Name, Symbols(s.Name), s.Weight.Tensor.shape, s.IsTrained, Products(s)))];
        Parameters = Layers.Where(l => l.Trained).Sum(l => l.Count);
        Costs = [.. AimViT.Costs.Where(c => c.Variant == name)];
        // scores and weighted values of every attention: 2 T² D
        AttentionMacs = (EncoderBlocks + QueryBlocks) * 2 * Tokens * Tokens * Width;
        ForwardMacs = Layers.Sum(l => l.Macs) + AttentionMacs;
        GuidanceMacs = Layers.Where(l => l.Name.StartsWith("blocks.", StringComparison.Ordinal) || l.Name.StartsWith("patch_embed.", StringComparison.Ordinal)).Sum(l => l.Macs) + EncoderBlocks * 2 * Tokens * Tokens * Width;
    }

    internal string Name { get; }

    internal long ImageSize { get; }

    internal long PatchSize { get; }

    /// <summary>D, channels of a token.</summary>
    internal long Width { get; }

    internal long EncoderBlocks { get; }

    internal long QueryBlocks { get; }

    /// <summary>N, patches of a picture.</summary>
    internal long Patches => ImageSize / PatchSize * (ImageSize / PatchSize);

    /// <summary>T, patches and the class token.</summary>
    internal long Tokens => Patches + 1;

    internal IReadOnlyList<LayerRow> Layers { get; }

    /// <summary>Trained values.</summary>
    internal long Parameters { get; }

    /// <summary>Multiply-adds of attention's own products, one picture (part of <see cref="ForwardMacs"/>).</summary>
    internal long AttentionMacs { get; }

    /// <summary>Multiply-adds of predicting one picture, matrix products and the patch convolution only (behaviour.md 10).</summary>
    internal long ForwardMacs { get; }

    /// <summary>Multiply-adds of one picture's guidance: the encoder once.</summary>
    internal long GuidanceMacs { get; }

    /// <summary>Multiply-adds of one picture in a training step: forward, twice that backward (nothing flows into the picture), and guidance.</summary>
    internal long StepMacs => 3 * ForwardMacs - Layers.Single(l => l.Name == "patch_embed.proj.weight").Macs + GuidanceMacs;

    /// <summary>Counts a model of the catalogue.</summary>
    internal static ModelCard Of(string name, AimViT model) => new(name, model);

    /// <summary>What the compiler counted of each graph, one picture; empty for a model that is not published.</summary>
    internal IReadOnlyList<GraphCost> Costs { get; }

    /// <summary>Bytes that a prediction keeps for its backward pass, counted by the compiler; 0 for a model that is not published.</summary>
    internal long ActivationBytes(int batch, bool narrow) => Costs.FirstOrDefault(c => c.Graph == "PredictMlp")?.ActivationBytes(batch, narrow) ?? 0;

    /// <summary>Bytes of weights, gradients and both moments in float32; with bfloat16 also of the weights' narrow copies.</summary>
    internal long StateBytes(bool narrow) => Parameters * (narrow ? 18 : 16);

    // layers see all T tokens, the patch convolution N patches
    private long Products(WeightSlot slot)
    {
        var shape = slot.Weight.Tensor.shape;
        return slot.Local != "weight" || !slot.IsProductWeight ? 0 : slot.Owner is Conv2d ? Patches * shape[0] * shape[1] * shape[2] * shape[3] : Tokens * shape[0] * shape[1];
    }

    /// <summary>The axes of a weight by its role in the model.</summary>
    internal static string Symbols(string name)
    {
        var bias = name.EndsWith(".bias", StringComparison.Ordinal);
        if (name == "cls_token") return "1 × 1 × D";
        if (name == "pos_embed") return "1 × T × D";
        if (name.StartsWith("patch_embed.", StringComparison.Ordinal)) return bias ? "D" : "D × 3 × P × P";
        var (rows, columns) = name.Split('.') switch
        {
            [.., "qkv", _] => ("3D", "D"),
            ["prediction_head", "fc2", _] => ("3P²", "4D"),
            [.., "fc1", _] => ("4D", "D"),
            [.., "fc2", _] => ("D", "4D"),
            [.., "attn", _, _] => ("D", "D"),
            _ => ("D", ""),
        };
        return bias || columns.Length == 0 ? rows : $"{rows} × {columns}";
    }

    /// <summary>Layers with equal blocks and a layer's weight and bias folded: one row a layer of the first block, how often it occurs, and its sums over all of them.</summary>
    internal IEnumerable<(string Name, int Times, LayerRow First, long Values, long Macs)> Folded()
        => Layers.GroupBy(l => Fold(l.Name)).Select(g => (g.Key, g.Count(l => !l.Name.EndsWith(".bias", StringComparison.Ordinal)), g.First(), g.Sum(l => l.Count), g.Sum(l => l.Macs)));

    private static string Fold(string name)
    {
        if (name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal)) name = name[..name.LastIndexOf('.')];
        var parts = name.Split('.');
        return parts.Length > 2 && int.TryParse(parts[1], out _) ? $"{parts[0]}.*.{string.Join('.', parts[2..])}" : name;
    }

    /// <summary>The two streams as Mermaid text.</summary>
    internal string Mermaid()
    {
        var group = EncoderBlocks / QueryBlocks;
        var lines = new List<string> { "flowchart LR", "  patches[patches + position] --> e0", "  position[position] --> q0" };
        for (var i = 0; i < QueryBlocks; i++)
        {
            lines.Add(group == 1 ? $"  e{i}[block {i}]" : $"  e{i}[blocks {i * group}-{(i + 1) * group - 1}]");
            lines.Add($"  q{i}([query {i}])");
            lines.Add($"  e{i} --> q{i}");
            if (i == 0) continue;
            lines.Add($"  e{i - 1} --> e{i}");
            lines.Add($"  q{i - 1} --> q{i}");
        }
        lines.Add($"  q{QueryBlocks - 1} --> norm[norm] --> head[prediction head]");
        return string.Join('\n', lines);
    }
}
