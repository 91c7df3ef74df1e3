using System.Text.Json;
using SemAim.App.Verbs;
using SemAim.Models;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data.Demo;

namespace SemAim.App.Tests.Evaluations;

/// <summary>Tests that take the console and libtorch's generator of the process for themselves.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    internal const string Name = "alone";
}

/// <summary>The evaluations from the command line, on a folder of pictures: in a child process where a process matters, else through the same entry.</summary>
[Collection(Alone.Name)]
public sealed class EvaluationVerbTests : IClassFixture<EvaluationVerbTests.Pictures>, IDisposable
{
    /// <summary>Pictures and an encoder, drawn once.</summary>
    public sealed class Pictures : IDisposable
    {
        public Pictures()
        {
            Data = Path.Combine(Root, "data");
            DemoSet.Write(Data, new DemoSetOptions(Train: 40, Val: 20));
            Weights = Path.Combine(Root, "aim_tiny.safetensors");
            TorchSharp.torch.random.manual_seed(3);
            using var model = ModelCatalogue.CreateAim("aim_tiny");
            ModelWeights.Save(model, Weights, new Dictionary<string, string> { ["model"] = "aim_tiny" });
        }

        internal string Root { get; } = Directory.CreateTempSubdirectory("semaim-eval-").FullName;

        internal string Data { get; }

        internal string Weights { get; }

        public void Dispose() => Directory.Delete(Root, recursive: true);
    }

    private readonly Pictures pictures;
    private readonly string root = Directory.CreateTempSubdirectory("semaim-eval-").FullName;

    public EvaluationVerbTests(Pictures pictures) => this.pictures = pictures;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Finetuning_that_was_interrupted_ends_with_the_same_bytes()
    {
        string[] Args(string name, params string[] more) => ["finetune", "--data_path", pictures.Data, "--finetune", pictures.Weights, "--batch_size", "8", "--accum_iter", "2", "--epochs", "3", "--warmup_epochs", "1", "--blr", "2e-2", "--mixup", "0.8", "--cutmix", "1", "--clip_grad", "1", "--output_dir", Path.Combine(root, name), "--quiet", "--json", .. more];
        var (code, output, errors) = Call(Args("whole"));
        Assert.True(code == 0, errors);

        var stops = 0;
        for (code = 75; code == 75 && stops < 12; stops += code == 75 ? 1 : 0) code = Call(Args("parts", "--max_time", "0.001s")).Code;
        if (code == 75) code = Call(Args("parts")).Code;

        Assert.Equal(0, code);
        Assert.True(stops >= 3);
        Assert.Equal(Bytes("whole", "model.safetensors"), Bytes("parts", "model.safetensors"));
        Assert.Equal(Bytes("whole", "best.safetensors"), Bytes("parts", "best.safetensors"));
        var result = Last(output);
        Assert.Equal(20, result.GetProperty("samples").GetInt32());
        Assert.Equal(20, result.GetProperty("protocol").GetProperty("samples").GetInt32());
        Assert.Equal("fc_norm", result.GetProperty("protocol").GetProperty("norm").GetString());
        Assert.True(result.GetProperty("images_per_second").GetDouble() > 0 && result.GetProperty("eval_images_per_second").GetDouble() > 0);
        Assert.Contains("images/s in training, ", output);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(root, "whole", "vit_tiny.exp", "config.json")));
        Assert.Equal("vit_tiny", config.RootElement.GetProperty("model").GetString());
        Assert.Equal(32, config.RootElement.GetProperty("fingerprint").GetString()!.Length);
        Assert.Equal(2e-2 * 16 / 256, config.RootElement.GetProperty("lr").GetDouble(), 12);
        var recorded = File.ReadLines(Path.Combine(root, "whole", "vit_tiny.exp", "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(result.GetProperty("top1").GetDouble(), Assert.Single(recorded, l => l.GetProperty("kind").GetString() == "finetune").GetProperty("top1").GetDouble());
        Assert.All(recorded.Where(l => l.GetProperty("kind").GetString() == "step"), l => Assert.True(l.GetProperty("memory_bytes").GetInt64() > 1_000_000));
        Assert.Contains("protocol: samples 20", output);
        var epochs = File.ReadLines(Path.Combine(root, "whole", "vit_tiny.exp", "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).Where(l => l.GetProperty("kind").GetString() == "epoch").ToList();
        Assert.Equal(3, epochs.Count);
        // an epoch is judged before its checkpoint is written
        var told = File.ReadLines(Path.Combine(root, "whole", "vit_tiny.exp", "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        foreach (var epoch in epochs)
            Assert.True(told.FindIndex(l => l.GetProperty("kind").GetString() == "epoch" && l.GetProperty("step").GetInt64() == epoch.GetProperty("step").GetInt64()) is var at and >= 0
                && told.FindIndex(l => l.GetProperty("kind").GetString() == "event" && l.GetProperty("event").GetString() == "save" && l.GetProperty("step").GetInt64() == epoch.GetProperty("step").GetInt64()) > at);
        Assert.Equal(epochs[^1].GetProperty("test_acc1").GetDouble(), result.GetProperty("top1").GetDouble());

        // the original's: micro-batches in thousandths of an epoch, of which it has five with the one that is left over; epochs
        var curves = EventFileReader.Read(Path.Combine(root, "whole", "vit_tiny.exp", "tensorboard"));
        Assert.Equal([200, 600, 1600, 2600], curves.Where(c => c.Tag == "loss").Select(c => c.X));
        Assert.Equal([0, 1, 2], curves.Where(c => c.Tag == "perf/test_acc1").Select(c => c.X));
        Assert.Equal(["loss", "lr", "perf/test_acc1", "perf/test_acc5", "perf/test_loss"], curves.Select(c => c.Tag).Distinct().Order());

        var judged = Call(Args("whole", "--eval"));
        Assert.Equal(0, judged.Code);
        Assert.Equal(result.GetProperty("top1").GetDouble(), Last(judged.Output).GetProperty("top1").GetDouble());
        var best = Call(["finetune", "--data_path", pictures.Data, "--finetune", Path.Combine(root, "whole", "vit_tiny.exp", "best.safetensors"), "--eval", "--output_dir", Path.Combine(root, "nowhere"), "--quiet", "--json"]);
        Assert.Equal(result.GetProperty("best").GetProperty("top1").GetDouble(), Last(best.Output).GetProperty("top1").GetDouble());
    }

    [Fact]
    public void Finetuning_learns_what_can_be_learnt()
    {
        // black and white pictures: whoever cannot tell them apart learns nothing
        var data = Path.Combine(root, "plain");
        foreach (var (split, count) in new[] { ("train", 12), ("val", 5) })
            for (var i = 0; i < 2 * count; i++) Plain(Path.Combine(data, split, i % 2 == 0 ? "black" : "white", $"{split}{i}.png"), i);

        var (code, output, errors) = Call(["finetune", "--data_path", data, "--finetune", pictures.Weights, "--batch_size", "8", "--epochs", "4", "--warmup_epochs", "1", "--lr", "2e-3", "--aa", "none", "--precision", "bf16", "--output_dir", root, "--quiet", "--json"]);

        Assert.True(code == 0, errors);
        Assert.Equal(100, Last(output).GetProperty("top1").GetDouble());
    }

    [Fact]
    public void Probing_with_features_computed_once_is_probing_with_features_computed_always()
    {
        string[] Args(string name, params string[] more) => ["linprobe", "--data_path", pictures.Data, "--finetune", pictures.Weights, "--cls_token", "--batch_size", "10", "--epochs", "3", "--warmup_epochs", "0", "--output_dir", Path.Combine(root, name), "--quiet", "--json", .. more];
        var always = Call(Args("always", "--augment", "none"));
        var once = Call(Args("once", "--augment", "none", "--cache_features"));
        var stops = 0;
        var parts = (Code: 75, Output: "", Errors: "");
        for (; parts.Code == 75 && stops < 20; stops++) parts = Call(Args("parts", "--augment", "none", "--cache_features", "--max_time", "0.001s"));

        Assert.True(always.Code == 0 && once.Code == 0 && parts.Code == 0, always.Errors + once.Errors + parts.Errors);
        Assert.True(stops > 2);
        Assert.Equal(Last(always.Output).GetProperty("loss").GetDouble(), Last(once.Output).GetProperty("loss").GetDouble(), 1e-4);
        Assert.Equal(Bytes("once", "model.safetensors", ".linear"), Bytes("parts", "model.safetensors", ".linear"));
        Assert.True(Last(once.Output).GetProperty("features_images_per_second").GetDouble() > 0 && Last(always.Output).GetProperty("features_images_per_second").ValueKind == JsonValueKind.Null);
        Assert.Contains("features of train and val", Last(once.Output).GetProperty("protocol").GetProperty("cached").GetString());
        Assert.Contains("trap 18", Last(once.Output).GetProperty("protocol").GetProperty("norm").GetString());
        var augmented = Call(Args("augmented", "--cache_features", "--optimizer", "lars"));
        Assert.Contains("features of val (", Last(augmented.Output).GetProperty("protocol").GetProperty("cached").GetString());
        using var file = WeightFile.Open(Path.Combine(root, "once", "vit_tiny.exp.linear", "model.safetensors"));
        foreach (var key in new[] { "head.0.running_mean", "head.0.running_var", "head.0.num_batches_tracked", "head.1.weight", "head.1.bias" }) Assert.Contains(file.Entries, e => e.Name == key);
        var judged = Call(Args("once", "--augment", "none", "--eval"));
        Assert.Equal(Last(once.Output).GetProperty("top1").GetDouble(), Last(judged.Output).GetProperty("top1").GetDouble());
    }

    [Fact]
    public void Neighbours_of_written_features_are_those_of_computed_ones()
    {
        string[] common = ["knn", "--nb_knn", "10", "5,1", "--json", "--quiet"];
        var computed = Call([.. common, "--data_path", pictures.Data, "--pretrained_weights", pictures.Weights, "--features", "patches", "--dump_features", Path.Combine(root, "dump")]);
        var read = Call([.. common, "--load_features", Path.Combine(root, "dump")]);

        Assert.True(computed.Code == 0 && read.Code == 0, computed.Errors + read.Errors);
        Assert.Equal(Last(computed.Output).GetProperty("results").ToString(), Last(read.Output).GetProperty("results").ToString());
        Assert.Equal([10, 5, 1], Last(read.Output).GetProperty("results").EnumerateArray().Select(r => r.GetProperty("k").GetInt32()));
        Assert.Contains("norm on every token", Last(read.Output).GetProperty("protocol").GetProperty("norm").GetString());
        var pooled = Call([.. common, "--data_path", pictures.Data, "--pretrained_weights", pictures.Weights, "--global_pool", "--store", "fp16"]);
        Assert.Contains("never trained", Last(pooled.Output).GetProperty("protocol").GetProperty("norm").GetString());
        Assert.Contains("never trained", pooled.Output.Split('\n')[0]);
        Assert.True(Last(pooled.Output).GetProperty("images_per_second").GetDouble() > 0 && Last(pooled.Output).GetProperty("comparisons_per_second").GetDouble() > 0);
        Assert.Contains("ImageNet at these rates: ", pooled.Output);
        Assert.DoesNotContain("for neighbours", pooled.Output);                          // 800 comparisons have no speed
        Assert.DoesNotContain("ImageNet", read.Output);
    }

    [Fact, Trait("Category", "Golden")]
    public void Checkpoints_of_the_original_evaluate_directly()
    {
        foreach (var path in GoldenFolder.Files("checkpoint_*.pth"))
        {
            var (code, output, errors) = Semaim.Run("knn", "--data_path", pictures.Data, "--pretrained_weights", path, "--num_heads", "1", "--batch_size_per_gpu", "16", "--json");

            Assert.True(code == 0, errors);
            Assert.Equal(20, Last(output).GetProperty("test").GetInt32());
            Assert.Contains("ignored: ", errors);
        }
        if (GoldenFolder.Files("checkpoint_*.pth").FirstOrDefault() is not { } toy) return;
        var asked = Call(["knn", "--data_path", pictures.Data, "--pretrained_weights", toy]);
        Assert.Equal(2, asked.Code);
        Assert.Contains("give --num_heads, one of 1, 2, ", asked.Errors);
    }

    [Fact, Trait("Category", "Golden")]
    public void A_folder_that_a_person_made_goes_through_every_evaluation_of_an_original_checkpoint_in_processes_of_their_own()
    {
        // grey ones, odd sizes, names with blanks and accents; other suffixes lie about
        var data = Path.Combine(root, "my pictures");
        for (var i = 0; i < 24; i++) SmallPictures.Draw(Path.Combine(data, i < 16 ? "train" : "val", i % 2 == 0 ? "gauche é" : "right side", $"no {i}.{(i % 3 == 0 ? "png" : "jpg")}"), i);
        File.WriteAllText(Path.Combine(data, "train", "right side", "notes.txt"), "none");
        var weights = GoldenFolder.Own("checkpoint_toy.pth");
        string[] common = ["--data_path", data, "--num_heads", "2", "--num_workers", "2", "--json"];

        var probe = Semaim.Run(["linprobe", .. common, "--finetune", weights, "--batch_size", "8", "--epochs", "2", "--output_dir", root]);
        var tuned = Semaim.Run(["finetune", .. common, "--finetune", weights, "--batch_size", "8", "--epochs", "2", "--output_dir", root, "--experiment", "mine"]);
        var embedded = Semaim.Run(["embed", .. common, "--split", "train", "--pretrained_weights", weights, "--output", Path.Combine(root, "e", "f.safetensors")]);

        foreach (var (code, _, errors) in new[] { probe, tuned, embedded }) Assert.True(code == 0, errors);
        Assert.All(new[] { probe, tuned }, r => Assert.Equal(8, Last(r.Output).GetProperty("samples").GetInt32()));
        Assert.All(new[] { probe, tuned }, r => Assert.Equal(2, Last(r.Output).GetProperty("protocol").GetProperty("classes").GetInt32()));
        Assert.True(Last(embedded.Output).GetProperty("images_per_second").GetDouble() > 0);
        Assert.Equal(16, File.ReadLines(Path.Combine(root, "e", "index.jsonl")).Count());
        Assert.True(File.Exists(Path.Combine(Last(probe.Output).GetProperty("run").GetString()!, "best.safetensors")));
        Assert.EndsWith(".exp.linear", Last(probe.Output).GetProperty("run").GetString());
        var judged = Semaim.Run(["finetune", .. common, "--eval", "--output_dir", root, "--experiment", "mine", "--finetune", weights]);
        Assert.Equal(Last(tuned.Output).GetProperty("top1").GetDouble(), Last(judged.Output).GetProperty("top1").GetDouble());
        var reported = Semaim.Run("report", Last(tuned.Output).GetProperty("run").GetString()!, Last(probe.Output).GetProperty("run").GetString()!, "--output", Path.Combine(root, "both.html"));
        Assert.True(reported.Code == 0, reported.Errors);
        Assert.Contains("held out also in training 0", File.ReadAllText(Path.Combine(root, "both.html")));
    }

    [Fact]
    public void Embedding_that_was_interrupted_ends_with_the_same_bytes()
    {
        string[] Args(string name, params string[] more) => ["embed", "--data_path", pictures.Data, "--split", "train", "--pretrained_weights", pictures.Weights, "--batch_size", "16", "--output", Path.Combine(root, name, "features.safetensors"), "--quiet", .. more];
        Assert.Equal(0, Call(Args("whole")).Code);
        Assert.Equal(75, Call(Args("parts", "--max_time", "0.001s")).Code);
        Assert.False(File.Exists(Path.Combine(root, "parts", "features.safetensors")));
        var code = 75;
        for (var i = 0; code == 75 && i < 5; i++) code = Call(Args("parts", "--max_time", "0.001s")).Code;

        Assert.Equal(0, code);
        foreach (var file in new[] { "features.safetensors", "index.jsonl" }) Assert.Equal(File.ReadAllBytes(Path.Combine(root, "whole", file)), File.ReadAllBytes(Path.Combine(root, "parts", file)));
        var index = File.ReadAllLines(Path.Combine(root, "whole", "index.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        using var features = SafetensorsFile.Open(Path.Combine(root, "whole", "features.safetensors"));
        Assert.Equal([40, EncoderSizes.Named("aim_tiny").Width], features.Shape("features"));
        Assert.Equal(Enumerable.Range(0, 40), index.Select(i => i.GetProperty("row").GetInt32()));
        Assert.All(index, i => Assert.True(File.Exists(Path.Combine(pictures.Data, "train", i.GetProperty("path").GetString()!))));
    }

    [Fact]
    public void What_would_lie_is_refused_in_one_line()
    {
        var other = Path.Combine(root, "other");
        foreach (var (split, names) in new[] { ("train", new[] { "a", "b" }), ("val", ["a", "c"]) })
            foreach (var name in names) Plain(Path.Combine(other, split, name, "0.png"), 0);
        var twice = Path.Combine(root, "twice");
        foreach (var split in new[] { "train", "val" })
            for (var i = 0; i < 8; i++) Plain(Path.Combine(twice, split, i % 2 == 0 ? "a" : "b", $"{i}.png"), split == "val" && i > 2 ? i + 100 : i);
        foreach (var (want, expected, args) in new (int, string, string[])[]
        {
            (2, "--pretrained_weights is missing", ["knn", "--data_path", pictures.Data]),
            (2, "--finetune is missing: random weights are not probed in silence", ["linprobe", "--data_path", pictures.Data]),
            (2, "there is nothing to judge", ["finetune", "--data_path", pictures.Data, "--eval", "--model", "vit_tiny", "--output_dir", root]),
            (3, "\"head.weight\" is lacking", ["finetune", "--data_path", pictures.Data, "--eval", "--finetune", pictures.Weights, "--output_dir", root]),
            (3, "the classes of val are not those of train: val lacks b, val also has c", ["knn", "--data_path", other, "--pretrained_weights", pictures.Weights]),
            (3, $"\"cls_token\" is 1×1×{EncoderSizes.Named("aim_tiny").Width}, this model has 1×1×768", ["knn", "--data_path", pictures.Data, "--pretrained_weights", pictures.Weights, "--model", "aim_base"]),
            (3, "there is no such file", ["linprobe", "--data_path", pictures.Data, "--finetune", Path.Combine(root, "no.pth")]),
            (2, "--model vit_bsae: there is no such model", ["finetune", "--data_path", pictures.Data, "--model", "vit_bsae"]),
            (2, "--nb_classes 3: the data has 10 classes", ["finetune", "--data_path", pictures.Data, "--finetune", pictures.Weights, "--nb_classes", "3"]),
            (2, "--batch_size 7: an even number", ["finetune", "--data_path", pictures.Data, "--finetune", pictures.Weights, "--batch_size", "7", "--mixup", "0.8"]),
            (2, "a file; give a folder, all pictures below it are taken", ["embed", "--data_path", Path.Combine(twice, "val", "a", "0.png"), "--pretrained_weights", pictures.Weights, "--output", Path.Combine(root, "none.safetensors")]),
            (2, "there is no such folder", ["embed", "--data_path", Path.Combine(twice, "test"), "--pretrained_weights", pictures.Weights, "--output", Path.Combine(root, "none.safetensors")]),
            (2, "--nb_knn 0", ["knn", "--data_path", pictures.Data, "--pretrained_weights", pictures.Weights, "--nb_knn", "0"]),
        })
        {
            var (code, _, errors) = Call([.. args, "--quiet"]);

            Assert.True(code == want, $"{string.Join(' ', args)}: {code} {errors}");
            Assert.Contains(expected, Assert.Single(errors.Trim().Split('\n')));
        }
        var warned = Call(["knn", "--data_path", twice, "--pretrained_weights", pictures.Weights, "--nb_knn", "3", "--quiet", "--json"]);
        Assert.Equal(0, warned.Code);
        Assert.Contains("warning: 3 of 8 held-out pictures are also training pictures", warned.Errors);
        Assert.Equal(3, Last(warned.Output).GetProperty("protocol").GetProperty("held_out_also_in_training").GetInt32());
    }

    [Fact]
    public void Three_protocols_compare_a_network_with_itself_and_find_no_difference()
    {
        using (var log = new Runtime.Logging.MetricsLog(Path.Combine(root, "metrics.jsonl")))
        {
            var rows = ThreeProtocols.Run(pictures.Data, root, pictures.Weights, pictures.Weights, pictures: 40, seed: 1, quiet: true, log);

            Assert.Equal(["linear probe", "fine-tuning", "k-NN, as knn has it"], rows.Select(r => r.Protocol));
            Assert.All(rows, r => Assert.Equal(r.Before, r.After));
            Assert.All(rows, r => Assert.StartsWith("no difference beyond chance", r.Verdict));
        }
        Assert.Equal(3, File.ReadLines(Path.Combine(root, "metrics.jsonl")).Count());
        Assert.Equal("gained 10.0 ± 1.4", new ProtocolComparison("", (40, 1), (50, 1)).Verdict);
        Assert.Equal("lost 10.0 ± 1.4", new ProtocolComparison("", (50, 1), (40, 1)).Verdict);
    }

    private static JsonElement Last(string output) => JsonDocument.Parse(output.Trim().Split('\n')[^1]).RootElement;

    private byte[] Bytes(string name, string file, string kind = "") => File.ReadAllBytes(Path.Combine(root, name, "vit_tiny.exp" + kind, file));

    // the program's entry in this process: standard output and error of a call, which follow each other in this class
    private static (int Code, string Output, string Errors) Call(string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        var (was, wasError) = (Console.Out, Console.Error);
        Console.SetOut(output);
        Console.SetError(errors);
        try { return (CommandLineProgram.Run(args), output.ToString(), errors.ToString()); }
        finally
        {
            Console.SetOut(was);
            Console.SetError(wasError);
        }
    }

    private static void Plain(string path, int seed)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var bitmap = new SkiaSharp.SKBitmap(new SkiaSharp.SKImageInfo(40, 40, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Opaque));
        var level = (byte)((seed % 2 == 0 ? 10 : 225) + seed % 23);
        bitmap.Erase(new SkiaSharp.SKColor(level, (byte)(level + 1), (byte)(seed % 30 + (seed % 2 == 0 ? 0 : 220))));
        using var data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}
