using System.Text.Json;
using System.Text.RegularExpressions;
using SemAim.Runtime.Checkpoints;
using SemAim.Runtime.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Data;

/// <summary>The transforms of the original's programs on recorded pictures: every folder of the golden data with an images.json. Pixels and sizes to the byte, random crops by their distribution.</summary>
[Trait("Category", "Golden")]
[GoldenKind("transforms*/images.json")]
[GoldenKind("transforms*/size_tables*.json")]
[GoldenKind("transforms*/crop_statistics*.json")]
[GoldenKind("transforms*/eval_tensors*.safetensors")]
[GoldenKind("transforms*/*.png")]
[GoldenKind("transforms*/*.jpg")]
public sealed unsafe partial class GoldenTransformTests
{
    public static TheoryData<string> Pictures
    {
        get
        {
            var pictures = new TheoryData<string>();
            foreach (var list in GoldenSetTheoryAttribute.Files("images.json"))
            {
                using var json = JsonDocument.Parse(File.ReadAllText(list));
                foreach (var picture in json.RootElement.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Object && p.Value.TryGetProperty("file", out _)))
                    pictures.Add(Path.Combine(Path.GetRelativePath(GoldenFolder.Path, Path.GetDirectoryName(list)!), picture.Name));
            }
            return pictures;
        }
    }

    public static TheoryData<string> SizeTables => [.. GoldenSetTheoryAttribute.Files("size_tables*.json").Select(f => Path.GetRelativePath(GoldenFolder.Path, f))];

    public static TheoryData<string> CropStatistics => [.. GoldenSetTheoryAttribute.Files("crop_statistics*.json").Select(f => Path.GetRelativePath(GoldenFolder.Path, f))];

    [GoldenSetTheory("images.json")]
    [MemberData(nameof(Pictures))]
    public void A_picture_goes_through_every_recorded_transform_to_the_byte(string picture)
    {
        var (folder, name) = (Path.Combine(GoldenFolder.Path, Path.GetDirectoryName(picture)!), Path.GetFileName(picture));
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "images.json")));
        var entry = json.RootElement.GetProperty(name);
        var file = File.ReadAllBytes(Path.Combine(folder, entry.GetProperty("file").GetString()!));
        using var decoder = new ImageDecoder();
        var decoded = decoder.Decode(file);
        Assert.Equal([entry.GetProperty("size_wh")[0].GetInt32(), entry.GetProperty("size_wh")[1].GetInt32()], [decoded.Width, decoded.Height]);
        foreach (var property in entry.EnumerateObject())
        {
            if (property.Name == "decoded") AssertSame(Planar(folder, property.Value.GetString()!, out _, out _), Planes(decoder.Decode(file)), entry.GetProperty("file").GetString()!);
            else if (EvalName().Match(property.Name) is { Success: true } eval) Evaluated(folder, property.Value.GetString()!, file, int.Parse(eval.Groups[1].ValueSpan), name);
            else if (ResizeName().Match(property.Name) is { Success: true } resize)
            {
                var (w, h) = CropGeometry.ResizeShorter(decoded.Width, decoded.Height, int.Parse(resize.Groups[1].ValueSpan));
                Assert.Equal((property.Value[0].GetInt32(), property.Value[1].GetInt32()), (w, h));
                Resized(folder, $"{name}.resize{resize.Groups[1].Value}.png", file, null, PilFilter.Bicubic);
            }
            else if (property.Name == "rrc")
                foreach (var c in property.Value.EnumerateArray())
                    Resized(folder, c.GetProperty("file").GetString()!, file, new Box(c.GetProperty("left").GetInt32(), c.GetProperty("top").GetInt32(), c.GetProperty("width").GetInt32(), c.GetProperty("height").GetInt32()), PilFilter.Bicubic);
        }
        foreach (var bilinear in Directory.EnumerateFiles(folder, name + ".bilinear*.png")) Resized(folder, Path.GetFileName(bilinear), file, null, PilFilter.Bilinear);
    }

    private static void Evaluated(string folder, string expected, byte[] file, int size, string name)
    {
        using var pipeline = EvaluationPipeline.Classification(size);
        var row = new byte[3 * size * size];
        var info = new RowInfo();
        fixed (byte* p = row) pipeline.Run(file, default, p, ref info);
        AssertSame(Planar(folder, expected, out _, out _), row, expected);
        foreach (var tensors in Directory.EnumerateFiles(folder, "eval_tensors*.safetensors"))
        {
            using var scope = NewDisposeScope();
            using var recorded = SafetensorsFile.Open(tensors);
            var key = $"{name}.eval{size}.tensor_sub";
            if (!recorded.Names.Contains(key)) continue;
            using var uploader = new DeviceUploader(CPU, 1, size, 4, [0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);
            var normalised = uploader.Normalize(tensor(row, dtype: ScalarType.Byte).view(1, 3, size, size))[0];
            var thinned = normalised[TensorIndex.Colon, TensorIndex.Slice(step: 16), TensorIndex.Slice(step: 16)];
            GoldenReport.Within("transforms*/eval_tensors*.safetensors", key, "values", (thinned - recorded.Read(key)).abs().max().item<float>(), 0);
        }
    }

    private static void Resized(string folder, string expected, byte[] file, Box? crop, PilFilter filter)
    {
        var pixels = Planar(folder, expected, out var width, out var height);
        foreach (var scalar in new[] { false, true })
        {
            using var decoder = new ImageDecoder();
            using var resampler = new PilResampler { ForceScalar = scalar };
            var image = decoder.Decode(file);
            var result = new byte[3 * width * height];
            fixed (byte* p = result)
                resampler.Run(image.Pixels, image.Stride, crop ?? new Box(0, 0, image.Width, image.Height), width, height, new Box(0, 0, width, height), false, p, filter: filter);
            AssertSame(pixels, result, expected);
        }
    }

    [GoldenSetTheory("size_tables*.json")]
    [MemberData(nameof(SizeTables))]
    public void Sizes_and_offsets_are_torchvisions(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        var count = 0;
        foreach (var row in json.RootElement.GetProperty("resize").EnumerateArray().Select(r => r.EnumerateArray().Select(v => v.GetInt32()).ToArray()))
        {
            count++;
            Assert.Equal((row[3], row[4]), CropGeometry.ResizeShorter(row[0], row[1], row[2]));
        }
        GoldenReport.Within("transforms*/size_tables*.json", name, "differing rows", 0, 0);
        foreach (var table in json.RootElement.EnumerateObject())
        {
            if (CenterName().Match(table.Name) is not { Success: true } match) continue;
            var crop = int.Parse(match.Groups[1].ValueSpan);
            foreach (var row in table.Value.EnumerateArray().Select(r => r.EnumerateArray().Select(v => v.GetInt32()).ToArray()))
            {
                count++;
                Assert.Equal(((row[2] % 256 + 256) % 256, (row[3] % 256 + 256) % 256), ((CropGeometry.CenterOffset(row[0], crop) % 256 + 256) % 256, (CropGeometry.CenterOffset(row[1], crop) % 256 + 256) % 256));
            }
        }

        Assert.True(count > 0);
    }

    [GoldenSetTheory("crop_statistics*.json")]
    [MemberData(nameof(CropStatistics))]
    public void Random_crops_have_the_originals_distribution(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Path, name)));
        var count = 0;
        foreach (var c in json.RootElement.EnumerateObject())
        {
            // the third recorded sampler is a helper of the original that no program calls (behaviour.md 6.8)
            var sampler = c.Name.StartsWith("torchvision_pretrain", StringComparison.Ordinal) ? TrainingOptions.Pretraining(7, 224) : c.Name.StartsWith("timm_finetune", StringComparison.Ordinal) ? TrainingOptions.Finetuning(7, 224, null, 0, 0, 1) : null;
            if (sampler is null) continue;
            count++;
            var size = c.Name[(c.Name.LastIndexOf(' ') + 1)..].Split('x').Select(int.Parse).ToArray();
            const int draws = 60000;
            double[] area = new double[draws], aspect = new double[draws];
            double top = 0, left = 0;
            var (flips, whole) = (0, 0);
            for (var i = 0; i < draws; i++)
            {
                var rng = new SampleRng(7, 0, (ulong)i, RngStream.Geometry);
                var plan = CropGeometry.RandomResizedCrop(ref rng, size[0], size[1], 224, sampler.MinScale, sampler.MaxScale);
                var b = plan.Source;
                (area[i], aspect[i]) = ((double)b.Width * b.Height / (size[0] * size[1]), (double)b.Width / b.Height);
                top += (double)b.Y / Math.Max(1, size[1] - b.Height);
                left += (double)b.X / Math.Max(1, size[0] - b.Width);
                if (plan.Flip) flips++;
                if (b == new Box(0, 0, size[0], size[1])) whole++;
            }
            Array.Sort(area);
            Array.Sort(aspect);
            // five standard errors: the recorded 20,000 draws and ours; a quantile's is √(q(1−q)/n) over the density, here at least 1
            var tolerance = 5 * Math.Sqrt(0.25 / 20000 + 0.25 / draws);
            var quantiles = c.Value.GetProperty("quantiles").EnumerateArray().Select(v => v.GetDouble()).ToArray();
            for (var i = 0; i < quantiles.Length; i++)
            {
                Assert.Equal(c.Value.GetProperty("area_fraction")[i].GetDouble(), area[(int)(quantiles[i] * (draws - 1))], tolerance);
                Assert.Equal(c.Value.GetProperty("aspect_w_over_h")[i].GetDouble(), aspect[(int)(quantiles[i] * (draws - 1))], tolerance);
            }
            GoldenReport.Within("transforms*/crop_statistics*.json", name, "mean area", Math.Abs(c.Value.GetProperty("area_mean").GetDouble() - area.Average()), tolerance);
            Assert.Equal(c.Value.GetProperty("top_over_range_mean").GetDouble(), top / draws, tolerance);
            Assert.Equal(c.Value.GetProperty("left_over_range_mean").GetDouble(), left / draws, tolerance);
            Assert.Equal(c.Value.GetProperty("whole_image_fraction").GetDouble(), (double)whole / draws, 0.001);
            Assert.Equal(0.5, (double)flips / draws, tolerance);
        }

        Assert.True(count > 0);
    }

    private static void AssertSame(byte[] expected, byte[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var different = expected.Zip(actual).Count(p => p.First != p.Second);
        foreach (var kind in new[] { "transforms*/images.json", what.EndsWith(".jpg", StringComparison.Ordinal) ? "transforms*/*.jpg" : "transforms*/*.png" }) GoldenReport.Within(kind, what, "differing bytes", different, 0);
    }

    private static byte[] Planar(string folder, string file, out int width, out int height)
    {
        using var decoder = new ImageDecoder();
        var image = decoder.Decode(File.ReadAllBytes(Path.Combine(folder, file)));
        (width, height) = (image.Width, image.Height);
        return Planes(image);
    }

    private static byte[] Planes(in DecodedImage image)
    {
        var planes = new byte[3 * image.Width * image.Height];
        fixed (byte* p = planes) PilResampler.ToPlanar(image.Pixels, image.Width * image.Height, p);
        return planes;
    }

    [GeneratedRegex(@"^eval(\d+)$")]
    private static partial Regex EvalName();

    [GeneratedRegex(@"^resize(\d+)_size_wh$")]
    private static partial Regex ResizeName();

    [GeneratedRegex(@"^center_crop_(\d+)$")]
    private static partial Regex CenterName();
}
