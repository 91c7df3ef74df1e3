using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Linear probing's micro-batches: pictures as the encoder sees them (behaviour.md 6.8).</summary>
internal sealed class ProbeBatches : ILabelledBatches
{
    private readonly ISampleSource source;
    private readonly TrainingPlan plan;
    private readonly Device device;
    private readonly DeviceUploader uploader;
    private readonly RingLoader loader;

    /// <param name="source">stays the caller's</param>
    /// <param name="augmented">random squares and flips, not the evaluation's transform</param>
    /// <param name="first">optimiser steps done before</param>
    /// <param name="refused">called for every file that cannot be decoded</param>
    internal ProbeBatches(ISampleSource source, bool augmented, ClassifierSettings settings, Device device, long first, Action<RefusedSample>? refused = null)
    {
        const int slots = 4;
        (this.source, this.device) = (source, device);
        plan = Plan(source, settings, first);
        uploader = new(device, settings.BatchSize, settings.Size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        loader = new(source, plan,
            () => augmented ? new TrainingPipeline(TrainingOptions.LinearProbe(settings.Seed, settings.Size) with { Decode = source.Decode }) : new EvaluationPipeline(Pictures.Resize(settings.Size), settings.Size, source.Decode),
            new RingOptions(settings.Workers, slots, settings.Size, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, BadFiles.Allowed(0.001, source.Count), Refused: refused),
            bytes => new TensorBatchMemory(bytes, pinned: device.type == DeviceType.CUDA));
    }

    /// <summary>Which picture is in which row of which micro-batch.</summary>
    internal static TrainingPlan Plan(ISampleSource source, ClassifierSettings settings, long first)
        => new(source.Count, settings.BatchSize, 0, 1, settings.Seed, settings.Epochs, settings.Accumulation, first * settings.Effective);

    public LabelledBatch Next(long step, int micro)
    {
        var batch = loader.Take() ?? throw new InvalidOperationException("the plan ended before the run");
        var labels = new long[batch.Rows];
        for (var row = 0; row < labels.Length; row++) labels[row] = batch.Info[row].Label;
        return new(uploader.Normalize(uploader.Upload(batch)), tensor(labels, device: device));
    }

    public StepSample Sample(long batch, int row) => ILabelledBatches.Sample(plan, source, batch, row);

    public void Dispose()
    {
        loader.Dispose();
        uploader.Dispose();
    }
}
