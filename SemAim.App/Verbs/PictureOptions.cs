using CommandLine;
using SemAim.Runtime;
using SemAim.Runtime.Data;

namespace SemAim.App.Verbs;

/// <summary>Options of every verb that decodes a data set: how its pictures are read.</summary>
internal abstract class PictureOptions
{
    [Option("honour_orientation", Default = false, HelpText = "Turn pictures as their EXIF tag says; the original ignores it.")]
    public bool HonourOrientation { get; set; }

    [Option("max_pixels", Default = DecodeOptions.DefaultMaxPixels, HelpText = "A picture with more pixels in its header is refused before anything is allocated.")]
    public long MaxPixels { get; set; } = DecodeOptions.DefaultMaxPixels;

    [Option("max_file_bytes", Default = DecodeOptions.DefaultMaxFileBytes, HelpText = "A larger file is refused before anything is read.")]
    public long MaxFileBytes { get; set; } = DecodeOptions.DefaultMaxFileBytes;

    /// <summary>How pictures are read.</summary>
    /// <exception cref="UsageException">a cap is out of range</exception>
    internal DecodeOptions Reading()
    {
        if (MaxPixels is < 1 or > 1 << 29) throw new UsageException($"--max_pixels {MaxPixels}: 1 to {1 << 29}");
        if (MaxFileBytes is < 1 or > 1 << 30) throw new UsageException($"--max_file_bytes {MaxFileBytes}: 1 to {1 << 30}");
        return new(MaxPixels, HonourOrientation: HonourOrientation) { MaxFileBytes = MaxFileBytes };
    }
}
