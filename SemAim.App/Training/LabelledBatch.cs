using SemAim.Runtime.Data;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>A micro-batch of supervised training, ready for the network; in the ambient dispose scope.</summary>
/// <param name="Images">B × 3 × S × S, normalised, erased and mixed</param>
/// <param name="Labels">B</param>
/// <param name="Targets">B × K where pictures are mixed; null: the labels are the targets</param>
/// <param name="Draws">sites × B for dropped paths; null: nothing can be dropped</param>
internal sealed record LabelledBatch(Tensor Images, Tensor Labels, Tensor? Targets = null, Tensor? Draws = null);

/// <summary>Micro-batches in the order of a run, made from addresses alone: the trainer and a replay get the same.</summary>
internal interface ILabelledBatches : IDisposable
{
    /// <summary>The next one.</summary>
    /// <param name="step">optimiser step of the run, whose numbers it is made with</param>
    /// <param name="micro">micro-batch of that step</param>
    LabelledBatch Next(long step, int micro);

    /// <summary>The picture in a row of a micro-batch of the run.</summary>
    StepSample Sample(long batch, int row);

    /// <summary>The picture that a plan has in a row.</summary>
    static StepSample Sample(TrainingPlan plan, ISampleSource source, long batch, int row)
    {
        var key = plan.Sample(batch, row);
        return new(key.Epoch, key.Index, source.Name(key.Index));
    }
}
