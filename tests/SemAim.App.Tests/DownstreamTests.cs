using System.Text.Json;
using SemAim.Runtime.Data.Demo;
using SkiaSharp;

namespace SemAim.App.Tests;

/// <summary>From a folder that a person made to weights, neighbours, a figure and a page, with the real program.</summary>
public sealed class DownstreamTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("semaim-app-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void A_folder_of_mixed_pictures_with_a_broken_one_is_trained_on_measured_drawn_and_reported()
    {
        var data = Path.Combine(root, "data");
        DemoSet.Write(data, new DemoSetOptions(Train: 60, Val: 20));
        Grey(Path.Combine(data, "train", "rings", "grey.png"));
        File.WriteAllBytes(Path.Combine(data, "train", "rings", "broken.jpg"), [0xFF, 0xD8, 0xFF, 0, 1, 2]);

        var trained = Semaim.Run("pretrain", "--data-path", data, "--model", "aim_tiny", "--batch_size", "8", "--max_steps", "16", "--norm_pix_loss", "--permutation_type", "attention_center", "--clip_grad", "3", "--lr", "1e-3", "--output_dir", root);

        Assert.True(trained.Code == 0, trained.Errors);
        var run = Path.Combine(root, "aim_tiny.exp");
        var lines = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Contains(lines, l => l.GetProperty("kind").GetString() == "step" && l.GetProperty("step").GetInt64() == 16);
        Assert.Contains("broken.jpg", Assert.Single(lines, l => l.GetProperty("kind").GetString() == "event" && l.GetProperty("event").GetString() == "refused sample").GetProperty("path").GetString());
        Assert.Contains("broken.jpg", trained.Errors);

        var knn = Semaim.Run("knn", "--data_path", data, "--model", "aim_tiny", "--pretrained_weights", Path.Combine(run, "model.safetensors"), "--json");
        Assert.Equal(3, knn.Code);                                       // an evaluation replaces nothing
        File.Delete(Path.Combine(data, "train", "rings", "broken.jpg"));
        knn = Semaim.Run("knn", "--data_path", data, "--model", "aim_tiny", "--pretrained_weights", Path.Combine(run, "model.safetensors"), "--json");
        Assert.True(knn.Code == 0, knn.Errors);
        Assert.Equal(20, JsonDocument.Parse(knn.Output.Trim().Split('\n')[^1]).RootElement.GetProperty("test").GetInt32());

        var figure = Path.Combine(root, "orders.png");
        var drawn = Semaim.Run("visualize", "--data_path", Path.Combine(data, "val"), "--pretrained_weights", Path.Combine(run, "model.safetensors"), "--figure", figure, "--count", "2");
        Assert.True(drawn.Code == 0, drawn.Errors);
        using var image = SKBitmap.Decode(figure);
        Assert.True(image.Width > 2000 && image.Height > 400);

        var reported = Semaim.Run("report", run);
        Assert.True(reported.Code == 0, reported.Errors);
        var html = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("Training loss", html);
        Assert.Contains("Memory, GB", html);
        Assert.DoesNotMatch("(src|href|url)\\s*[=(]\\s*[\"']?https?:", html);
    }

    private static void Grey(string path)
    {
        using var bitmap = new SKBitmap(90, 40, SKColorType.Gray8, SKAlphaType.Opaque);
        for (var i = 0; i < 90; i++) for (var j = 0; j < 40; j++) bitmap.SetPixel(i, j, new SKColor((byte)(i * 2), (byte)(i * 2), (byte)(i * 2)));
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}
