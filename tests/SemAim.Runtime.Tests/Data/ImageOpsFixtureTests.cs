using System.Globalization;
using System.Text.Json;
using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>Operations on the 24 × 20 picture of behaviour.md 13, byte for byte as Pillow and timm gave them.</summary>
public sealed unsafe class ImageOpsFixtureTests
{
    private static readonly JsonElement Recorded = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenFolder.Fixtures, "golden_image_ops.json"))).RootElement;

    public static TheoryData<string> Operations => [.. Recorded.GetProperty("ops").EnumerateObject().Select(o => o.Name)];

    [Theory]
    [MemberData(nameof(Operations))]
    public void Operations_give_the_recorded_bytes_with_and_without_SIMD(string name)
    {
        var image = Recorded.GetProperty("image");
        int width = image.GetProperty("w").GetInt32(), height = image.GetProperty("h").GetInt32();
        var pixels = Bytes(image.GetProperty("data"));
        for (var i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % width, y = i / 3 / width, c = i % 3;
            Assert.Equal((byte)(((3 * x * x + 5 * y * y + 7 * x * y) / 4 + 31 * c * c + 17 * c) % 256), pixels[i]);
        }
        var recorded = Recorded.GetProperty("ops").GetProperty(name);
        var size = recorded.GetProperty("size").EnumerateArray().Select(s => s.GetInt32()).ToArray();
        var want = Bytes(recorded.GetProperty("data"));

        foreach (var scalar in new[] { false, true }) Assert.True(want.AsSpan().SequenceEqual(Apply(name, pixels, width, height, size, scalar)), $"scalar {scalar}");
    }

    private static byte[] Apply(string name, byte[] pixels, int width, int height, int[] size, bool scalar)
    {
        var whole = new Box(0, 0, width, height);
        byte[] Resized(Box box, int w, int h, Box window)
        {
            var (source, target) = (Rgbx(pixels), new byte[window.Width * window.Height * 4]);
            using var resampler = new PilResampler { ForceScalar = scalar };
            fixed (byte* p = source, q = target) resampler.Run(p, width * 4, box, w, h, window, false, q, planar: false);
            return Rgb(target, window.Width * window.Height);
        }
        if (name.StartsWith("resize_bicubic", StringComparison.Ordinal)) return Resized(whole, size[0], size[1], new Box(0, 0, size[0], size[1]));
        if (name == "resized_crop_i3_j5_h11_w14_to_9x9") return Resized(new Box(5, 3, 14, 11), 9, 9, new Box(0, 0, 9, 9));
        if (name == "tv_Resize13_bicubic")
        {
            var (w, h) = CropGeometry.ResizeShorter(width, height, 13);
            return Resized(whole, w, h, new Box(0, 0, w, h));
        }
        if (name == "tv_CenterCrop_11") return Resized(whole, width, height, new Box(CropGeometry.CenterOffset(width, 11), CropGeometry.CenterOffset(height, 11), 11, 11));

        var of = name.EndsWith("_of_60plusquarter", StringComparison.Ordinal) ? [.. pixels.Select(v => (byte)(60 + v / 4))] : pixels;
        var parts = name.Replace("_of_60plusquarter", "").Split('_');
        var argument = double.TryParse(parts[^1], CultureInfo.InvariantCulture, out var number) ? number : 0;
        var (source, target, scratch) = (Rgbx(of), new byte[width * height * 4 + 64], new byte[width * height * 4 + 64]);
        fixed (byte* p = source, q = target, r = scratch)
        {
            // Color at factor 0 is the grey picture
            var op = name == "to_L" ? AugmentOp.Color : Enum.Parse<AugmentOp>(string.Concat(parts.TakeWhile(s => s != "rel" && !char.IsDigit(s[^1]))), ignoreCase: true);
            new RandAugment(new RandAugmentOptions { Bicubic = true }, width, height, scalar).ApplyOne(op, argument, p, q, r);
        }
        return Rgb(target, width * height);
    }

    private static byte[] Bytes(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetByte())];

    private static byte[] Rgbx(byte[] rgb)
    {
        var result = new byte[rgb.Length / 3 * 4 + 64];
        for (var i = 0; i < rgb.Length / 3; i++) rgb.AsSpan(i * 3, 3).CopyTo(result.AsSpan(i * 4));
        return result;
    }

    private static byte[] Rgb(byte[] rgbx, int pixels)
    {
        var result = new byte[pixels * 3];
        for (var i = 0; i < pixels; i++) rgbx.AsSpan(i * 4, 3).CopyTo(result.AsSpan(i * 3));
        return result;
    }
}
