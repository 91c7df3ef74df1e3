using System.Text.Json;
using SemAim.Dsl;
using SemAim.Runtime.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Names, shapes, groups and initial values of weights against what the original recorded.</summary>
[Trait("Category", "Golden")]
public sealed class GoldenNamesTests
{
    [GoldenTheory("state_dict_names*.json"), GoldenFiles, GoldenKind("state_dict_names*.json")]
    public void Names_and_shapes_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        var json = Read(name);
        var recorded = json.GetProperty("aim_state_dict").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.EnumerateArray().Select(v => v.GetInt32()).ToArray());
        int Blocks(IEnumerable<string> names, string stack) => names.Where(n => n.StartsWith(stack, StringComparison.Ordinal)).Select(n => n.Split('.')[1]).Distinct().Count();
        var conv = recorded["patch_embed.proj.weight"];
        var (P, D, N) = (conv[2], conv[0], recorded["pos_embed"][1] - 1);
        var (S, F, linear) = ((int)Math.Sqrt(N) * P, recorded["blocks.0.mlp.fc1.weight"][0], recorded.ContainsKey("prediction_head.weight"));
        var (L, Q) = (Blocks(recorded.Keys, "blocks."), Blocks(recorded.Keys, "query_blocks."));
        AimViT Make(int L, int Q, bool share) => new(Y: S, X: S, P: P, D: D, H: 1, F: F, L: L, Q: Q, M: L / Q, O: recorded[linear ? "prediction_head.weight" : "prediction_head.fc2.weight"][0], linearHead: linear, shareWeight: share);

        var model = Make(L, Q, share: false);
        // the blur is a buffer of the original's model and an objective's here: a checkpoint's is known and not needed
        Assert.Equal(recorded.Where(r => r.Key != "gaussian_blur.weight").Select(r => (r.Key, string.Join('x', r.Value))), model.Slots().Select(s => (s.Name, string.Join('x', s.Weight.Tensor.shape))));

        foreach (var (key, globalPool) in new[] { ("global_pool", true), ("cls_token", false) })
        {
            var vit = new VisionTransformer(S, S, P, D, 1, F, L, 10, globalPool);
            var (own, there) = (vit.Slots().Select(s => s.Name).ToList(), recorded.Keys.ToList());
            Assert.Equal(Names(json.GetProperty(key).GetProperty("missing")).Order(StringComparer.Ordinal), own.Except(there).Order(StringComparer.Ordinal));
            Assert.Equal(Names(json.GetProperty(key).GetProperty("unexpected")).Order(StringComparer.Ordinal), there.Except(own).Order(StringComparer.Ordinal));
        }

        var (shared, counted) = (Names(json.GetProperty("share_weight_state_dict_names")), Names(json.GetProperty("share_weight_parameter_names")));
        var depth = Blocks(shared, "blocks.");
        var twice = Make(depth, depth, share: true);
        Assert.Equal(shared.Where(n => n != "gaussian_blur.weight").Order(StringComparer.Ordinal), twice.state_dict().Keys.Order(StringComparer.Ordinal));
        GoldenReport.Within("state_dict_names*.json", name, "differing names", 0, 0);
        Assert.Equal(counted.Order(StringComparer.Ordinal), twice.Slots().Where(s => s.IsTrained || s.Name == "pos_embed" && counted.Contains("pos_embed")).DistinctBy(s => s.Weight).Select(s => s.Name).Order(StringComparer.Ordinal));
    }

    [GoldenTheory("pretrain_weight_decay_groups*.json"), GoldenFiles, GoldenKind("pretrain_weight_decay_groups*.json")]
    public void Weight_decay_groups_are_the_originals(string name)
    {
        var json = Read(name);
        // "aim_base query_depth=12 MLP"
        var words = json.GetProperty("model").GetString()!.Split(' ');
        var Q = int.Parse(words.First(w => w.StartsWith("query_depth=", StringComparison.Ordinal)).Split('=')[1], System.Globalization.CultureInfo.InvariantCulture);
        using var model = ModelCatalogue.CreateAim(words[0], new AimOptions { QueryDepth = Q, LinearHead = words.Contains("LINEAR") });

        Assert.Equal(Names(json.GetProperty("all_names_in_order")), model.Slots().Select(s => s.Name));
        Assert.Equal(json.GetProperty("total_parameters").GetInt64(), model.Slots().Sum(s => s.Weight.Tensor.numel()));
        Assert.Equal(json.GetProperty("trainable_parameters").GetInt64(), model.Slots().Where(s => s.IsTrained).Sum(s => s.Weight.Tensor.numel()));
        GoldenReport.Within("pretrain_weight_decay_groups*.json", name, "differing names", 0, 0);
        var groups = json.GetProperty("groups").EnumerateArray().ToList();
        for (var g = 0; g < groups.Count; g++)
        {
            Assert.Equal(g == ParameterGroups.Undecayed, groups[g].GetProperty("weight_decay").GetDouble() == 0);
            Assert.Equal(Names(groups[g].GetProperty("names")), model.Slots().Where(s => s.IsTrained && ParameterGroups.Pretraining(s) == g).Select(s => s.Name));
        }
    }

    [GoldenTheory("init_statistics*.json"), GoldenFiles, GoldenKind("init_statistics*.json")]
    public void Initial_values_are_distributed_as_the_originals(string name)
    {
        foreach (var recorded in Read(name).EnumerateObject())
        {
            using var scope = NewDisposeScope();
            random.manual_seed(20);
            // of a stack the first block is recorded: others are not made
            GraphModule model = recorded.Name.StartsWith("aim_", StringComparison.Ordinal) ? FirstBlocks(recorded.Value)
                : new VisionTransformer(S: Side(recorded.Value), P: Dimension(recorded.Value, "patch_embed.proj.weight", 2), D: Dimension(recorded.Value, "patch_embed.proj.weight", 0), H: 1, L: Math.Max(1, recorded.Value.EnumerateObject().Where(p => p.Name.StartsWith("blocks.", StringComparison.Ordinal)).Select(p => p.Name.Split('.')[1]).Distinct().Count()), K: Dimension(recorded.Value, "head.weight", 0), globalPool: recorded.Value.TryGetProperty("fc_norm.weight", out _)).Initialise();
            var slots = model.Slots().ToDictionary(s => s.Name);
            foreach (var weight in recorded.Value.EnumerateObject())
            {
                double Number(string key) => weight.Value.GetProperty(key).GetDouble();
                var values = slots[weight.Name].Weight.Tensor.detach().to(float64);
                var n = values.numel();
                var (mean, std, want) = (values.mean().item<double>(), values.std(unbiased: false).item<double>(), Number("std"));
                Assert.Equal(Names(weight.Value.GetProperty("shape"), v => v.GetInt64()), values.shape);
                // two samples of n values: five standard errors of the difference
                if (want > 0) GoldenReport.Within("init_statistics*.json", $"{name} {weight.Name}", "deviation's standard errors", Math.Abs(std - want) / want * Math.Sqrt(n), 5);
                Assert.True(Math.Abs(mean - Number("mean")) <= 5 * Math.Sqrt(2.0 / n) * want + 1e-12, $"{weight.Name}: mean {mean}, recorded {Number("mean")}");
                Assert.True(Math.Abs(std - want) <= 5 * want / Math.Sqrt(n) + 1e-12, $"{weight.Name}: deviation {std}, recorded {want}");
                var (low, high) = (values.min().item<double>(), values.max().item<double>());
                // a uniform distribution has the recorded bounds, which the extremes of n values miss by 2/n of them in the mean; how far a normal one reaches is chance
                var reach = 1.01 + 20.0 / n;
                var (least, most) = Number("max") <= 2 * want ? (reach * Number("min"), reach * Number("max")) : (Number("mean") - 6.5 * want, Number("mean") + 6.5 * want);
                if (want == 0) (least, most) = (Number("min"), Number("max"));
                Assert.True(low >= least && high <= most, $"{weight.Name}: {low} to {high}, recorded {Number("min")} to {Number("max")}");
                Assert.Equal(weight.Value.GetProperty("requires_grad").GetBoolean(), slots[weight.Name].IsTrained);
            }
        }

        static AimViT FirstBlocks(JsonElement recorded)
        {
            var (P, D, side) = (Dimension(recorded, "patch_embed.proj.weight", 2), Dimension(recorded, "patch_embed.proj.weight", 0), Side(recorded));
            var linear = recorded.TryGetProperty("prediction_head.weight", out _);
            return new(Y: side, X: side, P: P, D: D, H: 1, F: Dimension(recorded, "blocks.0.mlp.fc1.weight", 0), L: 1, Q: 1, M: 1, O: Dimension(recorded, linear ? "prediction_head.weight" : "prediction_head.fc2.weight", 0), linearHead: linear);
        }
    }

    private static int Side(JsonElement recorded) => (int)Math.Sqrt(Dimension(recorded, "pos_embed", 1) - 1) * Dimension(recorded, "patch_embed.proj.weight", 2);

    private static int Dimension(JsonElement recorded, string name, int axis) => recorded.GetProperty(name).GetProperty("shape")[axis].GetInt32();

    private static JsonElement Read(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        return json.RootElement.Clone();
    }

    private static List<string> Names(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetString()!)];

    private static List<T> Names<T>(JsonElement array, Func<JsonElement, T> read) => [.. array.EnumerateArray().Select(read)];
}
