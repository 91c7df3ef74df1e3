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

/// <summary>Fine-tuning: a micro-batch is classified and its error taken.</summary>
internal sealed class FinetuneLoop : ClassifierLoop, IDisposable
{
    private readonly VisionTransformer model;
    private readonly ISampleSource held;
    private readonly double smoothing;
    private readonly ClassifierSettings settings;
    private readonly Device device;
    private readonly FinetuneBatches batches;

    /// <param name="model">classifier whose weights lie in the arena</param>
    /// <param name="classes">its outputs</param>
    /// <param name="first">optimiser steps done before</param>
    internal FinetuneLoop(VisionTransformer model, int classes, ClassFolders data, FinetuneRecipe recipe, ParameterArena arena, IArenaOptimizer optimizer, IReadOnlyDictionary<int, double> scale, ClassifierSettings settings, MetricsLog log, Narrator narrator, long first)
        : base(model, arena, optimizer, scale, data.Train.Count, settings, log, narrator)
    {
        (this.model, smoothing, this.settings, held, First, device) = (model, recipe.Smoothing, settings, data.Val, first, arena.Weights.device);
        batches = new(data.Train, recipe, settings, device, classes, Sites(model), first, bad => narrator.Say($"refused {bad.Path}: {bad.Reason}; another picture takes its place"));
    }

    /// <summary>Places where a path may be dropped: attention and MLP of every block.</summary>
    internal static int Sites(VisionTransformer model) => 2 * model.Blocks;

    /// <summary>Loss of a micro-batch, 0-d, with its graph.</summary>
    internal static Tensor LossOf(VisionTransformer model, LabelledBatch batch, double smoothing)
    {
        var logits = model.Forward(batch.Images, new Dsl.Draws(batch.Draws!));                                        // B K
        return batch.Targets is { } targets ? ClassificationLosses.Soft(logits, targets) : ClassificationLosses.Smoothed(logits, batch.Labels, smoothing);
    }

    private protected override string Title => "finetune";

    private protected override Tensor Loss(long step, int micro) => LossOf(model, batches.Next(step, micro), smoothing);

    private protected override StepSample Sample(long batch, int row) => batches.Sample(batch, row);

    private protected override Accuracy Judge() => Accuracy.Of(held, settings.Size, settings.BatchSize, settings.Workers, device, images => model.Forward(images));

    public void Dispose() => batches.Dispose();
}
