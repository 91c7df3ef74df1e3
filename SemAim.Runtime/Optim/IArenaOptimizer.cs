using static TorchSharp.torch;

namespace SemAim.Runtime.Optim;

/// <summary>Updates the weights of an arena from its gradients. A step whose gradients are not finite changes nothing; no value reaches the host.</summary>
internal interface IArenaOptimizer : IDisposable
{
    /// <summary>Updates made; skipped ones do not count. 0-d float32.</summary>
    Tensor StepCount { get; }

    /// <summary>Norm of the last step's gradients before clipping. 0-d float32.</summary>
    Tensor LastNorm { get; }

    /// <summary>1 where the last step was skipped because its gradients were not finite. 0-d float32.</summary>
    Tensor LastSkipped { get; }

    /// <summary>Sets a group's learning rate for the next step.</summary>
    void SetLearningRate(int group, double value);

    /// <summary>One update from the arena's gradients.</summary>
    void Step();
}
