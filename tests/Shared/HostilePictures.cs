namespace SemAim.Tests;

/// <summary>A seeded corpus of damaged pictures, made from the recorded ones of every format.</summary>
internal static class HostilePictures
{
    /// <summary>One whole file of each kind that is recorded.</summary>
    internal static List<byte[]> Whole()
        => [.. Directory.GetFiles(Path.Combine(GoldenFolder.Repository, "tests", "golden", "images", "decode")).Where(f => !f.EndsWith(".npy", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    /// <summary>A damaged copy: cut, overwritten, removed, inserted, or a run of one value; half of them near the header, where the sizes are.</summary>
    internal static byte[] Mutated(byte[] file, Random rng)
    {
        var bytes = file.ToList();
        for (var n = 1 + rng.Next(2); n > 0 && bytes.Count > 16; n--)
        {
            var at = rng.Next(rng.Next(2) == 0 ? Math.Min(bytes.Count, 200) : bytes.Count);
            switch (rng.Next(5))
            {
                case 0: bytes.RemoveRange(at, bytes.Count - at); break;
                case 1: bytes[at] = (byte)rng.Next(256); break;
                case 2: bytes.RemoveRange(at, Math.Min(bytes.Count - at, rng.Next(1, 64))); break;
                case 3: bytes.InsertRange(at, Enumerable.Range(0, rng.Next(1, 64)).Select(_ => (byte)rng.Next(256))); break;
                default:
                    for (var i = at; i < Math.Min(bytes.Count, at + 4); i++) bytes[i] = 0xFF;
                    break;
            }
        }
        return [.. bytes];
    }
}
