using System.Diagnostics;
using SemAim.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Benchmarks;

/// <summary>The matrix products of a ViT-B step at batch 8, by oneDNN directly / by the library's operation, beside the large square one; GFLOP per CPU second.</summary>
internal static class ProductBenchmark
{
    internal static int Run(string[] args)
    {
        using var guard = no_grad();
        var threads = args.Length > 0 ? int.Parse(args[0]) : 2;
        set_num_threads(threads);
        foreach (var type in new[] { bfloat16, float32 })
        {
            using (var scope = NewDisposeScope())
            {
                var (a, b) = (randn(4096, 4096).to(type), randn(4096, 4096).to(type));
                Console.WriteLine($"{type}: 4096 matmul {Rate(() => a.matmul(b).Dispose(), 2.0 * 4096 * 4096 * 4096, 5):F0}, oneDNN {Rate(() => OneDnn.Product(a, b, null).Dispose(), 2.0 * 4096 * 4096 * 4096, 5):F0} GFLOP per CPU second");
            }
            foreach (var (m, k, n) in new[] { (1576L, 768L, 768L), (1576, 768, 2304), (1576, 768, 3072), (1576, 3072, 768), (1568, 768, 3072), (1568, 3072, 768), (1568, 768, 768) })
            {
                using var scope = NewDisposeScope();
                var (x, w, bias, g) = (randn(m, k).to(type), randn(n, k).to(type), randn(n).to(type), randn(m, n).to(type));
                var flop = 2.0 * m * k * n;
                var wt = w.t();
                var (gt, xt) = (g.t(), x.t());
                Console.WriteLine($"  {m} {k} -> {n}: forward {Rate(() => OneDnn.Product(x, w, bias).Dispose(), flop),4:F0} / {Rate(() => nn.functional.linear(x, w, bias).Dispose(), flop),4:F0}; dx {Rate(() => OneDnn.Product(g, wt, null).Dispose(), flop),4:F0} / {Rate(() => g.matmul(w).Dispose(), flop),4:F0}; dw {Rate(() => OneDnn.Product(gt, xt, null).Dispose(), flop),4:F0} / {Rate(() => gt.matmul(x).Dispose(), flop),4:F0}");
            }
        }
        return 0;
    }

    private static double Rate(Action product, double flop, int rounds = 15)
    {
        product();
        var times = new List<double>();
        for (var i = 0; i < rounds; i++)
        {
            var before = Cpu();
            var n = 0;
            do { product(); n++; } while (Cpu() - before < 0.1);
            times.Add((Cpu() - before) / n);
        }
        return flop / times.Order().ElementAt(rounds / 4) / 1e9;
    }

    private static double Cpu() => Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
}
