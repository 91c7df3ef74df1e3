using System.Diagnostics;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Capture;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Times pretraining steps of a published model with the README's objective, beside a large matrix product in the same process.</summary>
/// <param name="Model">its name</param>
/// <param name="BatchSize">pictures a step</param>
/// <param name="Narrow">products in bfloat16</param>
/// <param name="Order">of prediction</param>
/// <param name="Device">where it runs</param>
/// <param name="Steps">timed steps</param>
internal sealed record StepBenchmark(string Model, int BatchSize, bool Narrow, string Order, Device Device, int Steps)
{
    /// <summary>Runs steps on a fresh model, which is gone again on return.</summary>
    /// <param name="backend">captures, or calls</param>
    /// <param name="pictures">what steps are fed with, given the side of a picture; null: random pictures that stay</param>
    internal StepTimes Run(ICaptureBackend backend, Func<int, IStepPictures>? pictures = null)
    {
        random.manual_seed(0);
        using var model = ModelCatalogue.CreateAim(Model);
        model.to(Device);
        var order = Orders.Of(Order);
        using var objective = new PixelObjective(9, 1, normalise: true);
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), Narrow);
        using var optimizer = new ArenaAdamW(arena, new Dictionary<int, double> { [ParameterGroups.Undecayed] = 0, [ParameterGroups.Decayed] = 0.05 }, maxNorm: 3);
        using var feed = pictures?.Invoke(model.ImageSize) ?? new RandomPictures(BatchSize, model.ImageSize, Device);
        using var entered = backend.Enter();
        var marks = new List<double>();
        using var work = new PretrainStep(new(model, order, new EncoderGuidance(model, AttentionType.Cls, tokens: false, map: order.NeedsGuidance), objective, null), arena, optimizer, null, feed.Images, BatchSize, 1, backend)
        {
            Phase = backend.IsGraph ? null : () => marks.Add(Now()),
        };
        // a graph's steps cannot be looked into and need no looking: they are timed together
        var untimed = backend.IsGraph ? PretrainStep.WarmUps + 2 : 1;
        var phases = new List<double[]>();
        var walls = new List<double>();
        for (var step = 0; step < untimed + Steps; step++)
        {
            var wall = Stopwatch.StartNew();
            marks.Clear();
            marks.Add(Now());
            feed.Load();
            work.Begin();
            work.Micro(0, step, 0);
            work.Update(1e-4, 0);
            marks.Add(Now());
            if (step < untimed) continue;
            phases.Add([.. marks.Skip(1).Zip(marks, (a, b) => a - b)]);
            walls.Add(wall.Elapsed.TotalSeconds);
        }
        // the split is that of the median step, so that its parts add up to the whole
        var middle = phases.OrderBy(p => p.Sum()).ElementAt((Steps - 1) / 2);
        return new(Median(walls), middle, work.Loss.item<float>(), work.IsCaptured, arena.Specs.Sum(s => s.Count), FlopsPerPicture(model, order.NeedsGuidance));
    }

    /// <summary>The best of five large products: GFLOP per CPU second, and per second; and in float32 by oneDNN, the way that the step takes where the processor has the registers.</summary>
    /// <param name="side">of the square matrices</param>
    internal (double PerCpuSecond, double PerSecond, double? OneDnn) Product(int side)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var type = Narrow ? bfloat16 : float32;
        var (a, b) = (randn(side, side, device: Device).to(type), randn(side, side, device: Device).to(type));
        var work = 2.0 * side * side * side / 1e9;
        (double PerCpuSecond, double PerSecond) Best(Func<Tensor> product)
        {
            var best = (0.0, 0.0);
            for (var i = 0; i < 6; i++)
            {
                Synchronise();
                var (cpu, wall) = (Cpu(), Stopwatch.StartNew());
                product().Dispose();
                Synchronise();
                if (i > 0) best = (Math.Max(best.Item1, work / Math.Max(1e-6, Cpu() - cpu)), Math.Max(best.Item2, work / wall.Elapsed.TotalSeconds));
            }
            return best;
        }
        var library = Best(() => a.matmul(b));
        return (library.PerCpuSecond, library.PerSecond, Narrow || Device.type != DeviceType.CPU || !Runtime.Native.OneDnn.IsAvailable ? null : Best(() => Runtime.Native.OneDnn.Product(a, b, null)).PerCpuSecond);
    }

    /// <summary>Floating-point operations of products for one picture: two per multiply-add, backward twice the forward, attention counted full although causal.</summary>
    internal static double FlopsPerPicture(AimViT model, bool guided)
    {
        var products = model.Slots().Where(s => s.Weight.Tensor.dim() == 2).ToList();
        double Weights(string prefix) => products.Where(s => s.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(s => (double)s.Weight.Tensor.numel());
        double patches = Math.Pow(model.ImageSize / model.PatchSize, 2), tokens = patches + 1;
        double channels = model.Slots().First(s => s.Name == "cls_token").Weight.Tensor.numel();
        double embedding = 3.0 * model.PatchSize * model.PatchSize * channels * patches, attention = 2 * tokens * tokens * channels;
        double encoder = Weights("blocks.") * tokens + embedding + attention * model.EncoderBlocks;
        double pass = Weights("") * tokens + embedding + attention * (model.EncoderBlocks + model.QueryBlocks);
        return 2 * (3 * pass + (guided ? encoder : 0));
    }

    // processor seconds where the processor computes, seconds where it only waits
    private double Now()
    {
        if (Device.type == DeviceType.CPU) return Cpu();
        Synchronise();
        return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
    }

    private void Synchronise()
    {
        if (Device.type == DeviceType.CUDA) cuda.synchronize(Device);
    }

    private static double Cpu() => Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;

    private static double Median(IReadOnlyCollection<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private sealed class RandomPictures(int rows, int size, Device device) : IStepPictures
    {
        private readonly Tensor pictures = randn(rows, 3, size, size, device: device).DetachFromDisposeScope();

        public void Load() { }

        public Tensor Images() => pictures.alias();

        public void Dispose() => pictures.Dispose();
    }
}

/// <summary>What the steps of a benchmark are fed with.</summary>
internal interface IStepPictures : IDisposable
{
    /// <summary>Puts the next pictures in place.</summary>
    void Load();

    /// <summary>B × 3 × S × S, normalised, fresh.</summary>
    Tensor Images();
}

/// <summary>What was measured.</summary>
/// <param name="Seconds">of a step, median</param>
/// <param name="Split">processor seconds (on a GPU: seconds) of guidance, forward, backward and optimiser in the median step; of a captured step, one number</param>
/// <param name="Loss">after the last step</param>
/// <param name="Captured">steps were replayed as graphs</param>
/// <param name="Parameters">trained weights</param>
/// <param name="FlopsPerPicture">of products</param>
internal sealed record StepTimes(double Seconds, double[] Split, double Loss, bool Captured, long Parameters, double FlopsPerPicture);
