using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>Graphs that ask for it let a caller cut their backward pass between the copies of their longest repeat: the gradients stay, bit by bit.</summary>
public sealed class InsertCutsTests : PassTests
{
    private const string Chain = "    private readonly Repeat<Linear> fcs = new(L, i => new(D, D));\n    [Graph(Cuts = true)] [return: Shape(\"B D\")] public Sym Go([Shape(\"B D\")] Sym x) { for (var i = 0; i < L; i++) x = fcs[i].Forward(x).Tanh(); return x; }";

    // two streams, a value of the outside that every round reads, a skip over all rounds, query layers after every second layer, layers before and after
    private const string Streams = """
            private readonly Linear stem = new(D, D);
            private readonly Weight token = new([1, D], Inits.Ones);
            private readonly Constant fixed_ = new([1, D], Inits.Ones);
            private readonly Repeat<Linear> fcs = new(L, i => new(D, D));
            private readonly Repeat<Linear> qs = new(Q, i => new(D, D));
            private readonly Linear head = new(D, D);
            [Graph(Cuts = true)]
            [return: Shape("B D", "B D")]
            public (Sym, Sym) Go([Shape("B D")] Sym x, [Shape("B D")] Sym scale)
            {
                var B = x.Size(0);
                var h = stem.Forward(x);
                var first = h.Tanh();
                var g = fixed_.Value.Expand("1 D -> B D", B);
                var bias = token * 2.0;
                for (var s = 0; s < Q; s++)
                {
                    for (var i = 0; i < 2; i++) h = (fcs[2 * s + i].Forward(h) + first).Sigmoid() * scale + bias;
                    g = g + qs[s].Forward(g + h).Tanh();
                }
                return (head.Forward(g) + first, h);
            }
        """;

    [Fact]
    public void Without_a_cutter_nothing_changes_but_one_question_a_copy()
    {
        var cut = Check(Chain, "int D, int L", [4, 3], () => [Comparison.Input(3, 4)]);
        var whole = Check(Chain.Replace("(Cuts = true)", "", StringComparison.Ordinal), "int D, int L", [4, 3], () => [Comparison.Input(3, 4)]);

        Assert.Equal(1, Count(Body(cut), "if (i > 0) cutter?.Cut(ref x2);"));
        var lines = Body(cut).Split('\n').Where(l => !l.Contains("cutter", StringComparison.Ordinal));
        Assert.Equal(Body(whole), string.Join('\n', lines));
    }

    [Theory]
    [InlineData(4, 2)]
    [InlineData(2, 1)]
    [InlineData(6, 3)]
    public void Cut_gradients_are_the_whole_ones_bit_by_bit(int layers, int queries)
    {
        var (assembly, generated) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Streams, "int D, int L, int Q", "[Require(\"L == 2*Q\")]"))]);
        using var scope = NewDisposeScope();
        var model = CompiledModels.Make(assembly, "Test.Net", 4, layers, queries);
        Comparison.Fill(model);
        var (x, scale) = (Comparison.Input(3, 4), Comparison.Input(3, 4));
        var whole = Gradients(model, x, scale, null, out _);
        var cut = Gradients(model, x, scale, new BackwardCutter(), out var levels);

        Assert.Equal(Enumerable.Range(0, layers).Reverse(), levels);
        Assert.All(whole.Zip(cut), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        Assert.Contains("cutter?.Also(ref ", generated["Test.Net.g.cs"], StringComparison.Ordinal);
    }

    // what the caller does with the results is above the last level
    private static Tensor[] Gradients(GraphModule model, Tensor x, Tensor scale, BackwardCutter? cutter, out List<int> levels)
    {
        using var scope = NewDisposeScope();
        model.zero_grad();
        foreach (var input in new[] { x, scale }) if (input.grad is { } old) old.zero_();
        cutter?.Arm();
        var (a, b) = ((Tensor, Tensor))model.GetType().GetMethod("Go", [typeof(Tensor), typeof(Tensor), typeof(BackwardCutter)])!.Invoke(model, [x, scale, cutter])!;
        var loss = (a.sin() + b * 0.5).sum();
        var done = new List<int>();
        if (cutter is null) loss.backward();
        else cutter.Backward(loss, done.Add);
        levels = done;
        return [.. model.parameters().Concat([x, scale]).Select(p => p.grad!.clone().MoveToOuterDisposeScope())];
    }

    [Fact]
    public void At_its_level_the_gradient_of_a_weight_is_complete()
    {
        using var scope = NewDisposeScope();
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(Streams, "int D, int L, int Q", "[Require(\"L == 2*Q\")]"))]);
        var model = CompiledModels.Make(assembly, "Test.Net", 4, 6, 3);
        Comparison.Fill(model);
        var (x, scale) = (Comparison.Input(3, 4), Comparison.Input(3, 4));
        var final = Named(model, Gradients(model, x, scale, null, out _));
        model.zero_grad();
        var cutter = new BackwardCutter();
        cutter.Arm();
        var (a, b) = ((Tensor, Tensor))model.GetType().GetMethod("Go", [typeof(Tensor), typeof(Tensor), typeof(BackwardCutter)])!.Invoke(model, [x, scale, cutter])!;
        var entries = model.Manifest().Where(e => e.IsTrained).ToList();
        var complete = new Dictionary<string, int>();

        cutter.Backward((a.sin() + b * 0.5).sum(), level =>
        {
            foreach (var (name, p) in model.named_parameters())
                if (!complete.ContainsKey(name) && p.grad is { } g && g.equal(final[name]).all().item<bool>()) complete[name] = level;
        });

        Assert.Equal([5, 5, 3, 3, 1, 1], entries.Where(e => e.Key.StartsWith("qs.", StringComparison.Ordinal)).Select(e => e.Level).OrderDescending());
        foreach (var entry in entries) Assert.True(complete[entry.Key] >= entry.Level, $"{entry.Key}: complete at {complete[entry.Key]}, said {entry.Level}");
        foreach (var key in new[] { "fcs.0.weight", "fcs.3.weight", "fcs.5.bias", "qs.0.weight", "qs.2.weight", "head.weight", "stem.weight" }) Assert.Equal(complete[key], entries.Single(e => e.Key == key).Level);
    }

    private static Dictionary<string, Tensor> Named(GraphModule model, Tensor[] gradients) => model.named_parameters().Select((p, i) => (p.name, gradients[i])).ToDictionary(p => p.name, p => p.Item2);

    [Fact]
    public void A_cut_pass_leaves_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        var model = AimModel(dropPath: 0.3);
        var cutter = new BackwardCutter();
        var (images, rank, table) = (rand(2, 3, 16, 16), rand(2, 16), rand(2 * (4 + 2), 2));
        void Pass(bool withBackward)
        {
            using var inner = NewDisposeScope();
            model.zero_grad();
            cutter.Arm();
            var predicted = model.Predict(images, rank, new Draws(table), cutter);
            Assert.Equal(3, cutter.Cuts);
            if (withBackward) cutter.Backward(predicted.square().mean());
            else cutter.Dispose();
        }
        Pass(true);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        for (var i = 0; i < 5; i++) Pass(i % 2 == 0);

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 0.3)]
    public void The_levels_of_the_declared_model_are_its_encoder_blocks(bool shared, double dropPath)
    {
        using var scope = NewDisposeScope();
        var model = AimModel(dropPath, shared);
        var (images, rank) = (rand(2, 3, 16, 16), rand(2, 16));
        var draws = dropPath > 0 ? rand(2 * (4 + 2), 2) : null;
        Tensor[] Pass(BackwardCutter? cutter, List<int> levels)
        {
            model.zero_grad();
            cutter?.Arm();
            var loss = model.Predict(images, rank, draws is null ? null : new Draws(draws), cutter).square().mean();
            (cutter ?? new BackwardCutter()).Backward(loss, levels.Add);
            return [.. model.parameters().Select(p => p.grad is { } g ? g.clone() : zeros(1))];
        }
        var levels = new List<int>();
        var whole = Pass(null, []);

        var cut = Pass(new BackwardCutter(), levels);

        Assert.Equal([3, 2, 1, 0], levels);
        Assert.All(whole.Zip(cut), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        var level = model.Manifest().ToDictionary(e => e.Key, e => e.Level);
        Assert.Equal([0, 1, 2, 3], Enumerable.Range(0, 4).Select(i => level[$"blocks.{i}.attn.qkv.weight"]));
        Assert.Equal((0, 3), (level["patch_embed.proj.weight"], level["norm.weight"]));
        Assert.Equal((1, 3), (level["query_blocks.0.mlp.fc1.weight"], level["query_blocks.1.mlp.fc1.weight"]));
    }

    private static AimViT AimModel(double dropPath, bool shared = false) => new(S: 16, P: 4, D: 8, H: 2, L: 4, Q: 2, O: 5, R: 2, dropPath: dropPath, shareWeight: shared);
}
