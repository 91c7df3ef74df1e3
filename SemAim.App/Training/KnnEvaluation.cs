using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Result of a k-NN evaluation.</summary>
/// <param name="K">neighbours</param>
/// <param name="Top1">per cent right</param>
/// <param name="Top5">per cent right among the five classes with most votes (fewer where there are fewer)</param>
/// <param name="Count">pictures judged</param>
internal sealed record KnnResult(int K, double Top1, double Top5, int Count)
{
    /// <summary>Standard error of <see cref="Top1"/>, per cent.</summary>
    internal double Error => Math.Sqrt(Top1 * (100 - Top1) / Count);
}

/// <summary>Weighted nearest neighbours (behaviour.md 6.9): cosine similarity s, votes exp(s / T).</summary>
internal static class KnnEvaluation
{
    // similarities of one product: 128 MB
    private const int Rows = 512, Columns = 65_536;

    /// <summary>Bytes that are needed beside the features: one part of the bank in float32, its similarities with one part of the tests.</summary>
    internal static long WorkingBytes(long train, long test, long width) => 4 * (Math.Min(Columns, train) * width * 2 + Math.Min(Rows, test) * Math.Min(Columns, train));

    /// <summary>Judges test features by training features. Exact: every test meets every training picture, part by part, and the nearest are merged.</summary>
    /// <param name="train">n × D, float32 or float16; stays the caller's</param>
    /// <param name="trainLabels">n</param>
    /// <param name="test">m × D</param>
    /// <param name="testLabels">m</param>
    /// <param name="ks">numbers of neighbours</param>
    /// <param name="temperature">T</param>
    /// <param name="columns">training pictures at a time; for tests</param>
    internal static IReadOnlyList<KnnResult> Run(Tensor train, int[] trainLabels, Tensor test, int[] testLabels, IReadOnlyList<int> ks, double temperature = 0.07, int columns = Columns)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var largest = Math.Min(ks.Max(), trainLabels.Length);
        var nearest = full([testLabels.Length, largest], Number.Of(double.NegativeInfinity), dtype: float32);
        var places = zeros(testLabels.Length, largest, dtype: int64);
        for (var from = 0; from < trainLabels.Length; from += columns)
        {
            using var part = NewDisposeScope();
            var bank = nn.functional.normalize(train.narrow(0, from, Math.Min(columns, trainLabels.Length - from)).to(float32), 2.0, 1).t();
            for (var start = 0; start < testLabels.Length; start += Rows)
            {
                using var inner = NewDisposeScope();
                var rows = Math.Min(Rows, testLabels.Length - start);
                var query = nn.functional.normalize(test.narrow(0, start, rows).to(float32), 2.0, 1);
                var (similarity, index) = query.matmul(bank).topk((int)Math.Min(largest, bank.size(1)), 1);
                var (own, where) = (nearest.narrow(0, start, rows), places.narrow(0, start, rows));
                var (merged, chosen) = cat([own, similarity], 1).topk(largest, 1);
                where.copy_(cat([where, index.add(Number.Of(from), Number.One)], 1).gather(1, chosen));
                own.copy_(merged);
            }
        }
        var votes = nearest.div(Number.Of(temperature)).exp().to(float64).data<double>().ToArray();
        return Judge(votes, places.data<long>().ToArray(), largest, trainLabels, testLabels, ks);
    }

    private static List<KnnResult> Judge(double[] votes, long[] neighbours, int largest, int[] trainLabels, int[] testLabels, IReadOnlyList<int> ks)
    {
        var score = new double[Math.Max(trainLabels.Max(), testLabels.Max()) + 1];
        var (right1, right5) = (new int[ks.Count], new int[ks.Count]);
        for (var row = 0; row < testLabels.Length; row++)
            for (var i = 0; i < ks.Count; i++)
            {
                Array.Clear(score);
                for (var k = 0; k < Math.Min(ks[i], largest); k++) score[trainLabels[neighbours[row * largest + k]]] += votes[row * largest + k];
                var (label, better) = (testLabels[row], 0);
                // equal scores, classes without votes too: the lower class number wins
                for (var c = 0; c < score.Length; c++)
                    if (score[c] > score[label] || score[c] == score[label] && c < label) better++;
                if (better == 0) right1[i]++;
                if (better < Math.Min(Math.Min(5, ks[i]), score.Length)) right5[i]++;
            }
        return [.. ks.Select((k, i) => new KnnResult(k, 100.0 * right1[i] / testLabels.Length, 100.0 * right5[i] / testLabels.Length, testLabels.Length))];
    }

    /// <summary>Both sets less the training mean, divided by the training deviation of each channel; fresh tensors.</summary>
    internal static (Tensor Train, Tensor Test) Standardise(Tensor train, Tensor test)
    {
        using var scope = NewDisposeScope();
        var (mean, deviation) = (train.mean([0], true), train.std(0, true, true).add(Number.Of(1e-6), Number.One));
        return (((train - mean) / deviation).MoveToOuterDisposeScope(), ((test - mean) / deviation).MoveToOuterDisposeScope());
    }
}
