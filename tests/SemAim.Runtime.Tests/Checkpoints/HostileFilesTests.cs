using SemAim.Runtime.Checkpoints;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Checkpoints;

/// <summary>A seeded corpus of files that were made to do harm: each is refused in one line, or holds exactly what a damaged file may hold; nothing is executed, nothing grows.</summary>
public sealed class HostileFilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-hostile-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Structural_mutations_are_refused_in_one_line_and_without_large_allocations()
    {
        var count = 0;
        foreach (var (name, bytes) in HostileCorpus.Refused())
        {
            var path = Path.Combine(folder, "hostile.bin");
            File.WriteAllBytes(path, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();

            var failure = Record.Exception(() => Read(path));

            Assert.True(failure is RefusedException { Message: var line } && !line.Contains('\n'), $"{name}: {failure?.ToString() ?? "was read"}");
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 200 << 20, $"{name}: {GC.GetAllocatedBytesForCurrentThread() - before} bytes were allocated");
            count++;
        }
        Assert.True(count >= 300, $"{count} files");
    }

    [Fact]
    public void Flipped_bytes_are_refused_or_read_and_never_anything_else()
    {
        var random = new Random(17);
        foreach (var good in HostileCorpus.Good().Append(File.ReadAllBytes(Path.Combine(GoldenFolder.Fixtures, "clip_torchscript.pt"))))
        {
            for (var i = 0; i < 150; i++)
            {
                var mutated = (byte[])good.Clone();
                for (var n = random.Next(1, 5); n > 0; n--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
                var path = Path.Combine(folder, "flipped.bin");
                File.WriteAllBytes(path, mutated);

                var failure = Record.Exception(() => Read(path));

                Assert.True(failure is null or RefusedException, $"mutation {i}: {failure}");
            }
        }
    }

    private static void Read(string path)
    {
        using var scope = NewDisposeScope();
        using var file = WeightFile.Open(path);
        file.Verify();
        foreach (var entry in file.Entries) file.ReadTensor(entry.Name);
    }
}
