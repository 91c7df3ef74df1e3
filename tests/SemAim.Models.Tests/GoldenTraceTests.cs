using System.Text.Json;
using SemAim.Models.Orders;
using SemAim.Runtime.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Short trainings against what the original recorded (golden kinds train_t, curve_).</summary>
[Trait("Category", "Golden")]
public sealed class GoldenTraceTests
{
    [GoldenTheory("train_t*.safetensors"), GoldenFiles, GoldenKind("train_t*.safetensors")]
    public void A_short_training_repeats_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        var run = new PlainTraining(golden);
        var losses = golden["iter_loss"].data<float>().ToArray();

        run.Steps(losses.Length);

        for (var i = 0; i < losses.Length; i++) Assert.True(Math.Abs(losses[i] - run.Losses[i]) < 1e-5, $"iteration {i}: {run.Losses[i]}, recorded {losses[i]}");
        var norms = golden["grad_norm"].data<float>().ToArray();
        for (var i = 0; i < norms.Length; i++) Assert.Equal(1, run.Norms[i] / norms[i], 1e-4);
        var rates = golden["lr"].data<double>().ToArray();
        for (var i = 0; i < rates.Length; i++) Assert.Equal(rates[i], run.Rates[i], 1e-12);
        Assert.Equal(golden["first_patch"].to(int64).data<long>().ToArray(), run.FirstPatches);
        AssertState(golden, run.Model, "final.", "fdig.");
        if (run.Ema is not null) AssertState(golden, run.Ema, "efinal.", "edig.");
    }

    [GoldenTheory("curve_*.safetensors"), GoldenFiles, GoldenKind("curve_*.safetensors")]
    public void A_loss_curve_stays_within_three_times_its_own_rounding_drift(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        var run = new PlainTraining(golden);
        var losses = golden["loss"].data<float>().ToArray();
        var drift = Math.Max(1e-6, 3 * GoldenCase.Far(golden["loss"], golden["loss_f64"]));

        run.Steps(losses.Length);

        for (var i = 0; i < losses.Length; i++) Assert.True(Math.Abs(losses[i] - run.Losses[i]) <= drift, $"step {i}: {run.Losses[i]}, recorded {losses[i]}, allowed {drift}");
    }

    private static void AssertState(GoldenCase golden, SemAim.Dsl.GraphModule model, string whole, string sampled)
    {
        var compared = 0;
        foreach (var (name, weight) in model.named_parameters())
        {
            if (name.EndsWith("attn.k.bias", StringComparison.Ordinal) || name.EndsWith("attn.qkv.bias", StringComparison.Ordinal)) continue;
            if (golden.Has(whole + name)) Assert.True(GoldenCase.Far(weight, golden[whole + name]) < 1e-4, name);
            else if (golden.Has(sampled + name)) Assert.True(GoldenCase.Far(GoldenCase.Digest(weight), golden[sampled + name].narrow(0, 0, golden[sampled + name].numel() - 3)) < 1e-4, name);
            else continue;
            compared++;
        }
        Assert.True(compared > 10);
    }

    /// <summary>The original's loop, plainly: AdamW in float32, guidance before each pass, clipping, accumulation, averaged copy.</summary>
    private sealed class PlainTraining
    {
        private readonly GoldenCase golden;
        private readonly JsonElement config;
        private readonly Tensor images, noise;
        private readonly IOrder order;
        private readonly LearningRateSchedule schedule;
        private readonly List<(string Name, Tensor Weight, Tensor First, Tensor Second, double Decay)> weights = [];
        private readonly int perEpoch, accumulate;
        private readonly double clip, beta1, beta2, eps;
        private int updates;

        internal AimViT Model { get; }
        internal AimViT? Ema { get; }
        internal List<double> Losses { get; } = [];
        internal List<double> Norms { get; } = [];
        internal List<double> Rates { get; } = [];
        internal List<long> FirstPatches { get; } = [];

        internal PlainTraining(GoldenCase golden)
        {
            this.golden = golden;
            config = golden.Json("config");
            var train = golden.Json("train");
            double Number(string key, double otherwise) => train.TryGetProperty(key, out var v) ? v.GetDouble() : otherwise;
            images = GoldenCase.Images(golden.Text("images")!);
            noise = golden.Has("noise") ? golden["noise"] : zeros(1, images.size(0), 1);
            Model = GoldenCase.Model(golden.Text("weights")!, golden.Heads, images.size(2));
            if (train.TryGetProperty("use_ema_model", out var ema) && ema.GetBoolean()) Ema = GoldenCase.Model(golden.Text("weights")!, golden.Heads, images.size(2));
            order = Orders.Orders.Of(config.GetProperty("permutation_type").GetString()!);
            schedule = new(Number("lr", 0), Number("min_lr", 0), Number("warmup_epochs", 0), Number("epochs", 1));
            (perEpoch, accumulate) = (golden.Json("iterations_per_epoch").GetInt32(), (int)Number("accum_iter", 1));
            clip = golden.Json("clip_grad").ValueKind == JsonValueKind.Number ? golden.Json("clip_grad").GetDouble() : double.PositiveInfinity;
            (beta1, beta2, eps) = (golden.Json("betas")[0].GetDouble(), golden.Json("betas")[1].GetDouble(), golden.Json("eps").GetDouble());
            var decay = golden.Json("weight_decay").GetDouble();
            foreach (var slot in Model.Slots().Where(s => s.IsTrained))
                weights.Add((slot.Name, slot.Weight.Tensor, zeros_like(slot.Weight.Tensor), zeros_like(slot.Weight.Tensor), ParameterGroups.Pretraining(slot) == ParameterGroups.Decayed ? decay : 0));
        }

        internal void Steps(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var scope = NewDisposeScope();
                if (i % accumulate == 0) Rates.Add(schedule.At((double)(i % perEpoch) / perEpoch + i / perEpoch));
                var guided = Ema ?? Model;
                Tensor rank, tokens;
                using (no_grad())
                {
                    var (encoded, cls) = guided.Encode(images);
                    tokens = encoded;
                    var map = config.TryGetProperty("attention_type", out var type) ? type.GetString() switch { "gap" => guided.EncodeGap(images).Item2, "self" => guided.SelfAttentionMap(images), _ => cls } : cls;
                    var own = noise[i % noise.size(0)].reshape(images.size(0), -1);
                    rank = order.Rank(map, own, GoldenCase.Grid(Model));
                    FirstPatches.AddRange(rank.argmin(1).data<long>().ToArray());
                }
                // sorted streams are the faster path, and exact where no two patches tie
                var apart = rank.sort(1).Values.diff(1, 1).gt(0).all().item<bool>();
                var predicted = apart ? Model.Predict(images, rank) : Model.PredictTied(images, rank);
                var (loss, _) = GoldenCase.Loss(config, Model, predicted, images, () => tokens.alias());
                Losses.Add(loss.item<float>());
                (loss / accumulate).backward();
                if ((i + 1) % accumulate == 0) Update(i / perEpoch);
            }
        }

        private void Update(int epoch)
        {
            using var guard = no_grad();
            using var scope = NewDisposeScope();
            updates++;
            var norm = Math.Sqrt(weights.Sum(w => w.Weight.grad!.to(float64).square().sum().item<double>()));
            Norms.Add(norm);
            var scale = Math.Min(1, clip / (norm + 1e-6));
            var rate = Rates[^1];
            foreach (var w in weights)
            {
                var g = w.Weight.grad! * scale;
                w.Weight.mul_(1 - rate * w.Decay);
                w.First.mul_(beta1).add_(g, 1 - beta1);
                w.Second.mul_(beta2).addcmul_(g, g, 1 - beta2);
                var root = (w.Second.sqrt() / Math.Sqrt(1 - Math.Pow(beta2, updates))).add_(eps);
                w.Weight.addcdiv_(w.First, root, -rate / (1 - Math.Pow(beta1, updates)));
            }
            Model.zero_grad();
            if (Ema is null) return;
            var kept = epoch < 100 ? 0.999 + epoch / 100.0 * 0.0009 : 0.9999;
            foreach (var (mean, now) in Ema.Slots().Zip(Model.Slots())) mean.Weight.Tensor.mul_(kept).add_(now.Weight.Tensor, 1 - kept);
        }
    }
}
