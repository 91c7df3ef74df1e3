namespace SemAim.Runtime.Data;

/// <summary>One independent random stream per purpose, so that switching a transform on does not change the others.</summary>
internal enum RngStream : ulong
{
    Geometry = 0,    // crop box, then flip
    Augment = 1,     // RandAugment
    Erasing = 2,     // RandomErasing rectangles
    Mix = 3,         // Mixup/CutMix; keyed by micro-batch number instead of sample index
    Substitute = 4,  // replacement of unreadable samples; keyed by (index, attempt)
    Order = 5,       // permutation of one epoch; index 0
    ErasingNoise = 6, // seed of the device generator that fills a sample's rectangles
    PredictionOrder = 7, // noise of the autoregression order; keyed by (step, place in the batch)
    Drawing = 8,     // the demo set; keyed by (split, picture)
    DropPath = 9,    // which residuals a picture keeps in pretraining; keyed by (step, place in the batch)
}

/// <summary>What a transform draws from: a keyed generator, or in tests the recorded draws of the original.</summary>
internal interface IRandomDraws
{
    /// <summary>Uniform in [0, 1).</summary>
    double NextDouble();

    /// <summary>Uniform in [low, high).</summary>
    double Uniform(double low, double high);

    /// <summary>Uniform in 0..n-1.</summary>
    int NextInt(int n);
}

/// <summary>
/// SplitMix64 whose start state is mixed from (seed, epoch, index, stream). No state is shared between samples, so the
/// result does not depend on worker count, world size, batch size or the point a run was resumed from.
/// The constants are part of the file format of a run: never change them.
/// </summary>
internal struct SampleRng : IRandomDraws
{
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private ulong _state;

    public SampleRng(ulong seed, ulong epoch, ulong index, RngStream stream)
    {
        ulong s = Mix(seed + Golden);
        s = Mix(s ^ (epoch + 0xD1B54A32D192ED03));
        s = Mix(s ^ (index * Golden));
        _state = Mix(s ^ ((ulong)stream + 0x8CB92BA72F3D8DD7));
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public ulong Next()
    {
        _state += Golden;
        return Mix(_state);
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    public double Uniform(double low, double high) => low + (high - low) * NextDouble();

    /// <summary>Uniform in 0..n-1.</summary>
    public int NextInt(int n) => (int)(((UInt128)Next() * (ulong)n) >> 64);

    /// <summary>Standard normal; always two draws.</summary>
    public double NextGaussian()
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        return radius * Math.Cos(2 * Math.PI * NextDouble());
    }

    /// <summary>Beta(a, a) as a ratio of two gamma draws.</summary>
    public double NextBeta(double a)
    {
        double x = NextGamma(a), y = NextGamma(a);
        return x + y > 0 ? x / (x + y) : 0.5;
    }

    // Marsaglia and Tsang's method; for shape < 1 the shape + 1 draw is scaled by u^(1/shape).
    private double NextGamma(double shape)
    {
        double scale = 1;
        if (shape < 1)
        {
            scale = Math.Pow(1 - NextDouble(), 1 / shape);
            shape += 1;
        }
        double d = shape - 1.0 / 3, c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = NextGaussian(), v = 1 + c * x;
            double u = 1 - NextDouble();
            if (v <= 0) continue;
            v = v * v * v;
            if (Math.Log(u) < 0.5 * x * x + d - d * v + d * Math.Log(v)) return scale * d * v;
        }
    }
}

internal static class Permutation
{
    /// <summary>Fisher-Yates shuffle of 0..n-1 keyed by (seed, epoch): the same on every rank.</summary>
    public static int[] Create(int n, ulong seed, ulong epoch)
    {
        var order = new int[n];
        for (int i = 0; i < n; i++) order[i] = i;
        var rng = new SampleRng(seed, epoch, 0, RngStream.Order);
        for (int i = n - 1; i > 0; i--)
        {
            int j = rng.NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }
}
