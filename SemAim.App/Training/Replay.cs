using SemAim.Dsl;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Repeats a recorded step from its addresses and its weights, and looks for the first value that is not finite: pictures, order, graph, loss, gradients.</summary>
/// <param name="record">the step</param>
/// <param name="weights">file of the weights it began with</param>
/// <param name="make">makes a model of the run's kind</param>
/// <param name="objective">of the run</param>
/// <param name="source">the pictures</param>
/// <param name="settings">of the run</param>
internal sealed class Replay(BadStep record, string weights, Func<AimViT> make, PixelObjective objective, ISampleSource source, PretrainSettings settings)
{
    /// <summary>One line for each thing found out.</summary>
    internal IEnumerable<string> Run()
    {
        var effective = settings.BatchSize * settings.Accumulation;
        if (record.Samples.Length != effective) throw new RefusedException($"the record has {record.Samples.Length} pictures, its options make {effective} a step");
        foreach (var s in record.Samples)
            if (s.Index < 0 || s.Index >= source.Count || source.Name(s.Index) != s.Path) throw new RefusedException($"picture {s.Index} of the data is not {s.Path} any more; give the data of the run with --data-path");
        yield return $"step {record.Step}: recorded loss {record.Loss}, gradient norm {record.GradNorm}";
        using var model = make();
        ModelWeights.Load(model, weights);
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), settings.Narrow);
        var device = arena.Weights.device;
        var order = Orders.Of(settings.Order);
        var grid = new Grid(model.ImageSize / model.PatchSize, model.ImageSize / model.PatchSize);
        var step = record.Step - 1;
        var plan = new TrainingPlan(source.Count, settings.BatchSize, 0, 1, settings.Seed, (int)(step / (source.Count / effective)) + 1, settings.Accumulation, step * effective);
        using var uploader = new DeviceUploader(device, settings.BatchSize, model.ImageSize, 2, PretrainLoop.Mean, PretrainLoop.Std);
        using var loader = new RingLoader(source, plan, () => new TrainingPipeline(new TrainingOptions(settings.Seed, model.ImageSize, settings.MinScale)),
            new RingOptions(settings.Workers, 2, model.ImageSize, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, settings.MaxBadFiles), bytes => new TensorBatchMemory(bytes, pinned: false));
        string? first = null;
        var total = 0.0;
        for (var micro = 0; micro < settings.Accumulation; micro++)
        {
            using var scope = NewDisposeScope();
            var batch = loader.Take()!;
            var images = uploader.Normalize(uploader.Upload(batch));
            var noise = KeyedUniform.Fill(settings.Seed, step, (long)micro * settings.BatchSize, batch.Rows, order.NoiseColumns(grid), device);
            var rank = order.Rank(order.NeedsGuidance ? Guidance(model, images) : null, noise, grid);
            var (loss, _) = objective.Loss(model, model.Predict(images, rank), images);
            (loss / settings.Accumulation).backward();
            arena.CollectGradients();
            var value = loss.item<float>();
            total += value / settings.Accumulation;
            first ??= Look(images, rank, value, micro);
        }
        var norm = Norm(arena);
        yield return $"repeated: loss {total}, gradient norm {norm}";
        first ??= double.IsFinite(norm) ? null : $"the forward pass is finite; the gradient that is not and lies deepest in the graph: {BadGradient(arena)}";
        yield return first ?? "every value is finite now: the weights or pictures differ from the run's, or the machine erred";
    }

    private static Tensor Guidance(AimViT model, Tensor images)
    {
        using var guard = no_grad();
        var (tokens, guidance) = model.Encode(images);
        tokens.Dispose();
        return guidance;
    }

    // in the order in which values are made
    private string? Look(Tensor images, Tensor rank, float loss, int micro)
    {
        for (var row = 0; row < images.size(0); row++)
        {
            using var picture = images.select(0, row);
            if (!IsFinite(picture)) return $"first value not finite: the picture {record.Samples[micro * settings.BatchSize + row].Path}";
        }
        if (!IsFinite(rank)) return "first value not finite: the order's ranks";
        if (float.IsFinite(loss)) return null;
        using var guard = no_grad();
        using var plain = make();                              // the specification runs in float32
        ModelWeights.Load(plain, weights);
        if (Trace.FirstNonFinite(plain, () => plain.Predict(Sym.Of(images, Dsl.Run.Eval), Sym.Of(rank, Dsl.Run.Eval))) is { } value) return $"first value not finite: {value}";
        return settings.Narrow ? "the graph is finite in float32: a product leaves the range of bfloat16, or the loss overflows" : "the graph is finite up to the prediction: the loss overflows";
    }

    private static bool IsFinite(Tensor t)
    {
        using var each = t.isfinite();
        using var all = each.all();
        return all.item<bool>();
    }

    private static double Norm(ParameterArena arena)
    {
        using var norm = arena.GradientNorm();
        return norm.item<float>();
    }

    private static string BadGradient(ParameterArena arena)
    {
        // backward goes from the head to the patches: the last weight in the order of the model was reached first
        foreach (var spec in arena.Specs.OrderByDescending(s => s.Name.StartsWith("prediction_head", StringComparison.Ordinal) ? 2 : s.Name.StartsWith("norm", StringComparison.Ordinal) ? 1 : 0))
        {
            using var gradient = arena.View(arena.Gradients, spec.Name);
            if (!IsFinite(gradient)) return spec.Name;
        }
        return "none";
    }
}
