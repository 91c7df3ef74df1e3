using SemAim.Dsl;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Everything that a checkpoint holds: tensors by file and name, and where the run stands.</summary>
/// <param name="Step">optimiser steps done</param>
/// <param name="BadInARow">non-finite steps at the end of those</param>
/// <param name="Options">every option that decides the mathematics, as text</param>
/// <param name="Files">tensors by name, by file</param>
internal sealed record TrainingState(long Step, int BadInARow, IReadOnlyDictionary<string, string> Options, IReadOnlyList<(string Name, IReadOnlyList<KeyValuePair<string, Tensor>> Tensors)> Files) : IDisposable
{
    /// <summary>Of the epoch that has begun.</summary>
    internal EpochSums Epoch { get; init; }

    /// <summary>The state as it is; its tensors are the run's own storage.</summary>
    internal static TrainingState Of(GraphModule model, ParameterArena arena, IArenaOptimizer optimizer, ExponentialMovingAverage? average, long step, int badInARow, IReadOnlyDictionary<string, string> options)
    {
        using var guard = no_grad();
        KeyValuePair<string, Tensor> View(string prefix, Tensor flat, string name) => KeyValuePair.Create(prefix + name, arena.View(flat, name).DetachFromDisposeScope());
        var weights = model.state_dict();                      // the masters, not what a precision plan computes with
        var files = new List<(string, IReadOnlyList<KeyValuePair<string, Tensor>>)>
        {
            (RunCheckpoints.Model, [.. model.Slots().Select(s => KeyValuePair.Create(s.Name, weights[s.Name].alias().DetachFromDisposeScope()))]),
            (RunCheckpoints.Optimizer,
            [
                .. arena.Specs.SelectMany(s => new[] { View("exp_avg.", arena.FirstMoment, s.Name), View("exp_avg_sq.", arena.SecondMoment, s.Name) }),
                KeyValuePair.Create("step", optimizer.StepCount.alias().DetachFromDisposeScope()),
            ]),
        };
        if (average is not null) files.Add((RunCheckpoints.Average, [.. arena.Specs.Select(s => View("", average.Weights, s.Name))]));
        return new(step, badInARow, options, files);
    }

    /// <summary>Bytes of all tensors.</summary>
    internal long Bytes => Files.Sum(f => f.Tensors.Sum(t => t.Value.numel() * t.Value.dtype.ElementSize()));

    /// <summary>A copy in memory of its own, which training does not change.</summary>
    internal TrainingState Copy()
    {
        using var guard = no_grad();
        return this with { Files = [.. Files.Select(f => (f.Name, (IReadOnlyList<KeyValuePair<string, Tensor>>)[.. f.Tensors.Select(t => KeyValuePair.Create(t.Key, t.Value.detach().to(CPU).clone().DetachFromDisposeScope()))]))] };
    }

    public void Dispose()
    {
        foreach (var (_, tensors) in Files)
            foreach (var (_, tensor) in tensors) tensor.Dispose();
    }
}
