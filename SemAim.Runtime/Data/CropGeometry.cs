namespace SemAim.Runtime.Data;

/// <summary>A box in pixels of the original image.</summary>
internal readonly record struct Box(int X, int Y, int Width, int Height);

/// <summary>Resize the box to (OutWidth, OutHeight) and keep the window (X, Y, Width, Height) of that.</summary>
internal readonly record struct ResizePlan(Box Source, int OutWidth, int OutHeight, Box Window, bool Flip)
{
    /// <summary>The part of the source that the window depends on.</summary>
    public Box Needed
    {
        get
        {
            var (x, width) = ResampleAxis.Needed(Source.Width, OutWidth, Window.X, Window.Width);
            var (y, height) = ResampleAxis.Needed(Source.Height, OutHeight, Window.Y, Window.Height);
            return new Box(Source.X + x, Source.Y + y, width, height);
        }
    }
}

/// <summary>torchvision 0.14.1 geometry. Python's round and Math.Round both round halves to even.</summary>
internal static class CropGeometry
{
    public static ResizePlan RandomResizedCrop(ref SampleRng rng, int width, int height, int size,
        double minScale, double maxScale, double minRatio = 3.0 / 4, double maxRatio = 4.0 / 3)
    {
        double area = (double)width * height, logMin = Math.Log(minRatio), logMax = Math.Log(maxRatio);
        Box box = Fallback(width, height, minRatio, maxRatio);
        for (int attempt = 0; attempt < 10; attempt++)
        {
            double scale = rng.Uniform(minScale, maxScale), ratio = Math.Exp(rng.Uniform(logMin, logMax));
            if (!TryCropSize(area, scale, ratio, width, height, out int w, out int h)) continue;
            int y = rng.NextInt(height - h + 1), x = rng.NextInt(width - w + 1);
            box = new Box(x, y, w, h);
            break;
        }
        return new ResizePlan(box, size, size, new Box(0, 0, size, size), rng.NextDouble() < 0.5);
    }

    public static bool TryCropSize(double area, double scale, double ratio, int width, int height, out int w, out int h)
    {
        double target = area * scale;
        w = (int)Math.Round(Math.Sqrt(target * ratio));
        h = (int)Math.Round(Math.Sqrt(target / ratio));
        return w > 0 && w <= width && h > 0 && h <= height;
    }

    public static Box Fallback(int width, int height, double minRatio, double maxRatio)
    {
        double ratio = (double)width / height;
        int w = width, h = height;
        if (ratio < minRatio) h = (int)Math.Round(w / minRatio);
        else if (ratio > maxRatio) w = (int)Math.Round(h * maxRatio);
        return new Box((width - w) / 2, (height - h) / 2, w, h);
    }

    /// <summary>Resize(int): the shorter side becomes <paramref name="size"/>, the longer int(size * long / short).</summary>
    public static (int Width, int Height) ResizeShorter(int width, int height, int size) => width <= height
        ? (size, (int)((double)size * height / width))
        : ((int)((double)size * width / height), size);

    /// <summary>Where a centre crop begins.</summary>
    public static int CenterOffset(int size, int crop) => (int)Math.Round((size - crop) / 2.0);

    /// <summary>Resize(resize) then CenterCrop(crop).</summary>
    public static ResizePlan ResizeCenterCrop(int width, int height, int resize, int crop)
    {
        var (w, h) = ResizeShorter(width, height, resize);
        int x = CenterOffset(w, crop), y = CenterOffset(h, crop);
        return new ResizePlan(new Box(0, 0, width, height), w, h, new Box(x, y, crop, crop), false);
    }

    /// <summary>Resize(crop) then RandomCrop(crop) and flip: the linear probe's training transform.</summary>
    public static ResizePlan ResizeRandomCrop(ref SampleRng rng, int width, int height, int crop)
    {
        var (w, h) = ResizeShorter(width, height, crop);
        int y = rng.NextInt(h - crop + 1), x = rng.NextInt(w - crop + 1);
        return new ResizePlan(new Box(0, 0, width, height), w, h, new Box(x, y, crop, crop), rng.NextDouble() < 0.5);
    }
}
