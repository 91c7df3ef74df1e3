using SemAim.App.Training;
using SemAim.Models;
using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Models.Teachers;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using SemAim.Runtime.Logging;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests;

/// <summary>Targets, guidance and models of pretraining: the real program, and the loop where something must go wrong.</summary>
[Collection("live tensors")]
public sealed class PretrainTargetTests : IDisposable
{
    private readonly SmallPictures pictures = new(6);

    public void Dispose() => pictures.Dispose();

    private string[] Command(params string[] more)
        => ["pretrain", "--data_path", pictures.Data, "--model", "aim_tiny", "--batch_size", "2", "--max-steps", "2", "--output_dir", pictures.Folder, "--num_workers", "1", .. more.Any(m => m.StartsWith("--permutation_type", StringComparison.Ordinal)) ? [] : new[] { "--permutation_type", "attention_center" }, .. more];

    [Theory]
    [InlineData("own", "--predict_feature", "inference", "--attention_type", "self", "--prediction_head_type", "LINEAR")]
    [InlineData("average", "--predict_feature", "ema", "--precision", "bf16")]
    [InlineData("shared", "--share_weight", "--query_depth", "3", "--use_ema_model", "--attention_type", "gap", "--input_size", "32")]
    [InlineData("flags", "--permutation_type=attention_guided", "--box_table", "corrected", "--log_dir", "x", "--saveckp_freq", "20", "--start_epoch", "0", "--pin_mem", "--world_size", "1", "--dist_url", "env://", "--dist_on_itp")]
    public void A_run_of_every_kind_ends_and_goes_on(string experiment, params string[] options)
    {
        var (code, _, errors) = Semaim.Run(Command([.. options, "--experiment", experiment]));
        Assert.True(code == 0, errors);

        var run = Path.Combine(pictures.Folder, $"aim_tiny.{experiment}");
        var averages = options.Contains("ema") || options.Contains("--use_ema_model");
        Assert.Equal(averages, File.Exists(Path.Combine(run, "checkpoints", "step-00000002", "ema.safetensors")));
        Assert.Equal(averages, File.Exists(Path.Combine(run, "ema.safetensors")));
        if (options.Contains("--log_dir")) Assert.Contains("--log_dir changes nothing", errors, StringComparison.Ordinal);
        if (!averages) return;
        using var mean = SafetensorsFile.Open(Path.Combine(run, "ema.safetensors"));
        using var own = SafetensorsFile.Open(Path.Combine(run, "model.safetensors"));
        Assert.Equal(own.Names, mean.Names);
    }

    [Theory]
    [InlineData("clip")]
    [InlineData("dino")]
    public void A_teacher_of_a_public_layout_is_predicted(string kind)
    {
        var path = Path.Combine(pictures.Folder, kind + ".pth");
        using (NewDisposeScope())
        {
            Dsl.GraphModule network = kind == "clip" ? new ClipVision(S: 64, P: 8, D: 64, H: 1, L: 1, O: 40) : new VisionTransformer(S: 64, P: 8, D: 64, H: 1, L: 1, headless: true).Initialise();
            PthWriter.Write(path, network.state_dict().Select(w => KeyValuePair.Create((kind == "clip" ? "visual." : "") + w.Key, w.Value.detach())), key: "");
        }

        // with the average too, which the original cannot combine (trap 13)
        var (code, _, errors) = Semaim.Run(Command("--experiment", kind, "--predict_feature", kind, "--teacher", path, "--use_ema_model"));

        Assert.True(code == 0, errors);
        using var file = SafetensorsFile.Open(Path.Combine(pictures.Folder, $"aim_tiny.{kind}", "model.safetensors"));
        Assert.Equal(kind == "clip" ? 40 : 64, file.Shape("prediction_head.fc2.bias")[0]);
    }

    [Theory]
    [InlineData("--query_depth 2", "one of 1, 3")]
    [InlineData("--input_size 60", "a multiple of 8")]
    [InlineData("--predict_feature clip", "--teacher FILE")]
    [InlineData("--teacher x.pth", "choose dino or clip")]
    [InlineData("--attention_type cla", "did you mean cls?")]
    [InlineData("--prediction_head_type mlp", "choose one of MLP, LINEAR")]
    [InlineData("--permutation_type=saliency", "has no network for it")]
    [InlineData("--box_table original", "14 × 14 patches")]
    [InlineData("--gaussian_kernel_size 4 --gaussian_sigma 1", "must be odd")]
    public void A_wrong_value_ends_with_2_and_says_what_is_allowed(string options, string said)
    {
        var (code, _, errors) = Semaim.Run(Command([.. options.Split(' '), "--experiment", "wrong"]));

        Assert.Equal(2, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n'));
    }

    [Fact]
    public void A_map_that_is_not_finite_skips_the_update_and_is_named()
    {
        set_num_threads(1);
        random.manual_seed(3);
        using var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192);
        using var source = SampleSources.Open(pictures.Data, "train", out _);
        using var objective = new PixelObjective();
        using var log = new MetricsLog(Path.Combine(pictures.Folder, "metrics.jsonl"));
        var before = Bytes(model);
        var settings = new PretrainSettings { BatchSize = 2, Steps = 2, Rate = 1e-2, Order = "attention_center", Workers = 1, MaxBadSteps = 2 };
        var loop = new PretrainLoop(model, objective, source, settings, log, new Narrator(true)) { Guide = new Broken() };

        loop.Run();

        Assert.Equal(ExitCodes.NotFinite, loop.Outcome);
        Assert.Equal(before, Bytes(model));
        log.Dispose();
        Assert.Contains("\"order_is_finite\":false", File.ReadAllText(Path.Combine(pictures.Folder, "metrics.jsonl")), StringComparison.Ordinal);

        byte[] Bytes(AimViT model)
        {
            var path = Path.Combine(pictures.Folder, "weights");
            ModelWeights.Save(model, path);
            return File.ReadAllBytes(path);
        }
    }

    private sealed class Broken : IGuidance
    {
        // one value of one picture: the order it makes is finite, and wrong
        public (Tensor? Tokens, Tensor? Map) Look(Tensor images)
        {
            var map = rand(images.size(0), 16);
            map[0, 3] = float.NaN;
            return (null, map);
        }
    }
}
