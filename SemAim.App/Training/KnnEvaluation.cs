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
    private const int Chunk = 512;

    /// <summary>Judges test features by training features.</summary>
    /// <param name="train">n × D; stays the caller's</param>
    /// <param name="trainLabels">n</param>
    /// <param name="test">m × D</param>
    /// <param name="testLabels">m</param>
    /// <param name="ks">numbers of neighbours</param>
    /// <param name="temperature">T</param>
    internal static IReadOnlyList<KnnResult> Run(Tensor train, int[] trainLabels, Tensor test, int[] testLabels, IReadOnlyList<int> ks, double temperature = 0.07)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var classes = Math.Max(trainLabels.Max(), testLabels.Max()) + 1;
        var bank = nn.functional.normalize(train, 2.0, 1).t();
        var largest = Math.Min(ks.Max(), trainLabels.Length);
        var (right1, right5) = (new int[ks.Count], new int[ks.Count]);
        for (var start = 0; start < testLabels.Length; start += Chunk)
        {
            using var inner = NewDisposeScope();
            var rows = Math.Min(Chunk, testLabels.Length - start);
            var query = nn.functional.normalize(test.narrow(0, start, rows), 2.0, 1);
            var (similarity, index) = query.matmul(bank).topk(largest, 1);
            var (votes, neighbours) = ((similarity / temperature).exp().to(float64).data<double>().ToArray(), index.data<long>().ToArray());
            for (var row = 0; row < rows; row++)
                for (var i = 0; i < ks.Count; i++)
                {
                    var score = new double[classes];
                    for (var k = 0; k < Math.Min(ks[i], largest); k++) score[trainLabels[neighbours[row * largest + k]]] += votes[row * largest + k];
                    var own = score[testLabels[start + row]];
                    // equal scores: the lower class number wins
                    var better = score.Where((s, c) => s > own || s == own && c < testLabels[start + row]).Count();
                    if (own > 0 && better == 0) right1[i]++;
                    if (own > 0 && better < Math.Min(5, classes)) right5[i]++;
                }
        }
        return [.. ks.Select((k, i) => new KnnResult(k, 100.0 * right1[i] / testLabels.Length, 100.0 * right5[i] / testLabels.Length, testLabels.Length))];
    }

    /// <summary>Both sets less the training mean, divided by the training deviation of each channel; fresh tensors.</summary>
    internal static (Tensor Train, Tensor Test) Standardise(Tensor train, Tensor test)
    {
        using var scope = NewDisposeScope();
        var (mean, deviation) = (train.mean([0], true), train.std(0, true, true) + 1e-6);
        return (((train - mean) / deviation).MoveToOuterDisposeScope(), ((test - mean) / deviation).MoveToOuterDisposeScope());
    }
}
