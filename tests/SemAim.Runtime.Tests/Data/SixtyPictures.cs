namespace SemAim.Runtime.Tests.Data;

/// <summary>A folder <c>train</c> of sixty recorded pictures in three classes, deleted at the end.</summary>
internal sealed class SixtyPictures : IDisposable
{
    internal SixtyPictures()
    {
        string[] images = [.. Directory.GetFiles(Path.Combine(GoldenFolder.Repository, "tests", "golden", "images", "pipeline")).Where(f => !f.EndsWith(".npy", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        for (var i = 0; i < 60; i++)
        {
            Directory.CreateDirectory(Path.Combine(Root, "train", $"class {i % 3}"));
            File.Copy(images[i % images.Length], Path.Combine(Root, "train", $"class {i % 3}", $"{i:D3}{Path.GetExtension(images[i % images.Length])}"));
        }
    }

    internal string Root { get; } = Directory.CreateTempSubdirectory("semaim-loader-").FullName;

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
