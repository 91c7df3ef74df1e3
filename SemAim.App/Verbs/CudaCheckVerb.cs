using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using CommandLine;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Capture;
using SemAim.Runtime.Native;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Verbs;

/// <summary>
/// <c>semaim cuda-check</c>, which tests/cuda/cuda-check.sh runs on a machine with a GPU: is a step there the step of a CPU, what does it cost, and what do graphs save? One JSON
/// object as the last line says it, also where there is no GPU.
/// </summary>
[Verb("cuda-check", Hidden = true, HelpText = "Compare a small model's step on the GPU with the CPU's, and time aim_base's step in bf16 with and without graph capture.")]
internal sealed class CudaCheckVerb : IVerb
{
    // Relative; bf16 rounds to 3 decimal digits, and convolutions on a GPU may use TF32 in fp32. Between fp32 and bf16 on a CPU the gradients of such a model differ by 6e-3.
    private static readonly (PrecisionChoice Precision, double Loss, double Gradient)[] Limits = [(PrecisionChoice.Fp32, 1e-4, 5e-3), (PrecisionChoice.Bf16, 2e-2, 5e-2)];

    [Option("rehearse", Default = false, HelpText = "Do everything on the CPU with aim_tiny: shows that the check itself works, not what a GPU does.")]
    public bool Rehearse { get; set; }

    [Option("batch_size", Default = 64, HelpText = "Pictures a step.")]
    public int BatchSize { get; set; }

    [Option("steps", Default = 20, HelpText = "Timed steps.")]
    public int Steps { get; set; }

    // names nothing of the libraries below, which load libtorch before the first line of a method that does
    public int Run()
    {
        var said = new JsonObject { ["cuda"] = false };
        string native;
        try { native = Native(); }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or BadImageFormatException)
        {
            return Missing(said, $"libtorch does not load: {(e.InnerException ?? e).Message}");
        }
        said["libtorch"] = native;
        try { return Compare(said); }
        // whatever a driver or library does on an unknown machine, what was found out before is told
        catch (Exception e) when (e is RefusedException or System.Runtime.InteropServices.ExternalException or InvalidOperationException or IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            return Missing(said, e.Message.Split('\n')[0]);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Compare(JsonObject said)
    {
        if (BatchSize < 1) throw new UsageException($"--batch_size {BatchSize}: at least 1");
        if (Steps < 1) throw new UsageException($"--steps {Steps}: at least 1");
        if (!Rehearse && !cuda.is_available()) return Missing(said, $"this libtorch sees no GPU: {(File.Exists("/dev/nvidiactl") ? "there is an NVIDIA driver, so the libtorch has no CUDA or an older one than the driver" : "there is no NVIDIA driver (/dev/nvidiactl)")}");
        var device = Rehearse ? CPU : new Device(DeviceType.CUDA, 0);
        said["cuda"] = !Rehearse;
        said["gpu"] = Rehearse ? null : Gpu();
        var parity = new JsonObject();
        var passed = true;
        foreach (var (precision, loss, gradient) in Limits)
        {
            var narrow = precision == PrecisionChoice.Bf16;
            var (one, other) = (Gradients(CPU, narrow), Gradients(device, narrow));
            var (lossOff, gradientOff) = (Math.Abs(one.Loss - other.Loss) / Math.Abs(one.Loss), Distance(one.Gradients, other.Gradients));
            var good = lossOff <= loss && gradientOff <= gradient;
            passed &= good;
            parity[precision.ToString().ToLowerInvariant()] = new JsonObject { ["loss_difference"] = lossOff, ["gradient_difference"] = gradientOff, ["loss_limit"] = loss, ["gradient_limit"] = gradient, ["passed"] = good };
            Console.Error.WriteLine($"parity in {precision.ToString().ToLowerInvariant()}: loss differs by {lossOff:E2}, gradients by {gradientOff:E2} (relative): {(good ? "good" : "too much")}");
        }
        said["parity"] = parity;

        var benchmark = Rehearse ? new StepBenchmark("aim_tiny", Math.Min(BatchSize, 4), true, "attention_center", device, Math.Min(Steps, 2)) : new StepBenchmark("aim_base", BatchSize, true, "attention_center", device, Steps);
        var reference = benchmark.Product(Rehearse ? 512 : 8192).PerSecond;
        using var plain = new EagerBackend();
        var called = benchmark.Run(plain);
        said["step"] = Timed(benchmark, called, reference);
        Console.Error.WriteLine($"{benchmark.Model}, batch {benchmark.BatchSize}, bf16, called: {called.Seconds * 1000:F1} ms a step");
        var graphs = new JsonObject { ["captured"] = false };
        var reason = "";
        ICaptureBackend? backend = Rehearse ? new EagerBackend() : CudaGraphBackend.TryCreate(0, out reason);
        if (backend is null) graphs["reason"] = reason;
        else
            using (backend)
                try
                {
                    var replayed = benchmark.Run(backend);
                    graphs = Timed(benchmark, replayed, reference);
                    graphs["captured"] = replayed.Captured;
                    Console.Error.WriteLine($"the same, {(replayed.Captured ? "replayed as graphs" : "called again")}: {replayed.Seconds * 1000:F1} ms a step");
                }
                catch (Exception e) when (e is RefusedException or System.Runtime.InteropServices.ExternalException)
                {
                    graphs["reason"] = e.Message;
                }
        said["step_with_graphs"] = graphs;
        said["passed"] = passed;
        Console.Out.WriteLine(said.ToJsonString());
        return passed ? ExitCodes.Done : ExitCodes.Failed;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Native() => NativeStart.Ensure();

    private static int Missing(JsonObject said, string reason)
    {
        said["error"] = reason;
        Console.Error.WriteLine($"semaim: {reason}");
        Console.Out.WriteLine(said.ToJsonString());
        return ExitCodes.Failed;
    }

    private static JsonObject Timed(StepBenchmark benchmark, StepTimes times, double reference)
    {
        var gflops = times.FlopsPerPicture * benchmark.BatchSize / 1e9 / times.Seconds;
        return new()
        {
            ["model"] = benchmark.Model,
            ["batch_size"] = benchmark.BatchSize,
            ["precision"] = "bf16",
            ["seconds"] = times.Seconds,
            ["images_per_second"] = benchmark.BatchSize / times.Seconds,
            ["gflops"] = gflops,
            ["gemm_gflops"] = reference,
            ["utilisation"] = gflops / reference,
            ["loss"] = times.Loss,
        };
    }

    // a small model's step, from the same weights, pictures and order on every device; the order reads no map, so that rounding cannot change it
    private static (double Loss, float[] Gradients) Gradients(Device device, bool narrow)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        using var model = new AimViT(S: 64, P: 8, D: 96, H: 3, L: 4, Q: 2, O: 192);
        var pictures = randn(4, 3, 64, 64);
        model.to(device);
        using var objective = new PixelObjective(9, 1, normalise: true);
        using var arena = new ParameterArena(model, slot => ParameterGroups.Pretraining(slot), narrow);
        using var optimizer = new ArenaAdamW(arena, new Dictionary<int, double> { [ParameterGroups.Undecayed] = 0, [ParameterGroups.Decayed] = 0.05 });
        var there = pictures.to(device);
        using var plain = new EagerBackend();
        using var step = new PretrainStep(new(model, Orders.Of("stochastic"), new NoGuidance(), objective, null), arena, optimizer, null, () => there.alias(), 4, 1, plain);
        step.Begin();
        step.Micro(5, 0, 0);
        return (step.Loss.item<float>(), arena.Gradients.to(CPU).data<float>().ToArray());
    }

    private static double Distance(float[] a, float[] b)
    {
        double apart = 0, size = 0;
        for (var i = 0; i < a.Length; i++)
        {
            apart += Math.Pow(a[i] - (double)b[i], 2);
            size += Math.Pow(a[i], 2);
        }
        return Math.Sqrt(apart / size);
    }

    // the driver tells; libtorch's binding does not
    private static string? Gpu()
    {
        const string folder = "/proc/driver/nvidia/gpus";
        if (!Directory.Exists(folder)) return null;
        return Directory.GetFiles(folder, "information", SearchOption.AllDirectories).Order(StringComparer.Ordinal).SelectMany(File.ReadLines)
            .Select(l => l.Split(':', 2)).Where(p => p.Length == 2 && p[0].Trim() == "Model").Select(p => p[1].Trim()).FirstOrDefault();
    }
}
