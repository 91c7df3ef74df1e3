using SemAim.Dsl;
using SemAim.Runtime.Capture;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The wrappers of captured graphs: plain calls on a CPU; warm-ups, one capture and replays where a device has graphs.</summary>
public sealed class CaptureTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly AimViT model = new(S: 16, P: 4, D: 8, H: 2, L: 4, Q: 2, O: 5, dropPath: 0.5);
    private readonly Tensor images = randn(3, 3, 16, 16), rank = rand(3, 16);

    public void Dispose()
    {
        GraphCapture.BackendOverride = null;
        scope.Dispose();
    }

    [Fact]
    public void On_a_device_without_graphs_every_call_is_the_graph_s()
    {
        using var capture = new PredictMlpCapture(model, 3, CPU);

        for (var i = 0; i < 6; i++)
        {
            var (x, r) = (randn(3, 3, 16, 16), rand(3, 16));
            Assert.Equal(0, (capture.Replay(x, r) - model.PredictMlp(x, r)).abs().max().item<float>());
        }
        Assert.False(capture.IsGraph);
    }

    [Fact]
    public void With_graphs_the_first_calls_warm_up_one_is_captured_and_the_rest_replayed()
    {
        var backend = new CountingBackend();
        GraphCapture.BackendOverride = _ => backend;
        using var capture = new PredictMlpCapture(model, 3, CPU);

        for (var i = 0; i < GraphCapture.WarmUps; i++) capture.Replay(images, rank);
        Assert.Equal((0, 0), (backend.Captures, backend.Replays));
        var first = capture.Replay(images, rank);
        Assert.Equal((1, 1), (backend.Captures, backend.Replays));
        for (var i = 0; i < 5; i++) Assert.Same(first, capture.Replay(randn(3, 3, 16, 16), rand(3, 16)));
        Assert.Equal((1, 6), (backend.Captures, backend.Replays));
        Assert.Equal(0, backend.Depth);
    }

    [Fact]
    public void Inputs_of_another_shape_are_refused()
    {
        using var capture = new PredictMlpCapture(model, 3, CPU);

        var thrown = Assert.Throws<ArgumentException>(() => capture.Replay(randn(2, 3, 16, 16), rank));

        Assert.Contains("images has shape 2 3 16 16, expected 3 3 16 16", thrown.Message);
    }

    /// <summary>Buffers take the kind of what is given; what may be left out is what its declaration says, not zero.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Indices_conditions_and_defaults_reach_the_graph(bool graphs)
    {
        if (graphs) GraphCapture.BackendOverride = _ => new CountingBackend();
        const string body = "    [Graph(Capture = true)] [return: Shape(\"B K D\")] public Sym Look([Shape(\"B T D\")] Sym x, [Shape(\"B K\")] Sym index, [Shape(\"B K D\")] Sym isKept, double scale = 2.5, bool flipped = true)\n"
            + "    { var y = x.Gather(\"B [T] D\", index); y = Where(isKept, y * scale, y); if (flipped) y = -y; return y; }\n    [Graph] [return: Shape(\"B K D\")] public Sym Outer([Shape(\"B T D\")] Sym x, [Shape(\"B K\")] Sym index, [Shape(\"B K D\")] Sym isKept) => Look(x, index, isKept);";
        var (assembly, _) = CompiledModels.Compile("Author", [("Net.cs", CompiledModels.Module(body, "int D"))]);
        var net = CompiledModels.Make(assembly, "Test.Net", 3);
        var (x, index, kept) = (randn(2, 5, 3), tensor(new long[] { 4, 0, 1, 1 }).reshape(2, 2), rand(2, 2, 3).gt(0.5));
        var specified = ((Sym)CompiledModels.Call(net, "Look", Sym.Of(x, Run.Eval), Sym.Of(index, Run.Eval), Sym.Of(kept, Run.Eval))).Value;
        using var capture = (GraphCapture)Activator.CreateInstance(assembly.GetType("Test.LookCapture")!, net, 2L, 5L, 2L, CPU)!;

        for (var i = 0; i < GraphCapture.WarmUps + 2; i++) Assert.Equal(0, ((Tensor)CompiledModels.Call(capture, "Replay", x, index, kept) - specified).abs().max().item<float>());
        Assert.Equal(0, ((Tensor)CompiledModels.Call(net, "Look", x, index, kept) - specified).abs().max().item<float>());
        Assert.Equal(0, ((Tensor)CompiledModels.Call(net, "Outer", x, index, kept) - specified).abs().max().item<float>());
        if (graphs) Assert.Contains("captured graph was given Int64", Assert.Throws<ArgumentException>(() => CompiledModels.Call(capture, "Replay", x, rand(2, 2), kept)).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_left_behind(bool graphs)
    {
        if (graphs) GraphCapture.BackendOverride = _ => new CountingBackend();
        model.PredictMlp(images, rank).Dispose();
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        using (var capture = new PredictMlpCapture(model, 3, CPU))
            for (var i = 0; i < 6; i++) capture.Replay(images, rank);

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    private sealed class CountingBackend : ICaptureBackend
    {
        internal int Captures { get; private set; }

        internal int Replays { get; private set; }

        internal int Depth { get; private set; }

        public bool IsGraph => true;

        public IDisposable Enter()
        {
            Depth++;
            return new Left(this);
        }

        public ICapturedStep Capture(Action body, bool joinPool = false)
        {
            Assert.True(Depth > 0, "captures run on the capture stream");
            Captures++;
            body();
            return new Step(this);
        }

        public void Dispose() { }

        private sealed class Left(CountingBackend owner) : IDisposable
        {
            public void Dispose() => owner.Depth--;
        }

        private sealed class Step(CountingBackend owner) : ICapturedStep
        {
            public void Replay() => owner.Replays++;

            public void Dispose() { }
        }
    }
}
