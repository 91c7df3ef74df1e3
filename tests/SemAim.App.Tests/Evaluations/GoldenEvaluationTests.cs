using System.Text.Json;
using SemAim.App.Training;
using SemAim.Models;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests.Evaluations;

/// <summary>Evaluations against what the original recorded.</summary>
[Trait("Category", "Golden")]
public sealed class GoldenEvaluationTests
{
    [GoldenTheory("knn_*.safetensors"), GoldenFiles, GoldenKind("knn_*.safetensors")]
    public void Neighbours_vote_as_in_the_original_whatever_the_parts(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = Open(name);
        int[] Labels(string key) => [.. golden.Read(key).data<long>().Select(l => (int)l)];
        var want = golden.Read("results");
        var ks = Enumerable.Range(0, (int)want.size(0)).Select(i => (int)want[i, 0].item<double>()).ToList();
        foreach (var columns in new[] { 65_536, 37 })
            foreach (var store in new[] { float32, float64 })
            {
                var results = KnnEvaluation.Run(golden.Read("train_features").to(store), Labels("train_labels"), golden.Read("test_features"), Labels("test_labels"), ks, double.Parse(golden.Metadata["T"], System.Globalization.CultureInfo.InvariantCulture), columns);

                for (var i = 0; i < ks.Count; i++)
                {
                    GoldenReport.Within("knn_*.safetensors", name, "top 1", Math.Abs(want[i, 1].item<double>() - results[i].Top1), 1e-9);
                    GoldenReport.Within("knn_*.safetensors", name, "top 5", Math.Abs(want[i, 2].item<double>() - results[i].Top5), 1e-9);
                }
            }
    }

    [GoldenTheory("linprobe*.safetensors"), GoldenFiles, GoldenKind("linprobe*.safetensors")]
    public void A_probe_learns_as_in_the_original(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = Open(name);
        var sgd = JsonDocument.Parse(golden.Metadata["sgd"]).RootElement;
        var (width, classes) = ((int)golden.Shape("w0")[1], (int)golden.Shape("w0")[0]);
        using var head = new ProbeHead(width, classes);
        Set(head, "head.1.weight", golden.Read("w0"));
        Set(head, "head.1.bias", golden.Read("b0"));
        using var arena = new ParameterArena(head, _ => 0, narrow: false);
        using var optimizer = new ArenaSgd(arena, new Dictionary<int, double> { [0] = sgd.GetProperty("weight_decay").GetDouble() }, sgd.GetProperty("momentum").GetDouble());
        optimizer.SetLearningRate(0, sgd.GetProperty("lr").GetDouble());
        var steps = golden.Names.Count(n => n.StartsWith("loss.", StringComparison.Ordinal));
        for (var k = 0; k < steps; k++)
        {
            head.train();
            var logits = head.Forward(golden.Read($"x.{k}"));
            var loss = nn.functional.cross_entropy(logits, golden.Read($"y.{k}"));
            loss.backward();

            Close("linprobe*.safetensors", name, "forward", golden.Read($"logits.{k}"), logits, 1e-4);
            Close("linprobe*.safetensors", name, "loss", golden.Read($"loss.{k}").squeeze(), loss, 1e-6 * Math.Max(1, loss.item<float>()));
            Close("linprobe*.safetensors", name, "gradients", golden.Read($"grad_w.{k}"), arena.View(arena.Gradients, "head.1.weight"), 1e-5);
            optimizer.Step();
            arena.ZeroGradients();
            var state = head.state_dict();
            Close("linprobe*.safetensors", name, "weights", golden.Read($"w.{k}"), state["head.1.weight"], 1e-5);
            Close("linprobe*.safetensors", name, "weights", golden.Read($"b.{k}"), state["head.1.bias"], 1e-5);
            Close("linprobe*.safetensors", name, "statistics", golden.Read($"running_mean.{k}"), state["head.0.running_mean"], 1e-6);
            Close("linprobe*.safetensors", name, "statistics", golden.Read($"running_var.{k}"), state["head.0.running_var"], 1e-5);
        }
        head.eval();
        Close("linprobe*.safetensors", name, "forward", golden.Read("eval_logits"), head.Forward(golden.Read($"x.{steps - 1}")), 1e-4);
    }

    [GoldenTheory("losses*.safetensors"), GoldenFiles, GoldenKind("losses*.safetensors")]
    public void Losses_gradients_and_accuracies_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = Open(name);
        var labels = golden.Read("y");
        foreach (var kind in golden.Names.Where(n => n.EndsWith(".loss", StringComparison.Ordinal)).Select(n => n[..^5]))
        {
            var x = golden.Read("x").requires_grad_(true);
            var loss = kind == "soft" ? ClassificationLosses.Soft(x, golden.Read("soft"))
                : ClassificationLosses.Smoothed(x, labels, kind == "ce" ? 0 : double.Parse(kind[2..], System.Globalization.CultureInfo.InvariantCulture));
            loss.backward();

            Close("losses*.safetensors", name, "loss", golden.Read(kind + ".loss").squeeze(), loss, 1e-6);
            Close("losses*.safetensors", name, "gradients", golden.Read(kind + ".grad"), x.grad!, 1e-7);
        }
        using var tally = new Accuracy.Tally(CPU);
        tally.Add(golden.Read("x"), labels);
        Close("losses*.safetensors", name, "accuracies", golden.Read("acc1_acc5_percent"), tensor(new[] { (float)tally.Result().Top1, (float)tally.Result().Top5 }), 1e-4);
    }

    [GoldenTheory("layer_decay_groups*.json"), GoldenFiles, GoldenKind("layer_decay_groups*.json")]
    public void Groups_of_finetuning_are_the_originals_in_their_order(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        foreach (var setting in json.RootElement.GetProperty("groups").EnumerateObject())
        {
            using var scope = NewDisposeScope();
            // "vit_base_patch16 global_pool=True layer_decay=0.65"
            var words = setting.Name.Split(' ');
            var sizes = EncoderSizes.Named(words[0]);
            using var model = sizes.Classifier(1000, words.First(w => w.StartsWith("global_pool", StringComparison.Ordinal)).EndsWith("True", StringComparison.Ordinal));
            var decay = double.Parse(words.First(w => w.StartsWith("layer_decay", StringComparison.Ordinal)).Split('=')[1], System.Globalization.CultureInfo.InvariantCulture);

            var want = setting.Value.EnumerateArray().ToList();

            var groups = LayerDecayGroup.Of(model.Slots(), sizes.Blocks, decay, want.Max(g => g.GetProperty("weight_decay").GetDouble()));

            Assert.Equal(want.Count, groups.Count);
            for (var i = 0; i < want.Count; i++)
            {
                GoldenReport.Within("layer_decay_groups*.json", name, "rates", Math.Abs(want[i].GetProperty("lr_scale").GetDouble() - groups[i].RateScale), 1e-12);
                Assert.Equal(want[i].GetProperty("weight_decay").GetDouble(), groups[i].WeightDecay);
                Assert.Equal(want[i].GetProperty("names").EnumerateArray().Select(n => n.GetString()), groups[i].Names);
                GoldenReport.Within("layer_decay_groups*.json", name, "differing groups", 0, 0);
            }
        }
    }

    [GoldenTheory("lr_schedule*.json"), GoldenFiles, GoldenKind("lr_schedule*.json")]
    public void Learning_rates_are_the_originals(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        foreach (var setting in json.RootElement.EnumerateArray())
        {
            double Number(string key) => setting.GetProperty(key).GetDouble();
            var schedule = new LearningRateSchedule(Number("lr"), Number("min_lr"), Number("warmup_epochs"), Number("epochs"));
            var scale = setting.TryGetProperty("lr_scale", out var s) ? s.GetDouble() : (double?)null;
            foreach (var row in setting.GetProperty("rows").EnumerateArray())
            {
                var rate = schedule.At(row[0].GetDouble());
                GoldenReport.Within("lr_schedule*.json", name, "rates, relative", Math.Abs(row[1].GetDouble() - rate) / Math.Max(1e-3, Math.Abs(row[1].GetDouble())), 1e-12);
                if (scale is { } part) GoldenReport.Within("lr_schedule*.json", name, "rates, relative", Math.Abs(row[2].GetDouble() - part * rate) / Math.Max(1e-3, Math.Abs(row[2].GetDouble())), 1e-12);
            }
        }
    }

    [GoldenTheory("checkpoint_*_expected.safetensors"), GoldenFiles, GoldenKind("checkpoint_*.pth"), GoldenKind("checkpoint_*_expected.safetensors")]
    public void A_checkpoint_of_the_original_encodes_as_it_did_there(string name)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var golden = Open(name);
        const string Tokens = ".enc_tokens";
        if (golden.Names.SingleOrDefault(n => n.EndsWith(Tokens, StringComparison.Ordinal)) is not { } tokens) return;
        var seen = tokens[..^Tokens.Length];
        using var images = Open(seen + ".safetensors");
        var arch = JsonDocument.Parse(golden.Metadata["arch"]).RootElement;
        float[] Numbers(string key) => [.. JsonDocument.Parse(images.Metadata[key]).RootElement.EnumerateArray().Select(v => v.GetSingle())];
        var pictures = ((images.Read("u8").to(float32) / 255 - tensor(Numbers("mean"))) / tensor(Numbers("std"))).permute(0, 3, 1, 2).contiguous();
        var want = golden.Read(seen + Tokens);
        var path = Path.Combine(GoldenFolder.Path, name.Replace("_expected.safetensors", ".pth", StringComparison.Ordinal));
        using var cls = FrozenEncoder.Load(path, null, null, arch.GetProperty("num_heads").GetInt32(), null, FeatureKind.Cls, narrow: false, CPU);
        using var patches = FrozenEncoder.Load(path, null, null, arch.GetProperty("num_heads").GetInt32(), null, FeatureKind.Patches, narrow: false, CPU);

        Assert.Equal(new EncoderSizes((int)pictures.shape[2], (int)golden.Shape("state.patch_embed.proj.weight")[2], arch.GetProperty("embed_dim").GetInt32(), arch.GetProperty("num_heads").GetInt32(), arch.GetProperty("depth").GetInt32(), (int)golden.Shape("state.blocks.0.mlp.fc1.weight")[0]), cls.Sizes);
        Close("checkpoint_*_expected.safetensors", name, "class token", want.select(1, 0), cls.Features(pictures), 1e-5);
        Close("checkpoint_*_expected.safetensors", name, "mean patch", want.narrow(1, 1, want.size(1) - 1).mean([1]), patches.Features(pictures), 1e-5);
    }

    private static SafetensorsFile Open(string name) => SafetensorsFile.Open(Path.Combine(GoldenFolder.Path, name));

    private static void Set(Dsl.GraphModule module, string name, Tensor value)
    {
        using var guard = no_grad();
        module.Slots().Single(s => s.Name == name).Weight.Tensor.copy_(value);
    }

    private static void Close(string kind, string name, string measure, Tensor want, Tensor got, double allowed)
    {
        Assert.Equal(want.shape, got.shape);
        GoldenReport.Within(kind, name, measure, (want.to(float64) - got.detach().to(float64)).abs().max().item<double>(), allowed);
    }
}
