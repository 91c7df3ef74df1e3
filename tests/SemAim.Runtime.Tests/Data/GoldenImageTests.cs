using System.Globalization;
using System.Text.Json;
using SemAim.Runtime.Data;
using SemAim.Runtime.Native;

namespace SemAim.Runtime.Tests.Data;

/// <summary>Pixels of Pillow, torchvision and timm, byte for byte: every folder of the golden data that has a manifest.</summary>
[Trait("Category", "Golden")]
[GoldenKind("images*/manifest.json")]
[GoldenKind("images*/tables.json")]
[GoldenKind("images*/decode/*")]
[GoldenKind("images*/resize/*")]
[GoldenKind("images*/pipeline/*")]
[GoldenKind("images*/augment/*")]
public sealed unsafe class GoldenImageTests
{
    private readonly List<string> wrong = [];
    private int count;

    public static TheoryData<string> Folders
    {
        get
        {
            var folders = new TheoryData<string>();
            foreach (var manifest in GoldenSetTheoryAttribute.Files("manifest.json")) folders.Add(Path.GetDirectoryName(manifest)!);
            return folders;
        }
    }

    [GoldenSetTheory("manifest.json")]
    [MemberData(nameof(Folders))]
    public void Decoded_pictures_are_Pillows(string directory)
    {
        // each with a decoder of its own, and all with one: a bad file must not harm the next
        using var shared = new ImageDecoder();
        using var skia = new ImageDecoder(new DecodeOptions(SkiaOnly: true));
        using var library = new ImageDecoder(new DecodeOptions(LibraryOnly: true));
        foreach (var c in Cases(directory, "decode"))
        {
            using var own = new ImageDecoder();
            GoldenDecode(directory, c, own, TurboJpeg.IsAvailable);
            GoldenDecode(directory, c, shared, TurboJpeg.IsAvailable);
            GoldenDecode(directory, c, library, TurboJpeg.IsAvailable);
            GoldenDecode(directory, c, skia, false);
        }
        Judge("images*/decode/*", directory, "differing pictures");
    }

    [GoldenSetTheory("manifest.json")]
    [MemberData(nameof(Folders))]
    public void Resized_pictures_are_Pillows_with_and_without_SIMD(string directory)
    {
        foreach (var c in Cases(directory, "resize"))
            foreach (var scalar in new[] { false, true }) GoldenResize(directory, c, scalar);
        Judge("images*/resize/*", directory, "differing pictures");
    }

    [GoldenSetTheory("manifest.json")]
    [MemberData(nameof(Folders))]
    public void The_whole_path_gives_torchvisions_bytes(string directory)
    {
        foreach (var c in Cases(directory, "pipeline"))
            foreach (var scalar in new[] { false, true }) GoldenPipeline(directory, c, scalar);
        Judge("images*/pipeline/*", directory, "differing pictures");
    }

    [GoldenSetTheory("manifest.json")]
    [MemberData(nameof(Folders))]
    public void Augmented_pictures_are_timms(string directory)
    {
        foreach (var c in Cases(directory, "augment"))
            foreach (var scalar in new[] { false, true }) GoldenAugment(directory, c, scalar);
        Judge("images*/augment/*", directory, "differing pictures");
    }

    [GoldenSetTheory("manifest.json")]
    [MemberData(nameof(Folders))]
    public void Tables_of_geometry_and_arguments_agree(string directory)
    {
        using var tables = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "tables.json")));
        GoldenTables(tables.RootElement);
        Judge("images*/tables.json", directory, "differing rows");
    }

    private static IEnumerable<JsonElement> Cases(string directory, string kind)
    {
        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "manifest.json")));
        return [.. manifest.RootElement.GetProperty(kind).EnumerateArray().Select(c => c.Clone())];
    }

    private void Expect(bool ok, string what)
    {
        count++;
        if (!ok) wrong.Add(what);
    }

    private void Judge(string kind, string directory, string measure)
    {
        Assert.True(count > 0, "no cases");
        GoldenReport.Equal(kind, Path.GetRelativePath(GoldenFolder.Path, directory), measure, wrong);
        GoldenReport.Within("images*/manifest.json", directory, measure, wrong.Count, 0);
    }

    private void GoldenDecode(string directory, JsonElement c, ImageDecoder decoder, bool turbo)
    {
        string name = c.GetProperty("file").GetString()!;
        if (c.TryGetProperty("needs_libjpeg_turbo", out _) && !turbo) return;
        byte[] file = File.ReadAllBytes(Path.Combine(directory, name));
        if (c.GetProperty("expect").GetString() == "error")
        {
            string? message = null;
            try { decoder.Decode(file); }
            catch (ImageDecodeException e) { message = e.Message; }
            Expect(message != null, $"{name}: decoded, but must be refused");
            return;
        }
        var expected = Read(Path.Combine(directory, c.GetProperty("pixels").GetString()!));
        try
        {
            var image = decoder.Decode(file);
            Expect(image.Width == expected.Shape[1] && image.Height == expected.Shape[0] && Rgb(image.Pixels, image.Width * image.Height).AsSpan().SequenceEqual(expected.Data), name);
        }
        catch (ImageDecodeException e)
        {
            Expect(false, $"{name}: {e.Message}");
        }
    }

    private void GoldenResize(string directory, JsonElement c, bool scalar)
    {
        var source = Read(Path.Combine(directory, c.GetProperty("source").GetString()!));
        var expected = Read(Path.Combine(directory, c.GetProperty("pixels").GetString()!));
        int[] b = Ints(c, "box"), o = Ints(c, "out"), w = Ints(c, "window");
        int width = source.Shape[1], height = source.Shape[0];
        byte[] rgbx = Rgbx(source.Data, width * height), result = new byte[expected.Data.Length];
        using var resampler = new PilResampler { ForceScalar = scalar };
        var filter = Enum.Parse<PilFilter>(c.GetProperty("filter").GetString()!, ignoreCase: true);
        fixed (byte* p = rgbx, q = result)
            resampler.Run(p, width * 4, new Box(b[0], b[1], b[2], b[3]), o[0], o[1], new Box(w[0], w[1], w[2], w[3]), c.GetProperty("flip").GetBoolean(), q, true, filter);
        Expect(ToInterleaved(result).AsSpan().SequenceEqual(expected.Data), $"resize {c.GetProperty("pixels").GetString()}");

        byte[] packed = new byte[w[2] * w[3] * 4];
        fixed (byte* p = rgbx, q = packed)
        {
            resampler.Run(p, width * 4, new Box(b[0], b[1], b[2], b[3]), o[0], o[1], new Box(w[0], w[1], w[2], w[3]), c.GetProperty("flip").GetBoolean(), q, false, filter);
            Expect(Rgb(q, w[2] * w[3]).AsSpan().SequenceEqual(expected.Data), $"resize to RGBX {c.GetProperty("pixels").GetString()}");
        }
    }

    private void GoldenPipeline(string directory, JsonElement c, bool scalar)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(directory, c.GetProperty("file").GetString()!));
        var expected = Read(Path.Combine(directory, c.GetProperty("pixels").GetString()!));
        int size = c.GetProperty("size").GetInt32();
        foreach (var (regions, skia, library) in new[] { (false, false, false), (true, false, false), (true, false, true), (false, true, false) })
        {
            using var decoder = new ImageDecoder(new DecodeOptions(AllowRegions: regions, SkiaOnly: skia, LibraryOnly: library));
            using var resampler = new PilResampler { ForceScalar = scalar };
            byte[] result = new byte[3 * size * size];
            fixed (byte* q = result)
            {
                if (c.GetProperty("kind").GetString() == "eval")
                {
                    var image = decoder.Decode(file);
                    var plan = CropGeometry.ResizeCenterCrop(image.Width, image.Height, c.GetProperty("resize").GetInt32(), size);
                    resampler.Run(image.Pixels, image.Stride, plan.Source, plan.OutWidth, plan.OutHeight, plan.Window, false, q);
                }
                else
                {
                    int[] b = Ints(c, "box");
                    var image = decoder.Decode(file, new FixedCrop(new Box(b[0], b[1], b[2], b[3])));
                    var box = new Box(b[0] - image.Area.X, b[1] - image.Area.Y, b[2], b[3]);
                    resampler.Run(image.Pixels, image.Stride, box, size, size, new Box(0, 0, size, size), c.GetProperty("flip").GetBoolean(), q);
                }
            }
            Expect(result.AsSpan().SequenceEqual(expected.Data), $"{c.GetProperty("pixels").GetString()} (regions {regions}, Skia {skia}, library only {library})");
        }
    }

    private sealed class FixedCrop(Box box) : ICropPlanner
    {
        public Box Plan(int width, int height) => box;
    }

    private void GoldenAugment(string directory, JsonElement c, bool scalar)
    {
        var source = Read(Path.Combine(directory, c.GetProperty("source").GetString()!));
        var all = Read(Path.Combine(directory, c.GetProperty("pixels").GetString()!));
        int height = source.Shape[0], width = source.Shape[1], bytes = width * height * 3;
        var expected = all.Data.AsSpan(c.GetProperty("row").GetInt32() * bytes, bytes);
        byte[] a = Rgbx(source.Data, width * height), b = new byte[a.Length], scratch = new byte[a.Length];
        var augment = new RandAugment(new RandAugmentOptions { Bicubic = c.GetProperty("bicubic").GetBoolean() }, width, height, scalar);
        string what = "";
        fixed (byte* s = scratch)
        {
            foreach (var step in c.GetProperty("steps").EnumerateArray())
            {
                fixed (byte* p = a, q = b) augment.ApplyOne(Enum.Parse<AugmentOp>(step[0].GetString()!), step[1].GetDouble(), p, q, s);
                what += $"{step[0]} {step[1]} ";
                (a, b) = (b, a);
            }
            fixed (byte* p = a) Expect(Rgb(p, width * height).AsSpan().SequenceEqual(expected), $"augment {what}on {c.GetProperty("source").GetString()}");
        }
    }

    private void GoldenTables(JsonElement tables)
    {
        foreach (var row in tables.GetProperty("eval_geometry").GetProperty("rows").EnumerateArray())
        {
            int[] v = [.. row.EnumerateArray().Select(x => x.GetInt32())];
            if (v[4] < v[3] || v[5] < v[3]) continue; // torchvision pads here; SemAim's sizes never need it
            var plan = CropGeometry.ResizeCenterCrop(v[0], v[1], v[2], v[3]);
            Expect((plan.OutWidth, plan.OutHeight, plan.Window.X, plan.Window.Y) == (v[4], v[5], v[6], v[7]), $"evaluation geometry of {v[0]}x{v[1]} at {v[2]}/{v[3]}");
        }
        foreach (var row in tables.GetProperty("crop_size").GetProperty("rows").EnumerateArray())
        {
            int width = row.GetProperty("width").GetInt32(), height = row.GetProperty("height").GetInt32();
            int[] box = Ints(row, "box");
            var attempts = row.GetProperty("attempts");
            bool accepted = row.GetProperty("accepted").GetBoolean(), ok = true;
            for (int i = 0; i < attempts.GetArrayLength(); i++)
            {
                bool fits = CropGeometry.TryCropSize((double)width * height, attempts[i][0].GetDouble(), attempts[i][1].GetDouble(), width, height, out int w, out int h);
                ok &= fits == (accepted && i == attempts.GetArrayLength() - 1) && (!fits || (w, h) == (box[2], box[3]));
            }
            if (!accepted) ok &= CropGeometry.Fallback(width, height, 3.0 / 4, 4.0 / 3) == new Box(box[0], box[1], box[2], box[3]);
            Expect(ok, $"crop size of {row}");
        }
        foreach (var row in tables.GetProperty("randaugment_arguments").GetProperty("rows").EnumerateArray())
        {
            double argument = RandAugment.Argument(Enum.Parse<AugmentOp>(row[0].GetString()!), row[1].GetDouble(), row[2].GetBoolean(), 0);
            Expect(argument == row[3].GetDouble(), $"argument {row}: {argument:R}");
        }
        foreach (var row in tables.GetProperty("cutmix").GetProperty("rows").EnumerateArray())
        {
            var draw = Mixing.CutMixBox(row[0].GetDouble(), row[1].GetInt32(), row[2].GetInt32(), 224, 224);
            Expect(draw.Cut == new Box(row[3].GetInt32(), row[4].GetInt32(), row[5].GetInt32(), row[6].GetInt32()) && draw.Lambda == row[7].GetDouble(), $"cutmix {row}: {draw}");
        }
        if (tables.TryGetProperty("normalize_bits", out var normalize))
        {
            for (int c = 0; c < 3; c++)
            {
                string bits = normalize.GetProperty("rows")[c].GetString()!;
                float mean = normalize.GetProperty("mean")[c].GetSingle(), std = normalize.GetProperty("std")[c].GetSingle();
                bool ok = true;
                for (int i = 0; i < 256; i++) ok &= BitConverter.SingleToUInt32Bits((i / 255f - mean) / std) == Convert.ToUInt32(bits.Substring(i * 8, 8), 16);
                Expect(ok, $"normalisation of channel {c}");
            }
        }
    }

    private static byte[] Rgbx(byte[] rgb, int pixels)
    {
        var result = new byte[pixels * 4 + 64];
        for (int i = 0; i < pixels; i++) rgb.AsSpan(i * 3, 3).CopyTo(result.AsSpan(i * 4));
        return result;
    }

    private static byte[] Rgb(byte* rgbx, int pixels)
    {
        var result = new byte[pixels * 3];
        for (int i = 0; i < pixels; i++) new ReadOnlySpan<byte>(rgbx + (long)i * 4, 3).CopyTo(result.AsSpan(i * 3));
        return result;
    }

    private static byte[] ToInterleaved(byte[] planar)
    {
        var n = planar.Length / 3;
        var result = new byte[planar.Length];
        for (var i = 0; i < planar.Length; i++) result[i % n * 3 + i / n] = planar[i];
        return result;
    }

    private static int[] Ints(JsonElement c, string name) => [.. c.GetProperty(name).EnumerateArray().Select(x => x.GetInt32())];

    private static (int[] Shape, byte[] Data) Read(string path)
    {
        var file = File.ReadAllBytes(path);
        var length = file[8] | file[9] << 8;
        var header = System.Text.Encoding.ASCII.GetString(file, 10, length);
        if (!header.Contains("'|u1'", StringComparison.Ordinal) || header.Contains("True", StringComparison.Ordinal)) throw new InvalidDataException($"{path}: {header}");
        int open = header.IndexOf('('), close = header.IndexOf(')');
        int[] shape = [.. header[(open + 1)..close].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
        return (shape, file[(10 + length)..]);
    }
}
