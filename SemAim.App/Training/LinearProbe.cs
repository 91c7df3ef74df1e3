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
    private readonly ISampleSource pictures, held;
    private readonly ClassifierSettings settings;
    private readonly FeatureTable? train, test;
    private readonly TrainingPlan plan;
    private readonly ProbeBatches? batches;
    private readonly (Tensor Now, Tensor Before)[] statistics;
    private long taken;

    /// <param name="encoder">stays the caller's</param>
    /// <param name="head">its weights lie in the arena</param>
    /// <param name="train">features of the training pictures, where no augmentation changes them; null: computed from augmented pictures</param>
    /// <param name="test">features of the held-out pictures; null: computed every epoch</param>
    /// <param name="first">optimiser steps done before</param>
    internal LinearProbe(FrozenEncoder encoder, ProbeHead head, ClassFolders data, FeatureTable? train, FeatureTable? test, bool augmented, ParameterArena arena, IArenaOptimizer optimizer, ClassifierSettings settings, MetricsLog log, Narrator narrator, long first)
        : base(head, arena, optimizer, arena.Groups.ToDictionary(g => g, _ => 1.0), data.Train.Count, settings, log, narrator)
    {
        (this.encoder, this.head, this.settings, this.train, this.test, pictures, held, First) = (encoder, head, settings, train, test, data.Train, data.Val, first);
        plan = ProbeBatches.Plan(data.Train, settings, first);
        taken = plan.First;
        statistics = [.. head.Slots().Where(s => !s.IsTrained).Select(s => (s.Weight.Tensor, s.Weight.Tensor.clone().DetachFromDisposeScope()))];
        if (train is null) batches = new(data.Train, augmented, settings, encoder.Device, first, bad => narrator.Say($"refused {bad.Path}: {bad.Reason}; another picture takes its place"));
    }

    private protected override string Title => "linprobe";

    private protected override Tensor Loss(long step, int micro)
    {
        var (features, labels) = train is null ? Computed() : Known();                                                // B D, B
        return nn.functional.cross_entropy(head.Forward(features), labels);
    }

    private protected override StepSample Sample(long batch, int row) => ILabelledBatches.Sample(plan, pictures, batch, row);

    // a pass moves the running statistics before anyone knows that the step is bad
    private protected override void Begin()
    {
        using var guard = no_grad();
        foreach (var (now, before) in statistics) before.copy_(now);
    }

    private protected override void Settle(Tensor skipped)
    {
        using var guard = no_grad();
        var bad = skipped.to(@bool);
        foreach (var (now, before) in statistics) now.copy_(where(bad, before, now));
    }

    private protected override Accuracy Judge()
        => test is not null ? Accuracy.Of(test, settings.BatchSize, encoder.Device, head.Forward)
            : Accuracy.Of(held, settings.Size, settings.BatchSize, settings.Workers, encoder.Device, images => head.Forward(encoder.Features(images)));

    private (Tensor Features, Tensor Labels) Computed()
    {
        using var guard = no_grad();
        var batch = batches!.Next(0, 0);                                                                              // nothing is drawn by step
        return (encoder.Features(batch.Images), batch.Labels);
    }

    private (Tensor Features, Tensor Labels) Known()
    {
        var rows = Enumerable.Range(0, settings.BatchSize).Select(row => plan.Sample(taken, row).Index).ToArray();
        taken++;
        return (train!.Values.index_select(0, tensor(rows.Select(r => (long)r).ToArray())).to(float32).to(encoder.Device), tensor(rows.Select(r => (long)train.Labels[r]).ToArray(), device: encoder.Device));
    }

    public void Dispose()
    {
        batches?.Dispose();
        foreach (var (_, before) in statistics) before.Dispose();
    }
}
