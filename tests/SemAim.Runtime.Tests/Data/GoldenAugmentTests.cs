using System.Text.Json;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Data;

/// <summary>What timm and Pillow made of the recorded inputs: RandAugment, RandomErasing, Mixup and CutMix. Tolerance 0.</summary>
[Trait("Category", "Golden")]
public sealed unsafe class GoldenAugmentTests
{
    [GoldenTheory("randaug*.safetensors")]
    [GoldenFiles]
    [GoldenKind("randaug*.safetensors")]
    public void Operations_give_timms_bytes_with_and_without_SIMD(string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(GoldenFolder.Path, name));
        using var ops = JsonDocument.Parse(file.Metadata["ops"]);
        using var settings = JsonDocument.Parse(file.Metadata["hparams"]);
        var mean = settings.RootElement.GetProperty("img_mean").EnumerateArray().Select(v => v.GetUInt32()).ToArray();
        var fill = mean[0] | mean[1] << 8 | mean[2] << 16;
        var wrong = new List<string>();
        foreach (var c in ops.RootElement.EnumerateArray())
        {
            var key = c.GetProperty("key").GetString()!;
            var dot = key.IndexOf('.', StringComparison.Ordinal);
            var input = dot > 0 && key[..dot] + ".input" is var own && file.Names.Contains(own) ? own : "input";
            using var source = file.Read(input);
            using var expected = file.Read(key);
            var bilinear = c.TryGetProperty("resample", out var r) && r.GetString() == "bilinear";
            foreach (var scalar in new[] { false, true })
                if (!Apply(c, source, bilinear, fill, scalar).AsSpan().SequenceEqual(expected.data<byte>().ToArray())) wrong.Add($"{key} (scalar {scalar})");
        }

        Assert.True(ops.RootElement.GetArrayLength() > 0);
        GoldenReport.Equal("randaug*.safetensors", name, "differing pictures", wrong);
    }

    private static byte[] Apply(JsonElement c, Tensor source, bool bilinear, uint fill, bool scalar)
    {
        var (height, width) = ((int)source.shape[0], (int)source.shape[1]);
        var rgb = source.data<byte>().ToArray();
        byte[] image = new byte[width * height * 4 + 64], target = new byte[image.Length], scratch = new byte[image.Length];
        for (var i = 0; i < width * height; i++) rgb.AsSpan(i * 3, 3).CopyTo(image.AsSpan(i * 4));
        var name = c.GetProperty("op").GetString()!;
        var argument = c.GetProperty("arg") is var a && a.GetArrayLength() > 0 ? a[0].GetDouble() : 0;
        fixed (byte* p = image, q = target, s = scratch)
        {
            // timm's TranslateX and TranslateY move by pixels, the others by parts of the side
            if (name is "TranslateX" or "TranslateY")
                new PilOps { ForceScalar = scalar }.Affine(p, q, width, height, name == "TranslateX" ? [1, 0, argument, 0, 1, 0] : [1, 0, 0, 0, 1, argument], !bilinear, fill);
            else
                new RandAugment(new RandAugmentOptions { Bicubic = !bilinear, Fill = fill }, width, height, scalar).ApplyOne(Operation(name), argument, p, q, s);
        }
        for (var i = 0; i < width * height; i++) target.AsSpan(i * 4, 3).CopyTo(rgb.AsSpan(i * 3));
        return rgb;
    }

    private static AugmentOp Operation(string timm) => Enum.Parse<AugmentOp>(timm.Replace("Increasing", "", StringComparison.Ordinal).Replace("Original", "", StringComparison.Ordinal).Replace("Rel", "", StringComparison.Ordinal));

    [GoldenTheory("randaug_levels*.json")]
    [GoldenFiles]
    [GoldenKind("randaug_levels*.json")]
    public void Arguments_of_levels_are_timms(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        var (wrong, count) = (new List<string>(), 0);
        foreach (var op in json.RootElement.GetProperty("table").EnumerateObject())
        {
            // of policies that the grammar refuses by name
            if (op.Name is "PosterizeOriginal" or "TranslateX" or "TranslateY") continue;
            var increasing = op.Name.EndsWith("Increasing", StringComparison.Ordinal);
            var plain = op.Name is "Posterize" or "Solarize" or "Color" or "Contrast" or "Brightness" or "Sharpness";
            foreach (var row in op.Value.EnumerateArray())
                for (var sign = 0; sign < 2; sign++)
                {
                    count++;
                    var argument = RandAugment.Argument(Operation(op.Name), row[0].GetDouble(), sign == 1, 0, increasing || !plain);
                    if (argument != row[1 + sign].GetDouble()) wrong.Add($"{op.Name} {row}: {argument:R}");
                }
        }

        Assert.True(count > 0);
        GoldenReport.Equal("randaug_levels*.json", name, "differing arguments", wrong);
    }

    // The original's random numbers, handed out again; a range other than the recorded one is an error.
    private struct Recorded(JsonElement draws) : IRandomDraws
    {
        private int at;

        internal readonly bool IsUsedUp => at == draws.GetArrayLength();

        private JsonElement Next(string kind)
        {
            Assert.True(at < draws.GetArrayLength(), "more draws than the original made");
            var draw = draws[at++];
            Assert.Equal(kind, draw[0].GetString());
            return draw;
        }

        public double NextDouble() => Next("random")[1].GetDouble();

        public double Uniform(double low, double high)
        {
            var draw = Next("uniform");
            Assert.Equal((draw[1].GetDouble(), draw[2].GetDouble()), (low, high));
            return draw[3].GetDouble();
        }

        public int NextInt(int n)
        {
            var draw = Next("randint");         // both bounds included
            Assert.Equal(draw[2].GetInt32() - draw[1].GetInt32() + 1, n);
            return draw[3].GetInt32() - draw[1].GetInt32();
        }
    }

    [GoldenTheory("random_erasing*.json")]
    [GoldenFiles]
    [GoldenKind("random_erasing*.json")]
    public void Rectangles_follow_the_recorded_draws_and_the_statistics(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        foreach (var c in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            var draws = new Recorded(c.GetProperty("draws"));
            var most = c.TryGetProperty("max_count", out var m) ? m.GetInt32() : 1;
            var boxes = new Box[most];
            var count = RandomErasing.Boxes(ref draws, c.GetProperty("chw")[2].GetInt32(), c.GetProperty("chw")[1].GetInt32(), c.GetProperty("probability").GetDouble(), most, boxes);
            var expected = c.GetProperty("box_top_left_h_w");
            var all = expected.ValueKind == JsonValueKind.Null ? [] : expected[0].ValueKind == JsonValueKind.Array ? expected.EnumerateArray().ToArray() : [expected];

            Assert.True(draws.IsUsedUp);
            GoldenReport.Within("random_erasing*.json", name, "differing rectangles", 0, 0);
            Assert.Equal(all.Select(b => new Box(b[1].GetInt32(), b[0].GetInt32(), b[3].GetInt32(), b[2].GetInt32())), boxes.Take(count));
        }
        if (!json.RootElement.TryGetProperty("statistics_64x64", out var statistics)) return;
        const int images = 40000;
        var areas = new List<double>();
        var one = new Box[1];
        for (var i = 0; i < images; i++)
        {
            var rng = new SampleRng(1, 0, (ulong)i, RngStream.Erasing);
            if (RandomErasing.Boxes(ref rng, 64, 64, 0.25, 1, one) > 0) areas.Add(one[0].Width * one[0].Height / 4096.0);
        }
        areas.Sort();
        // four standard errors of the recorded 4,000 pictures (1,000 rectangles)
        Assert.Equal(statistics.GetProperty("erased_fraction").GetDouble(), (double)areas.Count / images, 4 * Math.Sqrt(0.25 * 0.75 / statistics.GetProperty("images").GetDouble()));
        Assert.Equal(statistics.GetProperty("area_mean").GetDouble(), areas.Average(), 4 * 0.09 / Math.Sqrt(1000));
        var quantiles = statistics.GetProperty("area_quantiles_10_50_90");
        for (var i = 0; i < 3; i++) Assert.Equal(quantiles[i].GetDouble(), areas[(int)(areas.Count * new[] { 0.1, 0.5, 0.9 }[i])], 0.02);
    }

    [GoldenTheory("mixup*.safetensors")]
    [GoldenFiles]
    [GoldenKind("mixup*.safetensors")]
    public void Mixed_pictures_and_targets_are_timms(string name)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Path.Combine(GoldenFolder.Path, name));
        var classes = int.Parse(file.Metadata["num_classes"]);
        var cases = file.Metadata.Keys.Where(k => k.All(char.IsDigit)).ToList();
        Assert.NotEmpty(cases);
        foreach (var key in cases)
        {
            using var json = JsonDocument.Parse(file.Metadata[key]);
            var (kwargs, drawn) = (json.RootElement.GetProperty("kwargs"), json.RootElement.GetProperty("drawn"));
            var mode = Enum.Parse<MixMode>(kwargs.GetProperty("mode").GetString()!, ignoreCase: true);
            using var x = file.Read(key + ".x");
            using var expected = file.Read(key + ".x_out");
            using var labels = file.Read(key + ".y");
            using var target = file.Read(key + ".target");
            var (lambdas, cuts) = (drawn.GetProperty("lam"), drawn.GetProperty("use_cutmix"));
            var boxes = new Queue<JsonElement>(json.RootElement.GetProperty("boxes_yl_yh_xl_xh_and_corrected_lam").EnumerateArray());
            var draws = new MixDraw[lambdas.GetArrayLength()];
            for (var i = 0; i < draws.Length; i++)
            {
                draws[i] = new MixDraw(lambdas[i].GetDouble(), null);
                if (!cuts[i].GetBoolean() || draws[i].Lambda == 1) continue;
                var b = boxes.Dequeue();
                draws[i] = new MixDraw(b[4].GetDouble(), new Box(b[2].GetInt32(), b[0].GetInt32(), b[3].GetInt32() - b[2].GetInt32(), b[1].GetInt32() - b[0].GetInt32()));
            }

            Mixing.Apply(x, mode, draws);
            using var soft = Mixing.Targets(labels, mode, draws, classes, kwargs.TryGetProperty("label_smoothing", out var s) ? s.GetDouble() : 0.1);

            GoldenReport.Within("mixup*.safetensors", $"{name} case {key}", "pictures", (x - expected).abs().max().item<float>(), 0);
            GoldenReport.Within("mixup*.safetensors", $"{name} case {key}", "targets", (soft - target).abs().max().item<float>(), 0);
        }
    }
}
