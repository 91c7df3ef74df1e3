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
/// <param name="average">file of their average; null: the run keeps none</param>
/// <param name="make">makes a model of the run's kind</param>
/// <param name="guide">what guides a run of a given student and average</param>
/// <param name="objective">of the run, where pixels are predicted</param>
/// <param name="features">the objective where tokens are predicted, else null</param>
/// <param name="source">the pictures</param>
/// <param name="settings">of the run</param>
internal sealed class Replay(BadStep record, string weights, string? average, Func<AimViT> make, Func<AimViT, AimViT?, IGuidance> guide, PixelObjective objective, FeatureObjective? features, ISampleSource source, PretrainSettings settings)
{
    /// <summary>One line for each thing found out.</summary>
    internal IEnumerable<string> Run()
    {
        var effective = settings.BatchSize * settings.Accumulation;
        record.Require(source, effective);
        yield return $"step {record.Step}: recorded loss {record.Loss}, gradient norm {record.GradNorm}{(record.OrderIsFinite ? "" : "; the map that the order is made from was not finite")}";
        using var model = make();
        ModelWeights.Load(model, weights);
        using var arena = new ParameterArena(model, slot => model.HasNoGradient(slot.Name) ? ParameterGroups.Undecayed : ParameterGroups.Pretraining(slot), settings.Narrow);
        using var ema = average is null ? null : new ExponentialMovingAverage(arena);
        using var teacher = ema is null ? null : Averaged(ema, arena);
        var guidance = guide(model, teacher);
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
            var draws = model.DrawsAPass == 0 ? null : KeyedUniform.Fill(settings.Seed, step, (long)micro * settings.BatchSize, rows, model.DrawsAPass, device, RngStream.DropPath).t();
            var (loss, map, rank) = pass.Run(images, noise, draws);
            var value = loss.item<float>();
            // as in training: a map or a loss that is not finite makes a bad step
            if (map is not null) loss *= map.sum().mul(Number.Of(0)).add(Number.One, Number.One);
            NotFinite.Spoiled(loss).div(Number.Of(settings.Accumulation)).backward();
            arena.CollectGradients();
            total += value / settings.Accumulation;
            first ??= Look(images, map, rank, draws, value, micro);
            if (first is null && NotFinite.Is(arena.Gradients))
                first = $"first value not finite: the gradient of {NotFinite.Gradient(arena, model, Forward(model, images, rank, draws))}; every value up to the loss is finite";
        }
        using var norm = arena.GradientNorm();
        yield return $"repeated: loss {total}, gradient norm {(double)norm.item<float>()}";
        if (first is null && !float.IsFinite(norm.item<float>())) first = "first value not finite: the norm of all gradients; each of them is finite";
        yield return first ?? "every value is finite now: the weights or pictures differ from the run's, or the machine erred";
    }

    private AimViT Averaged(ExponentialMovingAverage ema, ParameterArena arena)
    {
        using var guard = no_grad();
        var teacher = make();
        using (var saved = make())
        {
            ModelWeights.Load(saved, average!);
            var slots = saved.Slots().ToDictionary(s => s.Name);
            foreach (var spec in arena.Specs)
            {
                using var view = arena.View(ema.Weights, spec.Name);
                view.copy_(slots[spec.Name].Weight.Tensor);
            }
        }
        ema.Attach(teacher);
        teacher.eval();
        return teacher;
    }

    private static Action Forward(AimViT model, Tensor images, Tensor rank, Tensor? draws)
    {
        var run = draws is null ? Dsl.Run.Eval : Dsl.Run.Train(draws);
        return () => model.Predict(Sym.Of(images, run), Sym.Of(rank, run));
    }

    // in the order in which values are made
    private string? Look(Tensor images, Tensor? map, Tensor rank, Tensor? draws, float loss, int micro)
    {
        if (NotFinite.Picture(images, row => record.Samples[micro * settings.BatchSize + row]) is { } picture) return picture;
        if (map is not null && NotFinite.Is(map))
            return Of(average ?? weights, plain => plain.Encode(Sym.Of(images, Dsl.Run.Eval))) is { } value ? $"first value not finite, in the pass that guides: {value}" : "first value not finite: the map that guides the order";
        if (NotFinite.Is(rank)) return "first value not finite: the order's ranks";
        if (float.IsFinite(loss)) return null;
        if (Of(weights, plain => Forward(plain, images, rank, draws)()) is { } made) return $"first value not finite: {made}";
        return settings.Narrow
            ? "first value not finite: a product in bfloat16, or the loss; in float32 every value up to the prediction is finite"
            : "first value not finite: the loss; every value up to the prediction is finite";
    }

    // the specification runs in float32
    private TracedValue? Of(string file, Action<AimViT> run)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var plain = make();
        ModelWeights.Load(plain, file);
        return Trace.FirstNonFinite(plain, () => run(plain));
    }
}
