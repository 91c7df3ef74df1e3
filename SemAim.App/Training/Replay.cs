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
/// <param name="guide">what guides a run of a given student</param>
/// <param name="objective">of the run, where pixels are predicted</param>
/// <param name="features">the objective where tokens are predicted, else null</param>
/// <param name="source">the pictures</param>
/// <param name="settings">of the run</param>
internal sealed class Replay(BadStep record, string weights, Func<AimViT> make, Func<AimViT, IGuidance> guide, PixelObjective objective, FeatureObjective? features, ISampleSource source, PretrainSettings settings)
{
    /// <summary>One line for each thing found out.</summary>
    internal IEnumerable<string> Run()
    {
        var effective = settings.BatchSize * settings.Accumulation;
        if (record.Samples.Length != effective) throw new RefusedException($"the record has {record.Samples.Length} pictures, its options make {effective} a step");
        foreach (var s in record.Samples)
            if (s.Index < 0 || s.Index >= source.Count || source.Name(s.Index) != s.Path) throw new RefusedException($"picture {s.Index} of the data is not {s.Path} any more; give the data of the run with --data-path");
        yield return $"step {record.Step}: recorded loss {record.Loss}, gradient norm {record.GradNorm}{(record.OrderIsFinite ? "" : "; the map that the order is made from was not finite")}";
        using var model = make();
        ModelWeights.Load(model, weights);
        using var arena = new ParameterArena(model, slot => model.HasNoGradient(slot.Name) ? ParameterGroups.Undecayed : ParameterGroups.Pretraining(slot), settings.Narrow);
        var guidance = guide(model);
        var device = arena.Weights.device;
        var order = Orders.Of(settings.Order, settings.Boxes);
        var pass = new PretrainPass(model, order, guidance, objective, features);
        var step = record.Step - 1;
        var plan = new TrainingPlan(source.Count, settings.BatchSize, 0, 1, settings.Seed, (int)(step / (source.Count / effective)) + 1, settings.Accumulation, step * effective);
        using var uploader = new DeviceUploader(device, settings.BatchSize, model.ImageSize, 2, PretrainLoop.Mean, PretrainLoop.Std);
        using var loader = new RingLoader(source, plan, () => new TrainingPipeline(new TrainingOptions(settings.Seed, model.ImageSize, settings.MinScale, Decode: source.Decode)),
            new RingOptions(settings.Workers, 2, model.ImageSize, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, settings.MaxBadFiles), bytes => new TensorBatchMemory(bytes, pinned: false));
        string? first = null;
        var total = 0.0;
        for (var micro = 0; micro < settings.Accumulation; micro++)
        {
            using var scope = NewDisposeScope();
            var batch = loader.Take()!;
            var rows = batch.Rows;                             // the slot goes back to the ring with the upload
            var images = uploader.Normalize(uploader.Upload(batch));
            var noise = KeyedUniform.Fill(settings.Seed, step, (long)micro * settings.BatchSize, rows, order.NoiseColumns(model.PatchGrid), device);
            var (loss, map, rank) = pass.Run(images, noise);
            if (map is not null) loss *= map.sum().mul(Number.Of(0)).add(Number.One, Number.One);      // as in training: a map that is not finite makes a bad step
            loss.div(Number.Of(settings.Accumulation)).backward();
            arena.CollectGradients();
            var value = loss.item<float>();
            total += value / settings.Accumulation;
            first ??= Look(images, map, rank, value, micro);
        }
        var norm = Norm(arena);
        yield return $"repeated: loss {total}, gradient norm {norm}";
        first ??= double.IsFinite(norm) ? null : $"the forward pass is finite; the gradient that is not and lies deepest in the graph: {BadGradient(arena)}";
        yield return first ?? "every value is finite now: the weights or pictures differ from the run's, or the machine erred";
    }

    // in the order in which values are made
    private string? Look(Tensor images, Tensor? map, Tensor rank, float loss, int micro)
    {
        for (var row = 0; row < images.size(0); row++)
        {
            using var picture = images.select(0, row);
            if (!IsFinite(picture)) return $"first value not finite: the picture {record.Samples[micro * settings.BatchSize + row].Path}";
        }
        if (map is not null && !IsFinite(map)) return Of(plain => plain.Encode(Sym.Of(images, Dsl.Run.Eval))) is { } value ? $"first value not finite, in the pass that guides: {value}" : "first value not finite: the map that guides the order";
        if (!IsFinite(rank)) return "first value not finite: the order's ranks";
        if (float.IsFinite(loss)) return null;
        if (Of(plain => plain.Predict(Sym.Of(images, Dsl.Run.Eval), Sym.Of(rank, Dsl.Run.Eval))) is { } made) return $"first value not finite: {made}";
        return settings.Narrow
            ? "first value not finite: a product in bfloat16, or the loss; in float32 every value up to the prediction is finite"
            : "first value not finite: the loss; every value up to the prediction is finite";
    }

    // the specification runs in float32
    private TracedValue? Of(Action<AimViT> run)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var plain = make();
        ModelWeights.Load(plain, weights);
        return Trace.FirstNonFinite(plain, () => run(plain));
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
