using SemAim.Models;
using SemAim.Runtime.Checkpoints;
using SkiaSharp;

namespace SemAim.App.Tests;

/// <summary>The real program draws the checkpoints that it is given.</summary>
public sealed class VisualizeTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-visualize-").FullName;
    private readonly string toy = GoldenFolder.Own("checkpoint_toy.pth");

    public VisualizeTests()
    {
        using var bitmap = new SKBitmap(300, 120);
        for (var y = 0; y < 120; y++) for (var x = 0; x < 300; x++) bitmap.SetPixel(x, y, new SKColor((byte)(x * 255 / 299), (byte)(y * 2), 90));
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(Path.Combine(folder, "wide.png"), data.ToArray());
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_originals_checkpoint_is_drawn_with_the_sizes_it_shows()
    {
        var (code, _, errors) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", toy, "--num_heads", "2", "--figure", At("figure.png"), "--scale", "1");
        Assert.True(code == 0, errors);
        using var figure = SKBitmap.Decode(At("figure.png"));
        Assert.Equal(App.Figures.OrdersFigure.Size(4, 1), (figure.Width, figure.Height));
    }

    [Fact]
    public void A_network_of_unpublished_sizes_gives_every_picture_and_a_wide_one_is_shown_as_the_network_sees_it()
    {
        var weights = At("small.safetensors");
        using (var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192)) ModelWeights.Save(model, weights);
        var (figure, stages, moving, singles) = (At("figure.png"), At("stages.png"), At("moving.png"), At("singles"));
        var (code, _, errors) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", weights, "--num_heads", "2", "--attention_type", "gap", "--orders", "raster,attention_center",
            "--figure", figure, "--stages", stages, "--animate", moving, "--singles", singles, "--gaussian_kernel_size", "9", "--blend", "0");
        Assert.True(code == 0, errors);
        foreach (var file in new[] { figure, stages, moving }) Assert.True(new FileInfo(file).Length > 1000, file);
        using var input = SKBitmap.Decode(Path.Combine(singles, "00-input.png"));
        Assert.Equal((32, 32), (input.Width, input.Height));
        // the middle of the wide picture: half red at the middle column, and its sides cut off
        Assert.InRange(input.GetPixel(16, 16).Red, 118, 138);
        Assert.InRange(input.GetPixel(0, 16).Red, 70, 105);
        Assert.True(File.Exists(Path.Combine(singles, "00-target-blurred.png")) && File.Exists(Path.Combine(singles, "00-attention_center-loss.png")));
    }

    [Fact]
    public void Every_order_is_drawn()
    {
        var weights = At("small.safetensors");
        using (var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192)) ModelWeights.Save(model, weights);

        foreach (var names in Models.Orders.Orders.Names.Chunk(8))
        {
            var (code, _, errors) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", weights, "--num_heads", "2", "--orders", string.Join(',', names), "--singles", At("all"), "--scale", "1");
            Assert.True(code == 0, errors);
        }

        Assert.Equal(Models.Orders.Orders.Names.Select(n => $"00-{n}-order.png").Order(StringComparer.Ordinal), Directory.EnumerateFiles(At("all"), "*-order.png").Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Networks_that_were_trained_in_different_orders_stand_beside_each_other_with_their_own_maps()
    {
        var (one, other) = (At("one.safetensors"), At("other.safetensors"));
        TorchSharp.torch.random.manual_seed(5);
        foreach (var weights in new[] { one, other })
            using (var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192)) ModelWeights.Save(model, weights);

        var (code, _, errors) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", one, other, "--num_heads", "2", "--orders", "raster,attention", "--figure", At("figure.png"), "--singles", At("singles"));

        Assert.True(code == 0, errors);
        byte[] Single(string name) => File.ReadAllBytes(Path.Combine(At("singles"), $"00-{name}.png"));
        Assert.NotEqual(Single("raster-similarity"), Single("attention-similarity"));
        using var figure = SKBitmap.Decode(At("figure.png"));
        Assert.Equal(App.Figures.OrdersFigure.Size(2, 1).Width * 2, figure.Width);
        var (wrong, _, message) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", one, other, "--num_heads", "2");
        Assert.Equal(2, wrong);
        Assert.Contains("2 files for 4 orders", message);
    }

    [Fact]
    public void A_figure_alone_needs_no_decoder_and_a_named_model_must_be_that_of_the_weights()
    {
        var weights = At("encoder.safetensors");
        using (var model = ModelCatalogue.CreateVit("vit_tiny")) ModelWeights.Save(model, weights);
        var (code, _, errors) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", weights, "--model", "aim_tiny", "--figure", At("deep/folder/figure.png"), "--scale", "1");
        Assert.True(code == 0, errors);
        Assert.True(File.Exists(At("deep/folder/figure.png")));
        foreach (var (want, message, args) in new (int, string, string[])[] { (3, "--model aim_base has patches of 16 px, width 768 and 12 blocks; these weights 8 px, 64 and 3", ["--model", "aim_base"]), (3, "predicts no pixels", ["--stages", At("stages.png")]) })
        {
            var refused = Semaim.Run(["visualize", "--data_path", At("wide.png"), "--pretrained_weights", weights, .. args]);
            Assert.Equal(want, refused.Code);
            Assert.Contains(message, Assert.Single(refused.Errors.TrimEnd().Split('\n')));
        }
    }

    [Fact]
    public void A_network_read_from_a_file_has_its_weights_and_of_what_the_file_lacks_the_first_values()
    {
        var (whole, part) = (At("whole.safetensors"), At("part.safetensors"));
        TorchSharp.torch.random.manual_seed(7);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192);
        ModelWeights.Save(model, whole);
        SafetensorsWriter.Write(part, model.state_dict().Where(w => !w.Key.StartsWith("norm.", StringComparison.Ordinal)).Select(w => KeyValuePair.Create(w.Key, w.Value)));

        using var read = PretrainedAim.Open(whole, heads: 2);
        using var encoder = PretrainedAim.Open(part, heads: 2, encoderOnly: true);

        var (own, seen) = (model.Slots().ToDictionary(s => s.Name, s => s.Weight.Tensor), encoder.Model.Slots().ToDictionary(s => s.Name, s => s.Weight.Tensor));
        foreach (var slot in read.Model.Slots()) Assert.True(slot.Weight.Tensor.equal(own[slot.Name]).all().item<bool>(), slot.Name);
        Assert.All(seen["norm.weight"].data<float>().ToArray(), w => Assert.Equal(1, w));
        Assert.All(seen["norm.bias"].data<float>().ToArray(), b => Assert.Equal(0, b));
        Assert.True(seen["blocks.1.mlp.fc2.weight"].equal(own["blocks.1.mlp.fc2.weight"]).all().item<bool>());
    }

    [Fact]
    public void Heads_that_nobody_knows_are_asked_for_and_impossible_ones_refused()
    {
        var (code, _, errors) = Semaim.Run("visualize", "--data_path", At("wide.png"), "--pretrained_weights", toy);
        Assert.Equal(2, code);
        Assert.Contains("--num_heads", Assert.Single(errors.TrimEnd().Split('\n')));
    }

    [Fact]
    public void Pictures_are_turned_and_capped_as_the_options_say()
    {
        var (weights, photo) = (At("small.safetensors"), At("turned.jpg"));
        using (var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192)) ModelWeights.Save(model, weights);
        File.Copy(Path.Combine(SemAim.Tests.GoldenFolder.Repository, "tests", "golden", "transforms", "exif6.jpg"), photo);
        (int Code, string Errors) Look(string singles, params string[] more)
        {
            var (code, _, errors) = Semaim.Run(["visualize", "--data_path", photo, "--pretrained_weights", weights, "--num_heads", "2", "--orders", "raster", "--singles", At(singles), .. more]);
            return (code, errors);
        }
        Assert.Equal((0, ""), Look("stored"));
        Assert.Equal((0, ""), Look("upright", "--honour-orientation"));
        using SKBitmap stored = SKBitmap.Decode(At("stored/00-input.png")), upright = SKBitmap.Decode(At("upright/00-input.png"));
        // 6: the right side of what is stored is the lower one; resizing the other way round rounds differently
        for (var y = 0; y < 32; y++)
            for (var x = 0; x < 32; x++) Assert.True(Math.Abs(stored.GetPixel(y, 31 - x).Red - upright.GetPixel(x, y).Red) <= 3, $"{x}, {y}");
        Assert.NotEqual(stored.Bytes, upright.Bytes);

        var (refused, message) = Look("none", "--max-pixels", "100");
        Assert.Equal(3, refused);
        Assert.Contains("exceeds the limit of 100 pixels", Assert.Single(message.TrimEnd().Split('\n')));
    }

    private string At(string name) => Path.Combine(folder, name);
}
