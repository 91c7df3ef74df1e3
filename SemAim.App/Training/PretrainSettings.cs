namespace SemAim.App.Training;

/// <summary>Everything that decides the mathematics and the logging of a pretraining run.</summary>
internal sealed record PretrainSettings
{
    internal int BatchSize { get; init; } = 64;

    internal int Accumulation { get; init; } = 1;

    /// <summary>Optimiser steps of the run.</summary>
    internal long Steps { get; init; }

    internal double Rate { get; init; }

    internal double LeastRate { get; init; }

    /// <summary>Part of the run, in steps, in which the rate rises.</summary>
    internal double WarmupSteps { get; init; }

    internal double WeightDecay { get; init; } = 0.05;

    /// <summary>Infinity: no clipping.</summary>
    internal double ClipGrad { get; init; } = double.PositiveInfinity;

    internal ulong Seed { get; init; }

    internal int Workers { get; init; } = 2;

    internal bool Narrow { get; init; }

    internal string Order { get; init; } = "stochastic";

    internal double MinScale { get; init; } = 0.2;

    internal int MaxBadFiles { get; init; } = 10;

    /// <summary>Steps between two evaluations; 0: none on the way.</summary>
    internal long EvaluateEvery { get; init; }

    /// <summary>Steps between two lines of the log.</summary>
    internal int LogEvery { get; init; } = 20;
}
