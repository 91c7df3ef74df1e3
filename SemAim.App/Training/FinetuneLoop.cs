using SemAim.Models;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Augmentation and loss of fine-tuning (behaviour.md 6.3 to 6.7).</summary>
/// <param name="Augment">RandAugment; null: none</param>
/// <param name="ColorJitter">strength, where there is no RandAugment; 0: off</param>
/// <param name="Erasing">probability of RandomErasing</param>
/// <param name="ErasingMode">what its rectangles are filled with</param>
/// <param name="ErasingCount">most rectangles a picture</param>
/// <param name="Mix">Mixup and CutMix, with the smoothing of their targets</param>
/// <param name="Smoothing">of the labels, where nothing is mixed</param>
internal sealed record FinetuneRecipe(RandAugmentOptions? Augment, double ColorJitter, double Erasing, ErasingMode ErasingMode, int ErasingCount, MixOptions Mix, double Smoothing);

/// <summary>Fine-tuning: a micro-batch is loaded, erased, mixed, classified.</summary>
internal sealed class FinetuneLoop : ClassifierLoop, IDisposable
{
    private readonly VisionTransformer model;
    private readonly int classes;
    private readonly ISampleSource held;
    private readonly FinetuneRecipe recipe;
    private readonly ClassifierSettings settings;
    private readonly Device device;
    private readonly TrainingPlan plan;
    private readonly DeviceUploader uploader;
    private readonly RingLoader loader;

    /// <param name="model">classifier whose weights lie in the arena</param>
    /// <param name="classes">its outputs</param>
    /// <param name="first">optimiser steps done before</param>
    internal FinetuneLoop(VisionTransformer model, int classes, ClassFolders data, FinetuneRecipe recipe, ParameterArena arena, IArenaOptimizer optimizer, IReadOnlyDictionary<int, double> scale, ClassifierSettings settings, MetricsLog log, Narrator narrator, long first)
        : base(model, arena, optimizer, scale, data.Train.Count, settings, log, narrator)
    {
        const int slots = 4;
        (this.model, this.classes, this.recipe, this.settings, held, First, device) = (model, classes, recipe, settings, data.Val, first, arena.Weights.device);
        plan = new(data.Train.Count, settings.BatchSize, 0, 1, settings.Seed, settings.Epochs, settings.Accumulation, first * settings.Effective);
        uploader = new(device, settings.BatchSize, settings.Size, slots, PretrainLoop.Mean, PretrainLoop.Std);
        loader = new(data.Train, plan,
            () => new TrainingPipeline(TrainingOptions.Finetuning(settings.Seed, settings.Size, recipe.Augment, recipe.ColorJitter, recipe.Erasing, recipe.ErasingCount) with { Decode = data.Train.Decode }),
            new RingOptions(settings.Workers, slots, settings.Size, settings.BatchSize, settings.Seed, BadSamplePolicy.Replace, BadFiles.Allowed(0.001, data.Train.Count), Refused: bad => narrator.Say($"refused {bad.Path}: {bad.Reason}; another picture takes its place")),
            bytes => new TensorBatchMemory(bytes, pinned: device.type == DeviceType.CUDA));
    }

    private protected override string Title => "finetune";

    private protected override Tensor Loss(long step, int micro)
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
        // two draws a block, attention and MLP
        using var draws = KeyedUniform.Fill(settings.Seed, step, (long)micro * settings.BatchSize, info.Length, 2 * model.Blocks, device);
        var logits = model.Forward(images, new Dsl.Draws(draws.t()));                                                 // B K
        return targets is not null ? ClassificationLosses.Soft(logits, targets) : ClassificationLosses.Smoothed(logits, labels, recipe.Smoothing);
    }

    private protected override Accuracy Judge() => Accuracy.Of(held, settings.Size, settings.BatchSize, settings.Workers, device, images => model.Forward(images));

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
