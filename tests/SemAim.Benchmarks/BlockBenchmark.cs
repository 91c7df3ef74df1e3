using System.Diagnostics;
using System.Reflection;
using SemAim.Dsl;
using SemAim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Benchmarks;

/// <summary>
/// A block of ViT-B's size (T 197, D 768, H 12): emitted code beside the specification, forward and backward, in turns; tensors alive on the way;
/// two dense layers over one value beside one of both widths.
/// </summary>
internal static class BlockBenchmark
{
    private const int B = 8, T = 197, D = 768, H = 12, Rounds = 7;

    internal static int Run()
    {
        using var scope = NewDisposeScope();
        Speed();
        LiveTensors();
        ParallelLinears();
        return 0;
    }

    private static void Speed()
    {
        var wide = new Block(D, H, 4 * D);
        var planned = Narrow(new Block(D, H, 4 * D));
        var whole = new Block(D, H, 4 * D);
        whole.to(bfloat16);
        using var x = randn(B, T, D).requires_grad_(true);
        using var small = x.detach().to(bfloat16).requires_grad_(true);
        var times = Turns(
            ("specification, float32", () => Step(() => wide.Forward(Sym.Of(x, SemAim.Dsl.Run.Eval)).Value)),
            ("emitted, float32", () => Step(() => wide.Forward(x))),
            ("specification, everything bfloat16", () => Step(() => whole.Forward(Sym.Of(small, SemAim.Dsl.Run.Eval)).Value)),
            ("emitted, products bfloat16", () => Step(() => planned.Forward(x))));
        Console.WriteLine($"float32: emitted takes {times[1] / times[0]:F3} of the specification; bfloat16: {times[3] / times[2]:F3} of one that rounds everything, {times[3] / times[0]:F3} of the float32 one");
    }

    /// <summary>Handles of tensors: what libtorch keeps for the gradients has none.</summary>
    private static void LiveTensors()
    {
        var block = new Block(D, H, 4 * D);
        var planned = Narrow(new Block(D, H, 4 * D));
        using var x = randn(B, T, D).requires_grad_(true);
        foreach (var (name, forward) in new (string, Func<Tensor>)[]
        {
            ("specification", () => block.Forward(Sym.Of(x, SemAim.Dsl.Run.Eval)).Value),
            ("emitted, float32", () => block.Forward(x)),
            ("emitted, products bfloat16", () => planned.Forward(x)),
        })
        {
            long before = 0, peak = 0, kept = 0, after = 0;
            for (var round = 0; round < 3; round++)                 // the first makes what lives as long as the process
            {
                before = Tensor.TotalCount;
                using (NewDisposeScope())
                {
                    Peak.SetValue(null, before);
                    using var y = forward();
                    (peak, kept) = (Tensor.PeakCount - before, Tensor.TotalCount - before);
                    using var loss = y.sum();
                    loss.backward();
                }
                after = Tensor.TotalCount - before;
            }
            Console.WriteLine($"tensors alive, {name,-28} most during the forward pass {peak,3}, after it {kept,3}, after the step {after,3} more than before");
        }
    }

    private static readonly FieldInfo Peak = typeof(Tensor).GetField("_peakCount", BindingFlags.Static | BindingFlags.NonPublic) ?? throw new MissingFieldException("TorchSharp counts its peak elsewhere now");

    private static Block Narrow(Block block)
    {
        foreach (var slot in block.Slots().Where(s => s.IsProductWeight).ToList()) slot.Weight.Tensor = slot.Weight.Tensor.detach().to(bfloat16).requires_grad_(true);
        return block;
    }

    private static void Step(Func<Tensor> forward)
    {
        using var inner = NewDisposeScope();
        forward().sum().backward();
    }

    // medians of rounds that take turns, so that a slow moment of the machine meets all of them
    private static double[] Turns(params (string Name, Action Run)[] ways)
    {
        var times = ways.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < Rounds; round++)
            for (var i = 0; i < ways.Length; i++)
            {
                var watch = Stopwatch.StartNew();
                ways[i].Run();
                if (round > 0) times[i].Add(watch.Elapsed.TotalMilliseconds);
            }
        var medians = times.Select(t => t.Order().ElementAt(t.Count / 2)).ToArray();
        for (var i = 0; i < ways.Length; i++) Console.WriteLine($"  {ways[i].Name,-40} {medians[i],9:F1} ms");
        return medians;
    }

    // by the kernel that emitted code calls; the sum stands for whatever reads both
    private static void ParallelLinears()
    {
        using var memory = randn(B, T, D).requires_grad_(true);
        foreach (var type in new[] { float32, bfloat16 })
        {
            using var input = memory.detach().to(type).requires_grad_(true);
            Linear Layer(int rows)
            {
                var layer = new Linear(D, rows);
                foreach (var slot in layer.Slots().ToList()) slot.Weight.Tensor = slot.Weight.Tensor.detach().to(slot.IsProductWeight ? type : float32).requires_grad_(true);
                return layer;
            }
            var (k, v, both) = (Layer(D), Layer(D), Layer(2 * D));
            var times = Turns(
                ($"k and v, two products, {type}", () => Step(() => Kernels.Linear(input, k) + Kernels.Linear(input, v))),
                ($"k and v, one product, {type}", () => Step(() => Kernels.Linear(input, both) is var kv ? kv.narrow(2, 0, D) + kv.narrow(2, D, D) : kv)));
            Console.WriteLine($"{type}: one product takes {times[1] / times[0]:F3} of two");
        }
    }
}
