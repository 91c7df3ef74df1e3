using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Fine-tuning's micro-batches: loaded, erased, mixed (behaviour.md 6.3 to 6.6).</summary>
internal sealed class FinetuneBatches : ILabelledBatches
{
    private readonly ISampleSource source;
    private readonly FinetuneRecipe recipe;
    private readonly ClassifierSettings settings;
    private readonly Device device;
    private readonly int classes, sites;
    private readonly TrainingPlan plan;
    private readonly DeviceUploader uploader;
    private readonly RingLoader loader;

    /// <param name="source">stays the caller's</param>
    /// <param name="classes">outputs of the network</param>
    /// <param name="sites">places of the network where a path may be dropped</param>
    /// <param name="first">optimiser steps done before</param>
    /// <param name="refused">called for every file that cannot be decoded</param>
    internal FinetuneBatches(ISampleSource source, FinetuneRecipe recipe, ClassifierSettings settings, Device device, int classes, int sites, long first, Action<RefusedSample>? refused = null)
    {
        const int slots = 4;
        (this.source, this.recipe, this.settings, this.device, this.classes, this.sites) = (source, recipe, settings, device, classes, sites);
        plan = new(source.Count, settings.BatchSize, 0, 1, settings.Seed, settings.Epochs, settings.Accumulation, first * settings.Effective);
        uploader = new(device, settings.BatchSize, settings.Size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        loader = new(source, plan,
            () => new TrainingPipeline(TrainingOptions.Finetuning(settings.Seed, settings.Size, recipe.Augment, recipe.ColorJitter, recipe.Erasing, recipe.ErasingCount) with { Decode = source.Decode }),
            new RingOptions(settings.Workers, slots, settings.Size, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, BadFiles.Allowed(0.001, source.Count), Refused: refused),
            bytes => new TensorBatchMemory(bytes, pinned: device.type == DeviceType.CUDA));
    }

    public LabelledBatch Next(long step, int micro)
    {
        var batch = loader.Take() ?? throw new InvalidOperationException("the plan ended before the run");
        var (epoch, number) = plan.Key(batch.Number);
        var info = Copy(batch);                                                                                       // before the slot goes back
        var images = uploader.Normalize(uploader.Upload(batch));                                                      // B 3 S S
        RandomErasing.Fill(images, info, recipe.ErasingMode, settings.Seed);
        var labels = tensor(info.Select(i => (long)i.Label).ToArray(), device: device);                               // B
        Tensor? targets = null;                                                                                       // B K
        if (!recipe.Mix.IsOff)
        {
            var mixes = Mixing.Draw(recipe.Mix, settings.Seed, epoch, number, info.Length, settings.Size, settings.Size);
            Mixing.Apply(images, recipe.Mix.Mode, mixes);
            targets = Mixing.Targets(labels, recipe.Mix.Mode, mixes, classes, recipe.Mix.Smoothing);
        }
        return new(images, labels, targets, KeyedUniform.Fill(settings.Seed, step, (long)micro * settings.BatchSize, info.Length, sites, device).t());
    }

    public StepSample Sample(long batch, int row) => ILabelledBatches.Sample(plan, source, batch, row);

    private static RowInfo[] Copy(Batch batch)
    {
        var rows = new RowInfo[batch.Rows];
        for (var i = 0; i < rows.Length; i++)
        {
            ref readonly var from = ref batch.Info[i];
            rows[i].Reset(new SampleKey(from.Epoch, from.Index), from.Label);
            from.Erase.CopyTo(rows[i].EraseRoom(from.Erase.Length));
            rows[i].Erased(from.Erase.Length);
        }
        return rows;
    }

    public void Dispose()
    {
        loader.Dispose();
        uploader.Dispose();
    }
}
