using System.Globalization;
using System.IO.Hashing;
using System.Text;
using SemAim.Runtime.Data;

namespace SemAim.App.Training;

/// <summary>What fine-tuning and linear probing have in common.</summary>
internal sealed record ClassifierSettings
{
    internal int BatchSize { get; init; } = 64;

    internal int Accumulation { get; init; } = 1;

    internal int Epochs { get; init; }

    /// <summary>Optimiser steps where they are fewer than the last epoch has; 0: as many as the epochs have.</summary>
    internal long MaxSteps { get; init; }

    internal double Rate { get; init; }

    internal double LeastRate { get; init; }

    internal double WarmupEpochs { get; init; }

    internal ulong Seed { get; init; }

    internal int Workers { get; init; } = 2;

    internal int LogEvery { get; init; } = 20;

    /// <summary>Steps between two checkpoints, besides those at the ends of epochs; 0: none.</summary>
    internal long SaveEvery { get; init; }

    /// <summary>Non-finite steps in a row that end the run.</summary>
    internal int MaxBadSteps { get; init; } = 3;

    /// <summary>Side of the pictures.</summary>
    internal int Size { get; init; } = 224;

    /// <summary>Pictures of an optimiser step.</summary>
    internal int Effective => BatchSize * Accumulation;

    /// <summary>Optimiser steps of the run.</summary>
    internal long Steps(int perEpoch) => MaxSteps > 0 ? MaxSteps : (long)Epochs * perEpoch;

    /// <summary>The same for so many steps instead of so many epochs; 0: as it is.</summary>
    internal ClassifierSettings Within(long steps, int perEpoch)
        => steps == 0 || perEpoch == 0 ? this : this with { MaxSteps = steps, Epochs = (int)((steps + perEpoch - 1) / perEpoch), WarmupEpochs = Math.Min(WarmupEpochs, steps / 2.0 / perEpoch) };

    /// <summary>What decides the mathematics, as text by the name of the option; a run goes on only where all of it is the same.</summary>
    internal static Dictionary<string, string> Mathematics(ISampleSource train, IEnumerable<(string Name, object? Value)> options)
    {
        var hash = new XxHash128();
        for (var i = 0; i < train.Count; i++) hash.Append(Encoding.UTF8.GetBytes(train.Name(i) + "\n"));
        var texts = options.ToDictionary(o => o.Name, o => Convert.ToString(o.Value, CultureInfo.InvariantCulture) ?? "");
        texts["data_path"] = $"{train.Count} pictures {Convert.ToHexStringLower(hash.GetCurrentHash())[..12]}{train.Decode.Difference}";
        return texts;
    }
}
