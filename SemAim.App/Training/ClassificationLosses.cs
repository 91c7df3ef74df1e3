using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Losses of fine-tuning (behaviour.md 6.7).</summary>
internal static class ClassificationLosses
{
    /// <summary>Cross-entropy against soft targets, mean over the batch; 0-d, fresh.</summary>
    /// <param name="logits">B × K</param>
    /// <param name="targets">B × K</param>
    internal static Tensor Soft(Tensor logits, Tensor targets)
    {
        using var logs = nn.functional.log_softmax(logits, -1);
        using var parts = targets * logs;
        using var rows = parts.sum(-1);
        using var mean = rows.mean();
        return mean.neg();
    }

    /// <summary>(1 − s) · cross-entropy + s · mean over the classes of −log p; plain cross-entropy where s is 0. 0-d, fresh.</summary>
    /// <param name="logits">B × K</param>
    /// <param name="labels">B</param>
    /// <param name="smoothing">s</param>
    internal static Tensor Smoothed(Tensor logits, Tensor labels, double smoothing)
    {
        if (smoothing == 0) return nn.functional.cross_entropy(logits, labels);
        using var logs = nn.functional.log_softmax(logits, -1);
        using var own = nn.functional.nll_loss(logs, labels);
        using var all = logs.mean();
        using var sharp = own.mul(Number.Of(1 - smoothing));
        using var flat = all.mul(Number.Of(smoothing));
        return sharp - flat;
    }
}
