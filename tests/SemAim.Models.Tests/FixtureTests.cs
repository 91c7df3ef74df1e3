using System.Text.Json;
using SemAim.Dsl;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Models.Teachers;
using SemAim.Runtime.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>The numeric fixtures of behaviour.md section 13, in float64: recorded from the original with weights and pictures by formula.</summary>
public sealed class FixtureTests
{
    // the original makes the kernel of the blur in float32 whatever the model is
    private const double BlurTolerance = 2e-7;

    private static readonly JsonElement Models = Read("golden_model.json"), Training = Read("golden_train.json"), Downstream = Read("golden_finetune.json");

    public static TheoryData<string> Cases => [.. Models.GetProperty("model_cases").EnumerateObject().Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Predictions_losses_and_gradients_are_the_recorded_ones(string name)
    {
        using var scope = NewDisposeScope();
        var recorded = Models.GetProperty("model_cases").GetProperty(name);
        var feature = name.StartsWith("feature_", StringComparison.Ordinal) ? int.Parse(name.AsSpan(name.Length - 2), System.Globalization.CultureInfo.InvariantCulture) : 0;
        var model = TinyAim.Model(name == "step2" ? 2 : 4, linearHead: name == "linear", O: feature > 0 ? feature : 12);
        var images = TinyAim.Images();
        var rank = name switch { "ties7" => TinyAim.TiedRank(), "zigzag" or "raster" => Orders.Orders.Of(name).Rank(null, zeros(2, 196, float64), model.PatchGrid), _ => TinyAim.Rank() };
        using var pixels = name switch
        {
            "rawpix" => new PixelObjective(normalise: false),
            "L1" => new PixelObjective(lossType: "L1"),
            "blur" => new PixelObjective(9, 1),
            "blur_raw" => new PixelObjective(9, 1, normalise: false),
            "blur5_2" => new PixelObjective(5, 2),
            _ => new PixelObjective(),
        };

        var predicted = name == "ties7" ? model.PredictTied(images, rank) : model.Predict(images, rank);
        var (loss, map) = feature > 0 ? new FeatureObjective(feature).Loss(predicted, (arange(2 * 197 * feature, float64) * 0.013).sin().reshape(2, 197, feature).narrow(1, 1, 196)) : pixels.Loss(model, predicted, images);
        loss.backward();

        Assert.Equal(recorded.GetProperty("loss").GetDouble(), loss.item<double>(), 1e-7);
        Equal(recorded, "lossmap_0", map[0], name.StartsWith("blur", StringComparison.Ordinal) ? BlurTolerance : 2e-8);
        // recorded with the class token in row 0
        Equal(recorded, "pred_0_1", predicted[0, 0]);
        Equal(recorded, "pred_1_100", predicted[1, 99]);
        Equal(recorded, "pred_1_196", predicted[1, 195]);
        var gradients = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.reshape(-1));
        if (recorded.TryGetProperty("grad_norm", out var norm)) Assert.Equal(norm.GetDouble(), Math.Sqrt(gradients.Values.Sum(g => g.square().sum().item<double>())), 1e-6);
        Equal(recorded, "g_cls", gradients["cls_token"]);
        Equal(recorded, "g_patch", gradients["patch_embed.proj.weight"]);
        Equal(recorded, "g_qkv0", gradients["blocks.0.attn.qkv.weight"]);
        Equal(recorded, "g_norm", gradients["norm.weight"]);
        Equal(recorded, "g_q0", gradients["query_blocks.0.attn.q.weight"]);
        Equal(recorded, "g_k0", gradients["query_blocks.0.attn.k.weight"]);
    }

    [Theory]
    [InlineData("guidance_cls", AttentionType.Cls)]
    [InlineData("guidance_gap", AttentionType.Gap)]
    public void Guidance_is_the_recorded_one(string name, AttentionType type)
    {
        using var scope = NewDisposeScope();
        var recorded = Models.GetProperty(name);
        var model = TinyAim.Model(4);

        var (tokens, map) = new EncoderGuidance(model, type, tokens: true, map: true).Look(TinyAim.Images());
        var (_, self) = new EncoderGuidance(model, AttentionType.Self, tokens: false, map: true).Look(TinyAim.Images());

        Equal(recorded, "tok_0_0", tokens![0, 0]);
        Equal(recorded, "tok_1_196", tokens[1, 196]);
        Equal(recorded, "feat_att_0", map![0]);
        Equal(recorded, "self_att_0", self![0]);
        Equal(recorded, "self_att_sum", self.sum(1));
        Assert.Equal(Longs(recorded.GetProperty("feat_att_argmax")), map.argmax(1).data<long>().ToArray());
        Assert.Equal(Longs(recorded.GetProperty("self_argmax")), self.argmax(1).data<long>().ToArray());
    }

    public static TheoryData<string> OrderNames => [.. Models.GetProperty("permutations").EnumerateObject().Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(OrderNames))]
    public void Orders_with_injected_noise_are_the_recorded_ones(string name)
    {
        using var scope = NewDisposeScope();
        var noise = tensor(Enumerable.Range(0, 392).Select(i => (73 * (i % 196) + 17 * (i / 196) + 5) % 196 / 196.0).ToArray()).reshape(2, 196);
        if (name == "stochastic_center") noise = cat([noise, tensor(new[,] { { 0.05, 0.5 }, { 0.97, 0.999 } })], 1);

        var rank = Orders.Orders.Of(name).Rank(1 - TinyAim.Rank(), noise, new Grid(14, 14));

        // the original's distances are float32 whatever the model is
        var want = Models.GetProperty("permutations").GetProperty(name).GetProperty("values");
        for (var n = 0; n < 2; n++) Assert.True(GoldenCase.Far(rank[n], tensor(Doubles(want[n]))) < (name == "attention_center" ? 2e-6 : 1e-9), $"picture {n} is off by {GoldenCase.Far(rank[n], tensor(Doubles(want[n])))}");
    }

    [Fact]
    public void Patches_their_normalisation_and_the_blur_are_the_recorded_ones()
    {
        using var scope = NewDisposeScope();
        var (model, images) = (TinyAim.Model(4), TinyAim.Images());
        var patches = model.Patches(images);
        Equal(Models, "patchify_0_1", patches[0, 1]);
        Equal(Models, "normpix_0_1", ((patches - patches.mean([2], true)) / (patches.var(2, true, true) + 1e-6).sqrt())[0, 1]);
        using var pixels = new PixelObjective(9, 1);
        var blurred = pixels.Blur(images);
        foreach (var row in Models.GetProperty("blur9_1").EnumerateObject())
        {
            var at = row.Name.Split('_');
            int At(int i) => int.Parse(at[i].Split(':')[0], System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(GoldenCase.Far(blurred[At(0), At(1), At(2)].narrow(0, At(3), 6), tensor(Doubles(row.Value))) < BlurTolerance, row.Name);
        }
    }

    [Fact]
    public void Nine_steps_of_pretraining_follow_the_recorded_trace()
    {
        using var scope = NewDisposeScope();
        var recorded = Training.GetProperty("pretrain_9_steps");
        var (model, images, rank) = (TinyAim.Model(4), TinyAim.Images(), TinyAim.Rank());
        using var pixels = new PixelObjective(9, 1);
        var adam = new PlainAdamW(model, s => ParameterGroups.Pretraining(s) == ParameterGroups.Decayed ? 0.05 : 0, 0.95);
        var schedule = new LearningRateSchedule(0.01, 0, 1, 3);
        var step = 0;
        foreach (var row in recorded.GetProperty("trace").EnumerateArray())
        {
            Assert.Equal(row.GetProperty("lr").GetDouble(), schedule.At(step / 3.0), 1e-9);
            var (loss, _) = pixels.Loss(model, model.Predict(images, rank), images);
            loss.backward();
            Assert.Equal(row.GetProperty("loss").GetDouble(), loss.item<double>(), 1e-8);
            Assert.Equal(row.GetProperty("grad_norm").GetDouble(), adam.Step(_ => schedule.At(step / 3.0), 3), 1e-7);
            step++;
        }
        var weights = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.reshape(-1));
        Equal(recorded, "cls_token", weights["cls_token"]);
        Equal(recorded, "blocks3_fc2", weights["blocks.3.mlp.fc2.weight"]);
        Equal(recorded, "q0_vbias", weights["query_blocks.0.attn.v.bias"]);
    }

    [Fact]
    public void Four_steps_guided_by_the_student_follow_the_recorded_trace()
    {
        using var scope = NewDisposeScope();
        var (model, images) = (TinyAim.Model(4), TinyAim.Images());
        using var pixels = new PixelObjective();
        var adam = new PlainAdamW(model, s => ParameterGroups.Pretraining(s) == ParameterGroups.Decayed ? 0.05 : 0, 0.95);
        var guidance = new EncoderGuidance(model, AttentionType.Cls, tokens: false, map: true);
        foreach (var row in Training.GetProperty("self_guided_4_steps").EnumerateArray())
        {
            var (_, map) = guidance.Look(images);
            Assert.Equal(Longs(row.GetProperty("argmax")), map!.argmax(1).data<long>().ToArray());
            var rank = new Attention().Rank(map, map, model.PatchGrid);
            var (loss, _) = pixels.Loss(model, model.Predict(images, rank), images);
            loss.backward();
            Assert.Equal(row.GetProperty("loss").GetDouble(), loss.item<double>(), 1e-8);
            adam.Step(_ => 0.003, double.PositiveInfinity);
        }
    }

    [Theory]
    [InlineData("vit_gp_True", true)]
    [InlineData("vit_gp_False", false)]
    public void Classification_is_the_recorded_one(string name, bool globalPool)
    {
        using var scope = NewDisposeScope();
        var recorded = Downstream.GetProperty(name);
        var model = TinyAim.Fill(new VisionTransformer(S: 28, P: 2, D: 16, H: 2, L: 3, K: 7, globalPool: globalPool));

        Assert.Equal(recorded.GetProperty("keys").EnumerateArray().Select(k => k.GetString()!), model.Slots().Select(s => s.Name));
        var logits = recorded.GetProperty("logits");
        for (var n = 0; n < 2; n++) Assert.True(GoldenCase.Far(model.Forward(TinyAim.Images())[n], tensor(Doubles(logits[n]))) < 1e-8);
        Equal(recorded, "features_0", model.Features(TinyAim.Images())[0]);
    }

    [Fact]
    public void The_clip_teacher_is_the_recorded_one()
    {
        using var scope = NewDisposeScope();
        var recorded = Downstream.GetProperty("clip_tiny");
        var model = TinyAim.Fill(new ClipVision(S: 28, P: 7, D: 16, H: 2, L: 2, O: 10));
        Assert.Equal(recorded.GetProperty("keys").EnumerateObject().Select(k => $"{k.Name} {string.Join('x', Longs(k.Value))}"), model.Slots().Select(s => $"{s.Name} {string.Join('x', s.Weight.Tensor.shape)}"));

        var tokens = model.Forward(TinyAim.Images());

        Equal(recorded, "feat_0_0", tokens[0, 0]);
        Equal(recorded, "feat_1_16", tokens[1, 16]);
        Equal(recorded, "similarity_0", TeacherMap.Similarity(tokens)[0]);
    }

    [Fact]
    public void The_dino_teacher_is_the_recorded_one()
    {
        using var scope = NewDisposeScope();
        var recorded = Downstream.GetProperty("dino_tiny");
        var model = TinyAim.Fill(new VisionTransformer(S: 28, P: 2, D: 16, H: 2, L: 3, headless: true));

        var tokens = model.Encode(TinyAim.Images());
        var similar = TeacherMap.Similarity(tokens);

        Equal(recorded, "feat_0_0", tokens[0, 0]);
        Equal(recorded, "feat_1_196", tokens[1, 196]);
        Equal(recorded, "similarity_0", similar[0]);
        Assert.Equal(Longs(recorded.GetProperty("argmax")), similar.argmax(1).data<long>().ToArray());
    }

    [Fact]
    public void Six_steps_of_finetuning_follow_the_recorded_trace()
    {
        using var scope = NewDisposeScope();
        var recorded = Training.GetProperty("finetune_6_steps");
        var model = TinyAim.Fill(new VisionTransformer(S: 28, P: 2, D: 16, H: 2, L: 3, K: 7, globalPool: true));
        var images = TinyAim.Images();
        var target = stack([.. recorded.GetProperty("target").EnumerateArray().Select(row => tensor(Doubles(row)))], 0);
        double Scale(string name) => Math.Pow(0.65, 4 - (name.StartsWith("blocks.", StringComparison.Ordinal) ? name[7] - '0' + 1 : name is "cls_token" or "pos_embed" || name.StartsWith("patch_embed", StringComparison.Ordinal) ? 0 : 4));
        var adam = new PlainAdamW(model, s => s.Weight.Tensor.dim() <= 1 || s.Name is "cls_token" or "pos_embed" ? 0 : 0.05, 0.999);
        var schedule = new LearningRateSchedule(0.01, 1e-6, 1, 3);
        var step = 0;
        foreach (var row in recorded.GetProperty("trace").EnumerateArray())
        {
            Assert.Equal(row.GetProperty("lr").GetDouble(), schedule.At(step / 2.0), 1e-9);
            var loss = -(target * nn.functional.log_softmax(model.Forward(images), -1)).sum(-1).mean();
            loss.backward();
            Assert.Equal(row.GetProperty("loss").GetDouble(), loss.item<double>(), 1e-7);
            adam.Step(name => schedule.At(step / 2.0) * Scale(name), double.PositiveInfinity);
            step++;
        }
        var weights = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.reshape(-1));
        Equal(recorded, "pos_embed", weights["pos_embed"].narrow(0, 16, 16));
        Equal(recorded, "head", weights["head.weight"]);
    }

    // float64 has no fused kernel here: the formula of behaviour.md 5.2, plainly
    private sealed class PlainAdamW(GraphModule model, Func<WeightSlot, double> decay, double beta2)
    {
        private readonly List<(WeightSlot Slot, Tensor First, Tensor Second)> weights = [.. model.Slots().Where(s => s.IsTrained).Select(s => (s, zeros_like(s.Weight.Tensor), zeros_like(s.Weight.Tensor)))];
        private int updates;

        internal double Step(Func<string, double> rate, double clip)
        {
            using var guard = no_grad();
            updates++;
            var norm = Math.Sqrt(weights.Sum(w => w.Slot.Weight.Tensor.grad!.square().sum().item<double>()));
            foreach (var (slot, first, second) in weights)
            {
                var (weight, lr) = (slot.Weight.Tensor, rate(slot.Name));
                var g = weight.grad! * Math.Min(1, clip / (norm + 1e-6));
                weight.mul_(1 - lr * decay(slot));
                first.mul_(0.9).add_(g, 0.1);
                second.mul_(beta2).addcmul_(g, g, 1 - beta2);
                weight.addcdiv_(first, (second.sqrt() / Math.Sqrt(1 - Math.Pow(beta2, updates))).add_(1e-8), -lr / (1 - Math.Pow(0.9, updates)));
            }
            model.zero_grad();
            return norm;
        }
    }

    // recorded with nine digits: as many leading entries as are recorded
    private static void Equal(JsonElement recorded, string name, Tensor value, double tolerance = 2e-8)
    {
        if (!recorded.TryGetProperty(name, out var list)) return;
        var want = Doubles(list);
        var far = GoldenCase.Far(value.reshape(-1).narrow(0, 0, want.Length), tensor(want));
        Assert.True(far < tolerance * Math.Max(1, want.Max(Math.Abs)), $"{name} is off by {far}");
    }

    private static double[] Doubles(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];

    private static long[] Longs(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt64())];

    private static JsonElement Read(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Fixtures, name)));
        return json.RootElement.Clone();
    }
}
