using System.Text.Json;
using SemAim.Dsl;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Optim;

/// <summary>Optimisers, schedule and average against what the original recorded (golden kinds lars, lr_schedule, ema_decay).</summary>
[Trait("Category", "Golden")]
public sealed class GoldenOptimTests
{
    [GoldenTheory("lars*.safetensors"), GoldenFiles, GoldenKind("lars*.safetensors")]
    public void Lars_moves_every_kind_of_weight_as_the_original_does(string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(GoldenFolder.Path, name));
        foreach (var (setting, text) in file.Metadata.Where(m => file.Names.Any(n => n.StartsWith(m.Key + ".", StringComparison.Ordinal))))
        {
            using var scope = NewDisposeScope();
            using var json = JsonDocument.Parse(text);
            double Number(string key) => json.RootElement.GetProperty(key).GetDouble();
            var weights = file.Names.Where(n => n.StartsWith(setting + ".", StringComparison.Ordinal) && n.EndsWith(".0", StringComparison.Ordinal)).Select(n => n.Split('.')[1]).ToList();
            using var bag = new Bag(weights.ToDictionary(w => w, w => file.Read($"{setting}.{w}.0")));
            using var arena = new ParameterArena(bag, _ => 0, narrow: false);
            using var lars = new ArenaLars(arena, new Dictionary<int, double> { [0] = Number("weight_decay") }, Number("momentum"), Number("trust_coefficient"));
            lars.SetLearningRate(0, Number("lr"));
            for (var step = 1; file.Names.Contains($"{setting}.{weights[0]}.{step}"); step++)
            {
                using (no_grad()) foreach (var w in weights) arena.View(arena.Gradients, w).copy_(file.Read($"{setting}.{w}.grad.{step}"));
                lars.Step();
                foreach (var w in weights)
                {
                    var want = file.Read($"{setting}.{w}.{step}");
                    var far = (arena.View(arena.Weights, w) - want).abs().max().item<float>();
                    GoldenReport.Within("lars*.safetensors", $"{name} {setting}.{w} after step {step}", "weights", far / Math.Max(1, want.abs().max().item<float>()), 1e-6);
                }
            }
            Assert.True(lars.StepCount.item<float>() > 0);
        }
    }

    [GoldenTheory("lr_schedule*.json"), GoldenFiles, GoldenKind("lr_schedule*.json")]
    public void Rates_are_the_originals(string name)
    {
        foreach (var c in Json(name).EnumerateArray())
        {
            var schedule = new LearningRateSchedule(c.GetProperty("lr").GetDouble(), c.GetProperty("min_lr").GetDouble(), c.GetProperty("warmup_epochs").GetDouble(), c.GetProperty("epochs").GetDouble());
            foreach (var row in c.GetProperty("rows").EnumerateArray()) GoldenReport.Within("lr_schedule*.json", name, "rates", Math.Abs(row[1].GetDouble() - schedule.At(row[0].GetDouble())), 1e-12);
        }
    }

    [GoldenTheory("ema_decay*.json"), GoldenFiles, GoldenKind("ema_decay*.json")]
    public void The_decay_of_the_average_is_the_originals(string name)
    {
        foreach (var row in Json(name).EnumerateArray()) GoldenReport.Within("ema_decay*.json", name, "decays", Math.Abs(row[1].GetDouble() - ExponentialMovingAverage.Decay(row[0].GetInt64())), 1e-12);
    }

    private static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name))).RootElement;

    private sealed class Bag(Dictionary<string, Tensor> values) : GraphModule
    {
        protected override void RegisterLayers()
        {
            foreach (var (name, value) in values) Register(name, new Weight([.. value.shape.Select(d => (int)d)], t => t.copy_(value)));
        }
    }
}
