using SemAim.App.Training;
using SemAim.Dsl;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;

namespace SemAim.App.Verbs;

/// <summary>A recorded step of a run, again.</summary>
internal sealed partial class FinetuneVerb
{
    public void Check() => _ = Recipe();

    public IReadOnlyList<string> Replay(BadStep record, string folder)
    {
        var (recipe, device, weights) = (Recipe(), Device(), Path.Combine(folder, record.Weights));
        using var source = SampleSources.Open(DataPath, "train", out _, Reading());
        using var file = WeightFile.Open(weights);
        var (sizes, classes) = (FrozenEncoder.Choose(file, null, NumHeads, null), Outputs(source.Classes.Count));
        using var model = sizes.Classifier(classes, !ClsToken, DropPath);
        ModelWeights.Load(model, weights);
        using var plain = sizes.Classifier(classes, !ClsToken, DropPath);
        ModelWeights.Load(plain, weights);
        model.to(device).train();
        plain.to(device).train();
        var settings = Settings(BatchSize, Epochs, Blr, MinLr, WarmupEpochs, sizes.ImageSize);
        using var arena = new ParameterArena(model, _ => 0, Precision == PrecisionChoice.Bf16);
        using var batches = new FinetuneBatches(source, recipe, settings, device, classes, FinetuneLoop.Sites(model), record.Step - 1);
        var replay = new ClassifierReplay(record, settings, source, arena, plain, batches, batch => FinetuneLoop.LossOf(model, batch, recipe.Smoothing), [(plain, batch => plain.Forward(Sym.Of(batch.Images, Dsl.Run.Train(batch.Draws!))))]);
        return [.. replay.Run()];
    }
}
