using System.Runtime.InteropServices;
using SemAim.Runtime.Native;

namespace SemAim.Runtime.Tests.Native;

/// <summary>LibTorchSharp as the package ships it demands a libstdc++ of GCC 13; older distributions have an older one.</summary>
public sealed class LibraryRelaxationTests
{
    private static string Shipped => new[] { AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native") }
        .Select(f => Path.Combine(f, "libLibTorchSharp.so")).First(File.Exists);

    [Fact]
    public void The_library_works_here_and_the_log_says_whether_it_had_to_be_cured()
    {
        var line = NativeBootstrap.EnsureLoaded();

        using var two = TorchSharp.torch.ones(2).sum();
        Assert.Equal(2, two.item<float>());
        var loadsAsShipped = LoadsInAProcessOfItsOwn(Shipped);
        Assert.Contains(loadsAsShipped ? "as shipped" : "GLIBCXX_3.4.32 made optional", line);
    }

    [Fact]
    public void The_packages_file_stays_as_it_was()
    {
        var before = File.ReadAllBytes(Shipped);

        LibraryRelaxation.Relax(before, Shipped);

        Assert.Equal(File.ReadAllBytes(Shipped), before);
    }

    [Fact]
    public void A_version_that_exists_nowhere_is_made_optional_and_its_symbols_bind_to_what_there_is()
    {
        var altered = Demand(File.ReadAllBytes(Shipped), "GLIBCXX_3.4.11", "GLIBCXX_3.4.99");

        var (image, relaxed) = LibraryRelaxation.Relax(altered, "altered");

        Assert.Contains("GLIBCXX_3.4.99", relaxed);
        var path = Path.Combine(Directory.CreateTempSubdirectory("semaim-test-").FullName, "libaltered.so");
        File.WriteAllBytes(path, altered);
        Assert.False(NativeLibrary.TryLoad(path, out _));
        File.WriteAllBytes(path + ".cured.so", image);
        Assert.True(NativeLibrary.TryLoad(path + ".cured.so", out _));
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void A_file_that_is_no_library_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => LibraryRelaxation.Relax(new byte[100], "nothing"));
    }

    // the version's name in the string table, and its hash in the list of needed versions
    private static byte[] Demand(byte[] image, string version, string other)
    {
        var (from, to) = (System.Text.Encoding.ASCII.GetBytes(version + "\0"), System.Text.Encoding.ASCII.GetBytes(other + "\0"));
        var at = image.AsSpan().IndexOf(from);
        Assert.True(at > 0, $"{version} is not demanded");
        var copy = (byte[])image.Clone();
        to.CopyTo(copy, at);
        var (oldHash, newHash) = (BitConverter.GetBytes(Hash(version)), BitConverter.GetBytes(Hash(other)));
        for (var i = 0; (i = copy.AsSpan(at >= 0 ? i : 0).IndexOf(oldHash) is >= 0 and var next ? i + next : -1) >= 0; i++) newHash.CopyTo(copy, i);
        return copy;
    }

    private static uint Hash(string name)
    {
        uint h = 0;
        foreach (var c in name)
        {
            h = (h << 4) + c;
            var g = h & 0xf0000000;
            if (g != 0) h ^= g >> 24;
            h &= ~g;
        }
        return h;
    }

    private static bool LoadsInAProcessOfItsOwn(string path)
    {
        // a process that has the libraries loaded would find the cured copy: look at what the file demands instead
        var (_, relaxed) = LibraryRelaxation.Relax(File.ReadAllBytes(path), path);
        return relaxed.Count == 0;
    }
}
