using SemAim.Dsl;
using SemAim.Runtime;
using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Repeats a recorded step of supervised training, and looks for the first value that is not finite: pictures, graph, loss, gradients.</summary>
/// <param name="record">the step</param>
/// <param name="settings">of the run</param>
/// <param name="source">the pictures</param>
/// <param name="arena">the weights that the step began with</param>
/// <param name="trained">whose weights these are</param>
/// <param name="batches">of the run, from the step on</param>
/// <param name="loss">of a micro-batch, 0-d, with its graph</param>
/// <param name="traces">passes over the specification in float32, in the order of the run: what makes the logits of a micro-batch</param>
internal sealed class ClassifierReplay(BadStep record, ClassifierSettings settings, ISampleSource source, ParameterArena arena, GraphModule trained, ILabelledBatches batches, Func<LabelledBatch, Tensor> loss, IReadOnlyList<(GraphModule Model, Action<LabelledBatch> Run)> traces)
{
    /// <summary>One line for each thing found out.</summary>
    internal IEnumerable<string> Run()
    {
        record.Require(source, settings.Effective);
        yield return $"step {record.Step}: recorded loss {record.Loss}, gradient norm {record.GradNorm}";
        string? first = null;
        var total = 0.0;
        for (var micro = 0; micro < settings.Accumulation; micro++)
        {
            using var scope = NewDisposeScope();
            var batch = batches.Next(record.Step - 1, micro);
            var made = loss(batch);
            NotFinite.Spoiled(made.div(Number.Of(settings.Accumulation))).backward();
            arena.CollectGradients();
            var value = made.item<float>();
            total += value / settings.Accumulation;
            first ??= Look(batch, value, micro);
            if (first is null && NotFinite.Is(arena.Gradients))
                first = $"first value not finite: the gradient of {NotFinite.Gradient(arena, trained, () => traces[^1].Run(batch))}; every value up to the loss is finite";
        }
        using var norm = arena.GradientNorm();
        yield return $"repeated: loss {total}, gradient norm {(double)norm.item<float>()}";
        if (first is null && !float.IsFinite(norm.item<float>())) first = "first value not finite: the norm of all gradients; each of them is finite";
        yield return first ?? "every value is finite now: the weights or pictures differ from the run's, or the machine erred";
    }

    private string? Look(LabelledBatch batch, float value, int micro)
    {
        if (NotFinite.Picture(batch.Images, row => record.Samples[micro * settings.BatchSize + row]) is { } picture) return picture;
        if (float.IsFinite(value)) return null;
        using var guard = no_grad();
        foreach (var (model, run) in traces)
            if (Trace.FirstNonFinite(model, () => run(batch)) is { } made) return $"first value not finite: {made}";
        return "first value not finite: the loss; in float32 every value up to the logits is finite";
    }
}
