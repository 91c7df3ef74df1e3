using System.Text.Json;
using SemAim.Models.Orders;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Short trainings against what the original recorded (golden kinds train_t, curve_).</summary>
[Trait("Category", "Golden")]
public sealed class GoldenTraceTests
{
    private const string Traces = "train_t*.safetensors", Curves = "curve_*.safetensors";

    [GoldenTheory("train_t*.safetensors"), GoldenFiles, GoldenKind("train_t*.safetensors")]
    public void A_short_training_repeats_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        using var run = new RecordedTraining(golden);
        var losses = golden["iter_loss"].data<float>().ToArray();

        run.Steps(losses.Length);

        GoldenReport.Within(Traces, name, "losses", losses.Select((l, i) => Math.Abs(l - run.Losses[i])).Max(), 1e-5);
        var norms = golden["grad_norm"].data<float>().ToArray();
        GoldenReport.Within(Traces, name, "norms", norms.Select((n, i) => Math.Abs(run.Norms[i] / n - 1)).Max(), 1e-4);
        var rates = golden["lr"].data<double>().ToArray();
        GoldenReport.Within(Traces, name, "rates", rates.Select((r, i) => Math.Abs(r - run.Rates[i])).Max(), 1e-12);
        Assert.Equal(golden["first_patch"].to(int64).data<long>().ToArray(), run.FirstPatches);
        AssertState(name, golden, run.Model, "final.", "fdig.");
        if (run.Ema is not null) AssertState(name, golden, run.Ema, "efinal.", "edig.");
        foreach (var moment in golden.Names.Where(n => n.StartsWith("opt.", StringComparison.Ordinal)))
        {
            var weight = moment[4..moment.LastIndexOf('.')];
            // the gradient of a key bias is rounding, and so are its moments
            if (weight.EndsWith("attn.k.bias", StringComparison.Ordinal) || weight.EndsWith("attn.qkv.bias", StringComparison.Ordinal)) continue;
            var own = run.Arena.View(moment.EndsWith("_sq", StringComparison.Ordinal) ? run.Arena.SecondMoment : run.Arena.FirstMoment, weight);
            var want = golden[moment];
            var (entries, norm) = (want.narrow(0, 0, want.numel() - 3), want[-3].item<float>());
            GoldenReport.Within(Traces, name, "moments", (GoldenCase.Digest(own) - entries).norm().item<float>() / Math.Max(norm, 1e-12), 1e-3);
        }
    }

    [GoldenTheory("curve_*.safetensors"), GoldenFiles, GoldenKind("curve_*.safetensors")]
    public void A_loss_curve_stays_within_three_times_its_own_rounding_drift(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenCase.Open(name);
        using var run = new RecordedTraining(golden);
        var losses = golden["loss"].data<float>().ToArray();
        var drift = Math.Max(1e-6, 3 * GoldenCase.Far(golden["loss"], golden["loss_f64"]));

        run.Steps(losses.Length);

        GoldenReport.Within(Curves, name, "losses", losses.Select((l, i) => Math.Abs(l - run.Losses[i])).Max(), drift);
    }

    private static void AssertState(string file, GoldenCase golden, SemAim.Dsl.GraphModule model, string whole, string sampled)
    {
        var compared = 0;
        foreach (var (name, weight) in model.named_parameters())
        {
            if (name.EndsWith("attn.k.bias", StringComparison.Ordinal) || name.EndsWith("attn.qkv.bias", StringComparison.Ordinal)) continue;
            if (golden.Has(whole + name)) GoldenReport.Within(Traces, file, "weights", GoldenCase.Far(weight, golden[whole + name]), 1e-4);
            else if (golden.Has(sampled + name)) GoldenReport.Within(Traces, file, "weights", GoldenCase.Far(GoldenCase.Digest(weight), golden[sampled + name].narrow(0, 0, golden[sampled + name].numel() - 3)), 1e-4);
            else continue;
            compared++;
        }
        Assert.True(compared > 10);
    }

    /// <summary>The original's loop with the parts of the real one: arena, fused AdamW, schedule, guidance, average. Orders and noise are the recorded ones.</summary>
    private sealed class RecordedTraining : IDisposable
    {
        private readonly JsonElement config;
        private readonly Tensor images, noise;
        private readonly IOrder order;
        private readonly LearningRateSchedule schedule;
        private readonly ArenaAdamW optimizer;
        private readonly ExponentialMovingAverage? average;
        private readonly IGuidance guidance;
        private readonly int perEpoch, accumulate;

        internal AimViT Model { get; }
        internal AimViT? Ema { get; }
        internal ParameterArena Arena { get; }
        internal List<double> Losses { get; } = [];
        internal List<double> Norms { get; } = [];
        internal List<double> Rates { get; } = [];
        internal List<long> FirstPatches { get; } = [];

        internal RecordedTraining(GoldenCase golden)
        {
            config = golden.Json("config");
            var train = golden.Json("train");
            double Number(string key, double otherwise) => train.TryGetProperty(key, out var v) ? v.GetDouble() : otherwise;
            images = GoldenCase.Images(golden.Text("images")!);
            noise = golden.Has("noise") ? golden["noise"] : zeros(1, images.size(0), 1);
            AimViT Make() => GoldenCase.Model(golden.Text("weights")!, golden.Json("arch"), images);
            Model = Make();
            order = Orders.Orders.Of(config.GetProperty("permutation_type").GetString()!);
            schedule = new(Number("lr", 0), Number("min_lr", 0), Number("warmup_epochs", 0), Number("epochs", 1));
            (perEpoch, accumulate) = (golden.Json("iterations_per_epoch").GetInt32(), (int)Number("accum_iter", 1));
            Arena = new(Model, slot => Model.HasNoGradient(slot.Name) ? ParameterGroups.Undecayed : ParameterGroups.Pretraining(slot), narrow: false);
            optimizer = new(Arena, new Dictionary<int, double> { [ParameterGroups.Undecayed] = 0, [ParameterGroups.Decayed] = golden.Json("weight_decay").GetDouble() },
                golden.Json("betas")[0].GetDouble(), golden.Json("betas")[1].GetDouble(), golden.Json("eps").GetDouble(), golden.Json("clip_grad").ValueKind == JsonValueKind.Number ? golden.Json("clip_grad").GetDouble() : double.PositiveInfinity);
            if (train.TryGetProperty("use_ema_model", out var ema) && ema.GetBoolean())
            {
                average = new(Arena);
                Ema = Make();
                average.Attach(Ema);
            }
            guidance = new EncoderGuidance(Ema ?? Model, GoldenCase.Attention(config), tokens: GoldenCase.Feature(config) is not null, map: order.NeedsGuidance);
        }

        internal void Steps(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var scope = NewDisposeScope();
                if (i % accumulate == 0) Rates.Add(schedule.At((double)(i % perEpoch) / perEpoch + i / perEpoch));
                var (tokens, map) = guidance.Look(images);
                var rank = order.Rank(map, noise[i % noise.size(0)].reshape(images.size(0), -1), Model.PatchGrid);
                FirstPatches.AddRange(rank.argmin(1).data<long>().ToArray());
                // sorted streams are the faster path, and exact where no two patches tie
                var apart = rank.sort(1).Values.diff(1, 1).gt(0).all().item<bool>();
                var predicted = apart ? Model.Predict(images, rank) : Model.PredictTied(images, rank);
                var (loss, _) = GoldenCase.Loss(config, Model, predicted, images, () => tokens!.alias());
                Losses.Add(loss.item<float>());
                (loss / accumulate).backward();
                Arena.CollectGradients();
                if ((i + 1) % accumulate != 0) continue;
                foreach (var group in Arena.Groups) optimizer.SetLearningRate(group, Rates[^1]);
                optimizer.Step();
                Norms.Add(optimizer.LastNorm.item<float>());
                average?.SetDecay(ExponentialMovingAverage.Decay(i / perEpoch));
                average?.Update(optimizer.LastSkipped);
                Arena.ZeroGradients();
            }
        }

        public void Dispose()
        {
            optimizer.Dispose();
            average?.Dispose();
            Arena.Dispose();
        }
    }
}
