using SkiaSharp;

namespace SemAim.App.Tests;

/// <summary>A folder of a few small pictures, deleted at the end.</summary>
internal sealed class SmallPictures : IDisposable
{
    internal SmallPictures(int count)
    {
        Folder = Directory.CreateTempSubdirectory("semaim-test-").FullName;
        Data = Path.Combine(Folder, "data");
        for (var i = 0; i < count; i++) Draw(Path.Combine(Data, "train", i % 2 == 0 ? "left" : "right", $"{i:D3}.{(i % 3 == 0 ? "png" : "jpg")}"), i);
    }

    /// <summary>Everything; runs go here too.</summary>
    internal string Folder { get; }

    internal string Data { get; }

    /// <summary>Every fifth picture is grey; sizes differ.</summary>
    internal static void Draw(string path, int seed)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var random = new Random(seed);
        using var bitmap = new SKBitmap(new SKImageInfo(40 + seed % 7 * 6, 36 + seed % 5 * 9, seed % 5 == 4 ? SKColorType.Gray8 : SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(new SKColor((uint)random.Next() | 0xff000000));
            using var paint = new SKPaint { Color = new SKColor((uint)random.Next() | 0xff000000) };
            canvas.DrawCircle(seed % 2 == 0 ? 12 : 28, 20, 9, paint);
        }
        using var data = bitmap.Encode(path.EndsWith(".png", StringComparison.Ordinal) ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg, 90);
        File.WriteAllBytes(path, data.ToArray());
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
