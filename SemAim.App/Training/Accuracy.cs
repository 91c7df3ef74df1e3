using System.Diagnostics;
using SemAim.Runtime.Data;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>How a classifier did on held-out pictures: every one counted once.</summary>
/// <param name="Loss">mean cross-entropy over the pictures</param>
/// <param name="Top1">per cent right</param>
/// <param name="Top5">per cent right among the five best (fewer where there are fewer classes)</param>
/// <param name="Count">pictures judged</param>
internal sealed record Accuracy(double Loss, double Top1, double Top5, int Count)
{
    /// <summary>Standard error of <see cref="Top1"/>, per cent.</summary>
    internal double Error => Math.Sqrt(Top1 * (100 - Top1) / Count);

    /// <summary>Pictures judged a second; 0 where nobody measured it.</summary>
    internal double ImagesPerSecond { get; init; }

    /// <summary>Judges every picture of a source once, with the evaluation transform.</summary>
    /// <param name="logits">pictures (B × 3 × S × S) to B × K</param>
    internal static Accuracy Of(ISampleSource source, int size, int batch, int workers, Device device, Func<Tensor, Tensor> logits)
    {
        var clock = Stopwatch.StartNew();
        using var tally = new Tally(device);
        Pictures.ForEach(source, size, batch, workers, device, (images, labels, _) =>
        {
            using var guard = no_grad();
            tally.Add(logits(images), tensor(labels.Select(l => (long)l).ToArray(), device: device));
        });
        return tally.Result() with { ImagesPerSecond = source.Count / clock.Elapsed.TotalSeconds };
    }

    /// <summary>Judges features that were computed before.</summary>
    internal static Accuracy Of(FeatureTable table, int batch, Device device, Func<Tensor, Tensor> logits)
    {
        using var tally = new Tally(device);
        using var guard = no_grad();
        for (var first = 0; first < table.Labels.Length; first += batch)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(batch, table.Labels.Length - first);
            tally.Add(logits(table.Values.narrow(0, first, rows).to(float32).to(device)), tensor(table.Labels.AsSpan(first, rows).ToArray().Select(l => (long)l).ToArray(), device: device));
        }
        return tally.Result();
    }

    /// <summary>Sums over batches; read back once, at the end.</summary>
    internal sealed class Tally(Device device) : IDisposable
    {
        private readonly Tensor loss = Sum(device), right1 = Sum(device), right5 = Sum(device);
        private int count;

        /// <summary>One batch: logits B × K, labels B.</summary>
        internal void Add(Tensor logits, Tensor labels)
        {
            using var scope = NewDisposeScope();
            var wide = logits.to(float64);
            loss.add_(nn.functional.cross_entropy(wide, labels, reduction: nn.Reduction.Sum), Number.One);
            // equal scores: the lower class number wins, as everywhere
            var own = wide.gather(1, labels.unsqueeze(1));
            var earlier = arange(Number.Of(0), Number.Of(wide.size(1)), Number.One, dtype: int64, device: wide.device).unsqueeze(0) < labels.unsqueeze(1);
            var place = wide.gt(own).logical_or(wide.eq(own).logical_and(earlier)).sum(1);
            right1.add_(place.lt(Number.Of(1)).sum(), Number.One);
            right5.add_(place.lt(Number.Of(Math.Min(5, wide.size(1)))).sum(), Number.One);
            count += (int)labels.size(0);
        }

        internal Accuracy Result() => new(loss.item<double>() / count, 100 * right1.item<double>() / count, 100 * right5.item<double>() / count, count);

        private static Tensor Sum(Device device) => zeros(Array.Empty<long>(), dtype: float64, device: device).DetachFromDisposeScope();

        public void Dispose()
        {
            loss.Dispose();
            right1.Dispose();
            right5.Dispose();
        }
    }
}
