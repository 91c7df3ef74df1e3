using SemAim.App.Training;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests.Evaluations;

/// <summary>How held-out pictures are counted: each once, by pictures and not by batches, with fewer answers where there are fewer.</summary>
public sealed class JudgementTests
{
    [Theory]
    [InlineData(1, 64)]
    [InlineData(1, 7)]
    [InlineData(2, 8)]
    [InlineData(3, 5)]
    [InlineData(4, 16)]
    public void Every_held_out_picture_is_judged_once(int ranks, int rows)
    {
        const int pictures = 50;
        var judged = new List<int>();
        for (var rank = 0; rank < ranks; rank++)
        {
            var plan = new EvaluationPlan(pictures, rows, rank, ranks);
            for (var batch = plan.First; batch < plan.End; batch++)
                for (var row = 0; row < plan.Rows(batch); row++) judged.Add(plan.Sample(batch, row).Index);
        }

        Assert.Equal(Enumerable.Range(0, pictures), judged.Order());
    }

    [Fact]
    public void The_held_out_loss_is_the_mean_over_pictures_not_over_batches()
    {
        using var scope = NewDisposeScope();
        var (logits, labels) = (randn(7, 4, generator: new Generator(3)), tensor(new[] { 0L, 3, 1, 1, 2, 0, 3 }));
        using var tally = new Accuracy.Tally(CPU);
        foreach (var (first, rows) in new[] { (0, 5), (5, 1), (6, 1) }) tally.Add(logits.narrow(0, first, rows), labels.narrow(0, first, rows));

        var result = tally.Result();

        Assert.Equal(7, result.Count);
        Assert.Equal(nn.functional.cross_entropy(logits, labels).item<float>(), result.Loss, 1e-6);
        Assert.NotEqual(new[] { (0, 5), (5, 1), (6, 1) }.Average(p => nn.functional.cross_entropy(logits.narrow(0, p.Item1, p.Item2), labels.narrow(0, p.Item1, p.Item2)).item<float>()), result.Loss, 1e-3);
    }

    [Fact]
    public void Among_three_classes_the_five_best_are_all_of_them()
    {
        using var scope = NewDisposeScope();
        using var tally = new Accuracy.Tally(CPU);
        tally.Add(tensor(new[,] { { 3f, 2, 1 }, { 3, 2, 1 } }), tensor(new[] { 0L, 2 }));

        Assert.Equal((50.0, 100.0), (tally.Result().Top1, tally.Result().Top5));
    }

    [Fact]
    public void Few_neighbours_give_few_answers_and_their_number_is_told()
    {
        using var scope = NewDisposeScope();
        // one direction a class; the picture lies nearest to class 2, then 1, then 0
        var train = eye(3);
        var test = nn.functional.normalize(tensor(new[,] { { 0.2f, 0.5f, 0.8f } }), 2.0, 1);
        IReadOnlyList<KnnResult> Judge(int label) => KnnEvaluation.Run(train, [0, 1, 2], test, [label], [1, 2, 3]);

        // with one neighbour the class of the second nearest is no answer, however many places are counted
        Assert.Equal([(1, 0.0, 0.0), (2, 0.0, 100.0), (3, 0.0, 100.0)], Judge(1).Select(r => (r.K, r.Top1, r.Top5)));
        Assert.Equal([(1, 100.0, 100.0), (2, 100.0, 100.0), (3, 100.0, 100.0)], Judge(2).Select(r => (r.K, r.Top1, r.Top5)));
    }
}
