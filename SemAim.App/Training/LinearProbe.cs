using SemAim.Models;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Linear probing (behaviour.md 6.8): a frozen encoder, batch statistics, one dense layer.</summary>
internal sealed class LinearProbe : ClassifierLoop, IDisposable
{
    private readonly FrozenEncoder encoder;
    private readonly ProbeHead head;
    private readonly ISampleSource held;
    private readonly ClassifierSettings settings;
    private readonly FeatureTable? train, test;
    private readonly TrainingPlan plan;
    private readonly DeviceUploader? uploader;
    private readonly RingLoader? loader;
    private long taken;

    /// <param name="encoder">stays the caller's</param>
    /// <param name="head">its weights lie in the arena</param>
    /// <param name="train">features of the training pictures, where no augmentation changes them; null: computed from augmented pictures</param>
    /// <param name="test">features of the held-out pictures; null: computed every epoch</param>
    /// <param name="first">optimiser steps done before</param>
    internal LinearProbe(FrozenEncoder encoder, ProbeHead head, ClassFolders data, FeatureTable? train, FeatureTable? test, bool augmented, ParameterArena arena, IArenaOptimizer optimizer, ClassifierSettings settings, MetricsLog log, Narrator narrator, long first)
        : base(head, arena, optimizer, arena.Groups.ToDictionary(g => g, _ => 1.0), data.Train.Count, settings, log, narrator)
    {
        const int slots = 4;
        (this.encoder, this.head, this.settings, this.train, this.test, held, First) = (encoder, head, settings, train, test, data.Val, first);
        plan = new(data.Train.Count, settings.BatchSize, 0, 1, settings.Seed, settings.Epochs, settings.Accumulation, first * settings.Effective);
        taken = plan.First;
        if (train is not null) return;
        uploader = new(encoder.Device, settings.BatchSize, settings.Size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        loader = new(data.Train, plan,
            () => augmented ? new TrainingPipeline(TrainingOptions.LinearProbe(settings.Seed, settings.Size) with { Decode = data.Train.Decode }) : new EvaluationPipeline(Pictures.Resize(settings.Size), settings.Size, data.Train.Decode),
            new RingOptions(settings.Workers, slots, settings.Size, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, BadFiles.Allowed(0.001, data.Train.Count), Refused: bad => narrator.Say($"refused {bad.Path}: {bad.Reason}; another picture takes its place")),
            bytes => new TensorBatchMemory(bytes, pinned: encoder.Device.type == DeviceType.CUDA));
    }

    private protected override string Title => "linprobe";

    private protected override Tensor Loss(long step, int micro)
    {
        var (features, labels) = train is null ? Computed() : Known();                                                // B D, B
        return nn.functional.cross_entropy(head.Forward(features), labels);
    }

    private protected override Accuracy Judge()
        => test is not null ? Accuracy.Of(test, settings.BatchSize, encoder.Device, head.Forward)
            : Accuracy.Of(held, settings.Size, settings.BatchSize, settings.Workers, encoder.Device, images => head.Forward(encoder.Features(images)));

    private (Tensor Features, Tensor Labels) Computed()
    {
        using var guard = no_grad();
        var batch = loader!.Take() ?? throw new InvalidOperationException("the plan ended before the run");
        var labels = new long[batch.Rows];
        for (var row = 0; row < labels.Length; row++) labels[row] = batch.Info[row].Label;
        return (encoder.Features(uploader!.Normalize(uploader.Upload(batch))), tensor(labels, device: encoder.Device));
    }

    private (Tensor Features, Tensor Labels) Known()
    {
        var rows = Enumerable.Range(0, settings.BatchSize).Select(row => plan.Sample(taken, row).Index).ToArray();
        taken++;
        return (train!.Values.index_select(0, tensor(rows.Select(r => (long)r).ToArray())).to(float32).to(encoder.Device), tensor(rows.Select(r => (long)train.Labels[r]).ToArray(), device: encoder.Device));
    }

    public void Dispose()
    {
        loader?.Dispose();
        uploader?.Dispose();
    }
}
