using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SemAim.Models.Orders;
using SemAim.Runtime.Data;

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

    internal BoxTable Boxes { get; init; }

    internal double MinScale { get; init; } = 0.2;

    internal int MaxBadFiles { get; init; } = 1;

    /// <summary>Steps between two checkpoints; 0: one at the end.</summary>
    internal long SaveEvery { get; init; }

    /// <summary>Non-finite steps in a row that end the run.</summary>
    internal int MaxBadSteps { get; init; } = 3;

    /// <summary>Steps between two evaluations; 0: none on the way.</summary>
    internal long EvaluateEvery { get; init; }

    /// <summary>Steps between two lines of the log.</summary>
    internal int LogEvery { get; init; } = 20;

    /// <summary>What decides the mathematics, by the name of the option: a run goes on only where all of it is the same.</summary>
    /// <param name="model">its name</param>
    /// <param name="source">the pictures</param>
    /// <param name="objective">options of the objective, by name</param>
    internal Dictionary<string, string> Mathematics(string model, ISampleSource source, IEnumerable<(string Name, object? Value)> objective)
    {
        var values = new List<(string, object?)>
        {
            ("model", model), ("batch_size", BatchSize), ("accum_iter", Accumulation), ("max_steps", Steps), ("lr", Rate), ("min_lr", LeastRate), ("warmup_epochs", WarmupSteps), ("weight_decay", WeightDecay),
            ("clip_grad", ClipGrad), ("seed", Seed), ("precision", Narrow ? "bf16" : "fp32"), ("permutation_type", Order), ("data_path", Fingerprint(source)),
        };
        return values.Concat(objective).ToDictionary(v => v.Item1, v => Convert.ToString(v.Item2, CultureInfo.InvariantCulture) ?? "");
    }

    // the names of all pictures in their order
    private static string Fingerprint(ISampleSource source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < source.Count; i++) hash.AppendData(Encoding.UTF8.GetBytes(source.Name(i) + "\n"));
        return $"{source.Count} pictures {Convert.ToHexStringLower(hash.GetHashAndReset())[..12]}{source.Decode.Difference}";
    }
}
