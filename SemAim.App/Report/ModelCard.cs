using SemAim.Dsl;
using SemAim.Models;

namespace SemAim.App.Report;

/// <summary>One weight of a model, as the compiler published it.</summary>
/// <param name="Name">state-dict name</param>
/// <param name="Kind">class of its layer</param>
/// <param name="Symbolic">its axes in the model's sizes</param>
/// <param name="Shape">its axes</param>
/// <param name="Trained">false for constants, which are saved but not counted</param>
/// <param name="Macs">multiply-adds of one picture's main pass through it; 0 for weights without products</param>
internal sealed record LayerRow(string Name, string Kind, string Symbolic, long[] Shape, bool Trained, long Macs)
{
    /// <summary>Number of values.</summary>
    internal long Count => Shape.Aggregate(1L, (a, b) => a * b);
}

/// <summary>What a pass of the compiler changed, and in which module.</summary>
internal sealed record PassRow(string Module, string Graph, string Pass, string Changes);

/// <summary>What a model is made of and costs: weights, axes, costs, passes and diagram are what the compiler published; only the work of a single layer is worked out here.</summary>
internal sealed class ModelCard
{
    private ModelCard(string name, GraphModule model, string main, string counted, string mermaid, IReadOnlyList<GraphCost> costs, (int Image, int Patch, int Blocks, int Queries) sizes)
    {
        (Name, MainGraph, CountedGraph, Mermaid, ImageSize, PatchSize, EncoderBlocks, QueryBlocks) = (name, main, counted, mermaid, sizes.Image, sizes.Patch, sizes.Blocks, sizes.Queries);
        var slots = model.Slots().ToLookup(s => s.Name);
        var manifest = model.Manifest();
        Axes = [.. manifest.SelectMany(e => e.SymbolicShape.Split(' ').Zip(e.Shape)).Where(a => a.First.All(char.IsLetter)).Distinct()];
        Width = Axes.Single(a => a.Symbol == "D").Size;
        Layers = [.. manifest.Select(e => new LayerRow(e.Key, slots[e.Key].First().Owner.GetType().Name, e.SymbolicShape.Replace(" ", " × ").Replace("*", "·"), e.Shape, e.IsTrained, Products(slots[e.Key].First(), e)))];
        Parameters = slots.SelectMany(s => s).Where(s => s.IsTrained).DistinctBy(s => s.Weight).Sum(s => s.Weight.Tensor.numel());
        // a model of a published name may have other sizes than published
        var head = Layers.FirstOrDefault(l => l.Name == "head.weight")?.Macs ?? 0;
        Costs = costs.FirstOrDefault(c => c.Variant == name && c.Graph == counted)?.MultiplyAdds == ForwardMacs - head ? [.. costs.Where(c => c.Variant == name)] : [];
        Passes = [.. model.modules().Prepend(model).OfType<GraphModule>().DistinctBy(m => m.GetType()).SelectMany(m => m.PassChanges.Select(c => new PassRow(m.GetType().Name, c.Graph, c.Pass, c.Changes)))];
    }

    internal string Name { get; }

    /// <summary>The graph that a picture goes through: PredictMlp, PredictLinear, Forward.</summary>
    internal string MainGraph { get; }

    /// <summary>The graph whose cost the compiler published: the main one, of a classifier <c>Features</c>, because the number of classes is the caller's.</summary>
    internal string CountedGraph { get; }

    internal long ImageSize { get; }

    internal long PatchSize { get; }

    /// <summary>D, channels of a token.</summary>
    internal long Width { get; }

    internal long EncoderBlocks { get; }

    /// <summary>0 for a classifier.</summary>
    internal long QueryBlocks { get; }

    /// <summary>N, patches of a picture.</summary>
    internal long Patches => ImageSize / PatchSize * (ImageSize / PatchSize);

    /// <summary>T, patches and the class token.</summary>
    internal long Tokens => Patches + 1;

    /// <summary>The letters of symbolic axes and their sizes here.</summary>
    internal IReadOnlyList<(string Symbol, long Size)> Axes { get; }

    internal IReadOnlyList<LayerRow> Layers { get; }

    /// <summary>Trained values, each once.</summary>
    internal long Parameters { get; }

    /// <summary>Multiply-adds of attention's own products, one picture (part of <see cref="ForwardMacs"/>): scores and weighted values, 2 T² D a block.</summary>
    internal long AttentionMacs => (EncoderBlocks + QueryBlocks) * 2 * Tokens * Tokens * Width;

    /// <summary>Multiply-adds of one picture's main pass, matrix products and the patch convolution (behaviour.md 10, whose head also runs on the class token).</summary>
    internal long ForwardMacs => Layers.Sum(l => l.Macs) + AttentionMacs;

    /// <summary>Multiply-adds of one picture's guidance: the encoder once, and each patch's product with the class token; 0 for a classifier.</summary>
    internal long GuidanceMacs => QueryBlocks == 0 ? 0
        : Layers.Where(l => l.Name.StartsWith("blocks.", StringComparison.Ordinal) || l.Name.StartsWith("patch_embed.", StringComparison.Ordinal)).Sum(l => l.Macs) + EncoderBlocks * 2 * Tokens * Tokens * Width + Patches * Width;

    /// <summary>Multiply-adds of one picture in a training step: forward, twice that backward (nothing flows into the picture), and guidance.</summary>
    internal long StepMacs => 3 * ForwardMacs - Layers.Single(l => l.Name == "patch_embed.proj.weight").Macs + GuidanceMacs;

    /// <summary>What the compiler counted of each graph, one picture; empty for sizes that are not published.</summary>
    internal IReadOnlyList<GraphCost> Costs { get; }

    /// <summary>What each pass changed, in the model and in the modules it is made of.</summary>
    internal IReadOnlyList<PassRow> Passes { get; }

    /// <summary>The same of what a picture goes through: the main graph, and <c>Forward</c> of the parts.</summary>
    internal IEnumerable<PassRow> MainPasses => Passes.Where(p => p.Graph == MainGraph && p.Module == Passes[0].Module || p.Graph == "Forward" && p.Module != Passes[0].Module);

    /// <summary>The main graph as Mermaid text, drawn by the compiler.</summary>
    internal string Mermaid { get; }

    /// <summary>A pretraining model.</summary>
    internal static ModelCard Of(string name, AimViT model)
        => Of(name, model, model.Slots().Any(s => s.Name == "prediction_head.weight") ? "PredictLinear" : "PredictMlp");

    private static ModelCard Of(string name, AimViT model, string main) => new(name, model, main, main, AimViT.Mermaid, AimViT.Costs, (model.ImageSize, model.PatchSize, model.EncoderBlocks, model.QueryBlocks));

    /// <summary>A classifier.</summary>
    internal static ModelCard Of(string name, VisionTransformer model)
        => new(name, model, nameof(VisionTransformer.Forward), nameof(VisionTransformer.Features), VisionTransformer.Mermaid, VisionTransformer.Costs, (model.ImageSize, (int)model.Slots().Single(s => s.Name == "patch_embed.proj.weight").Weight.Tensor.size(2), model.Blocks, 0));

    /// <summary>A published model by name; its weights are not filled, so it costs no time and no memory.</summary>
    /// <exception cref="Runtime.UsageException">there is no such model</exception>
    internal static ModelCard Named(string name)
    {
        using var unfilled = Weight.Unfilled();
        if (ModelCatalogue.AimNames.Contains(name))
        {
            using var model = ModelCatalogue.CreateAim(name);
            return Of(name, model);
        }
        if (!ModelCatalogue.VitNames.Contains(name)) throw new Runtime.UsageException($"--model {name}: there is no such model{CommandLineProgram.Nearest(name, Names)}; choose one of {string.Join(", ", Names)}");
        using var classifier = ModelCatalogue.CreateVit(name);
        return Of(name, classifier);
    }

    /// <summary>Names that <see cref="Named"/> takes.</summary>
    internal static IReadOnlyList<string> Names { get; } = [.. ModelCatalogue.AimNames, .. ModelCatalogue.VitNames];

    /// <summary>Bytes that <see cref="CountedGraph"/> keeps for its backward pass, counted by the compiler; 0 where it counted none.</summary>
    internal long ActivationBytes(int batch, bool narrow) => Costs.FirstOrDefault(c => c.Graph == CountedGraph)?.ActivationBytes(batch, narrow) ?? 0;

    /// <summary>Bytes of weights, gradients and both moments in float32; with bfloat16 also of the weights' narrow copies.</summary>
    internal long StateBytes(bool narrow) => Parameters * (narrow ? 18 : 16);

    // the convolution and a decoder's head see N patches, a classifier's head one token, all others T tokens
    private long Products(WeightSlot slot, ManifestEntry entry)
    {
        var isHead = slot.Name.StartsWith("prediction_head.", StringComparison.Ordinal);
        if (slot.Local != "weight" || !slot.IsProductWeight && !(isHead && entry.Shape.Length == 2)) return 0;
        // with shared weights a query block's joint projection runs over queries and memory
        var times = slot.Name.StartsWith("query_blocks.", StringComparison.Ordinal) && slot.Name.EndsWith("attn.qkv.weight", StringComparison.Ordinal) ? 2 : 1;
        return times * entry.Count * (slot.Owner is Conv2d || isHead ? Patches : slot.Name == "head.weight" ? 1 : Tokens);
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
}
