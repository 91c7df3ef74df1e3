using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Capture;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests;

/// <summary>A whole step on memory that stays, called and replayed.</summary>
[Collection("live tensors")]
public sealed class PretrainStepTests
{
    private const int Rows = 3;

    public PretrainStepTests() => set_num_threads(1);

    [Theory]
    [InlineData("attention_center", true, 1, true)]
    [InlineData("stochastic", false, 2, false)]
    public void Steps_that_are_replayed_are_those_that_are_called(string order, bool narrow, int accumulation, bool average)
    {
        var graphs = new Recorder();
        var (called, replayed) = (Train(new EagerBackend(), order, narrow, accumulation, average), Train(graphs, order, narrow, accumulation, average));

        Assert.Equal(called.Weights, replayed.Weights);
        Assert.Equal(called.Losses, replayed.Losses);
        Assert.Equal((false, true), (called.Captured, replayed.Captured));
        // three plain steps, then one capture of each part, and one replay a micro-batch and an update
        Assert.Equal((2, (Steps - PretrainStep.WarmUps) * (accumulation + 1)), (graphs.Captures, graphs.Replays));
        Assert.True(graphs.JoinsPool, "the update is replayed after the micro-batches, from their pool");
    }

    [Fact]
    public void No_memory_moves_and_no_tensor_is_left_between_steps()
    {
        using var scope = NewDisposeScope();
        var counts = new List<long>();
        var places = new List<string>();

        Train(new EagerBackend(), "attention_center", true, 1, true, (arena, step) =>
        {
            counts.Add(DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            places.Add(string.Join(' ', new[] { arena.Weights, arena.Gradients, arena.FirstMoment, arena.SecondMoment, step.Loss }.Select(Place)));
        });

        Assert.Single(counts.Skip(1).Distinct());
        Assert.Single(places.Distinct());
    }

    [Fact]
    public void A_map_that_is_not_finite_is_a_flaw_of_that_step_alone()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        using var model = Model();
        using var objective = new PixelObjective();
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), narrow: false);
        using var optimizer = Optimizer(arena);
        var pictures = randn(Rows, 3, 32, 32);
        var sick = true;
        using var step = new PretrainStep(new(model, Orders.Of("attention_center"), new Sometimes(() => sick), objective, null), arena, optimizer, null, () => pictures.alias(), Rows, 1, new EagerBackend());
        var before = arena.Weights.clone();
        void Once()
        {
            step.Begin();
            step.Micro(1, 0, 0);
            step.Update(1e-2, 0);
        }

        Once();
        Assert.True(float.IsNaN(step.Flaw.item<float>()));
        Assert.Equal(1, optimizer.LastSkipped.item<float>());
        Assert.True(arena.Weights.equal(before).all().item<bool>());

        sick = false;
        Once();
        Assert.Equal(0, step.Flaw.item<float>());
        Assert.Equal(0, optimizer.LastSkipped.item<float>());
        Assert.False(arena.Weights.equal(before).all().item<bool>());
    }

    private const int Steps = 8;

    private static AimViT Model(double dropPath = 0) => new(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192, dropPath: dropPath);

    private static ArenaAdamW Optimizer(ParameterArena arena) => new(arena, new Dictionary<int, double> { [ParameterGroups.Undecayed] = 0, [ParameterGroups.Decayed] = 0.05 }, maxNorm: 1);

    private static unsafe string Place(Tensor t)
    {
        fixed (byte* p = t.bytes) return $"{(nint)p:x}";
    }

    // pictures, learning rate and decay change with every step
    private static (float[] Weights, List<float> Losses, bool Captured) Train(ICaptureBackend backend, string order, bool narrow, int accumulation, bool average, Action<ParameterArena, PretrainStep>? after = null)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        using var model = Model(0.3);
        using var teacher = Model(0.3);
        teacher.eval();
        using var objective = new PixelObjective(3, 1);
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), narrow);
        using var optimizer = Optimizer(arena);
        using var kept = average ? new ExponentialMovingAverage(arena) : null;
        kept?.Attach(teacher);
        var pictures = randn([Steps * accumulation, Rows, 3, 32, 32]);
        var place = zeros(Rows, 3, 32, 32);
        using var step = new PretrainStep(new(model, Orders.Of(order), new EncoderGuidance(average ? teacher : model, AttentionType.Cls, tokens: false, map: Orders.Of(order).NeedsGuidance), objective, null), arena, optimizer, kept, () => place.alias(), Rows, accumulation, backend);
        var losses = new List<float>();
        for (var i = 0; i < Steps; i++)
        {
            step.Begin();
            for (var micro = 0; micro < accumulation; micro++)
            {
                using var next = pictures.select(0, i * accumulation + micro);
                using (no_grad()) place.copy_(next);
                step.Micro(7, i, micro);
            }
            step.Update(1e-2 / (i + 1), 0.9 + i * 0.01);
            losses.Add(step.Loss.item<float>());
            after?.Invoke(arena, step);
        }
        return (arena.Weights.data<float>().ToArray(), losses, step.IsCaptured);
    }

    private sealed class Sometimes(Func<bool> sick) : IGuidance
    {
        public (Tensor? Tokens, Tensor? Map) Look(Tensor images)
        {
            var map = rand(images.size(0), 16);
            if (sick()) map[0, 3] = float.NaN;
            return (null, map);
        }
    }

    // a device with graphs, as far as a processor can be one: what was captured runs again at each replay
    private sealed class Recorder : ICaptureBackend
    {
        internal int Captures { get; private set; }

        internal int Replays { get; private set; }

        internal bool JoinsPool { get; private set; }

        public bool IsGraph => true;

        public IDisposable Enter() => new Nothing();

        public ICapturedStep Capture(Action body, bool joinPool = false)
        {
            Captures++;
            JoinsPool |= joinPool;
            return new Step(this, body);
        }

        public void Dispose() { }

        private sealed class Nothing : IDisposable
        {
            public void Dispose() { }
        }

        private sealed class Step(Recorder owner, Action body) : ICapturedStep
        {
            public void Replay()
            {
                owner.Replays++;
                body();
            }

            public void Dispose() { }
        }
    }
}
