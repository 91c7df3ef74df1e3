using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Checkpoints;

/// <summary>Files of torch.save are read without executing anything.</summary>
public sealed class PthFileTests
{
    [Fact, Trait("Category", "Golden"), GoldenKind("pickle_*_expected.safetensors"), GoldenKind("checkpoint_*_expected.safetensors")]
    public void Recorded_pickles_hold_the_recorded_tensors()
    {
        foreach (var expected in GoldenFolder.Files("*_expected.safetensors"))
        {
            using var scope = NewDisposeScope();
            var read = WeightFile.Read(expected.Replace("_expected.safetensors", ".pth"));
            using var file = SafetensorsFile.Open(expected);
            var names = file.Names.Where(n => n.StartsWith("state.", StringComparison.Ordinal)).ToList();
            if (names.Count == 0) names = [.. file.Names];
            Assert.NotEmpty(names);
            foreach (var name in names)
            {
                var (want, got) = (file.Read(name), read[name.StartsWith("state.", StringComparison.Ordinal) ? name[6..] : name]);
                Assert.Equal(want.shape, got.shape);
                Assert.True(want.numel() == 0 || want.to(float64).allclose(got.to(float64), 0, 0, equal_nan: true), $"{expected}: {name}");
                GoldenReport.Within(Path.GetFileName(expected).StartsWith("pickle_", StringComparison.Ordinal) ? "pickle_*_expected.safetensors" : "checkpoint_*_expected.safetensors", Path.GetFileName(expected), "differing tensors", 0, 0);
            }
        }
    }

    [Fact, Trait("Category", "Golden"), GoldenKind("checkpoint_*_expected.safetensors")]
    public void Recorded_checkpoints_hold_the_recorded_state_of_the_optimiser()
    {
        foreach (var expected in GoldenFolder.Files("checkpoint_*_expected.safetensors"))
        {
            using var scope = NewDisposeScope();
            using var golden = SafetensorsFile.Open(expected);
            if (!golden.Metadata.TryGetValue("optimizer_param_order", out var text)) continue;
            using var names = JsonDocument.Parse(text);
            using var file = PthFile.Open(expected.Replace("_expected.safetensors", ".pth"));
            var state = (Dictionary<object, object?>)((Dictionary<object, object?>)((Dictionary<object, object?>)file.Root!)["optimizer"]!)["state"]!;
            var moments = state.ToDictionary(e => Convert.ToInt32(e.Key, CultureInfo.InvariantCulture), e => (Dictionary<object, object?>)e.Value!);
            var compared = 0;
            foreach (var (name, index) in names.RootElement.EnumerateArray().Select((n, i) => (n.GetString()!, i)))
                foreach (var part in new[] { "step", "exp_avg", "exp_avg_sq" })
                {
                    if (!golden.Names.Contains($"opt.{name}.{part}")) continue;
                    var want = golden.Read($"opt.{name}.{part}").to(float64);
                    var got = moments[index][part] is TensorReference tensor ? file.Read(tensor).to(float64).reshape(-1) : torch.tensor(new[] { Convert.ToDouble(moments[index][part], CultureInfo.InvariantCulture) });
                    // a digest: at most 64 entries in equal strides, then three sums over all of them
                    if (part != "step")
                    {
                        var stride = Math.Max(1, got.numel() / 64);
                        (got, want) = (got.index_select(0, arange(0, got.numel(), stride, int64))[TensorIndex.Slice(0, 64)], want.narrow(0, 0, want.numel() - 3));
                    }
                    GoldenReport.Within("checkpoint_*_expected.safetensors", Path.GetFileName(expected), "optimiser", (got - want).abs().max().item<double>(), 0);
                    compared++;
                }
            Assert.True(compared > 0);
        }
    }

    [Fact, Trait("Category", "Golden"), GoldenKind("pickle_*.pth"), GoldenKind("checkpoint_*.pth")]
    public void Older_files_and_files_of_several_processes_are_read()
    {
        foreach (var path in GoldenFolder.Files("*.pth"))
        {
            using var scope = NewDisposeScope();
            Assert.DoesNotContain(PthFile.Open(path).Tensors().Keys, n => n.StartsWith("module.", StringComparison.Ordinal));
            GoldenReport.Within(Path.GetFileName(path).StartsWith("pickle_", StringComparison.Ordinal) ? "pickle_*.pth" : "checkpoint_*.pth", Path.GetFileName(path), "files not read", 0, 0);
        }
    }

    [Fact]
    public void Mutated_files_are_refused_or_read()
    {
        var path = Path.GetTempFileName();
        try
        {
            foreach (var good in GoldenFolder.Files("pickle_*.pth"))
            {
                var bytes = File.ReadAllBytes(good);
                var random = new Random(5);
                for (var i = 0; i < 200; i++)
                {
                    using var scope = NewDisposeScope();
                    var mutated = (byte[])bytes.Clone();
                    for (var n = random.Next(1, 4); n > 0; n--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
                    if (random.Next(4) == 0) mutated = mutated[..random.Next(mutated.Length)];
                    File.WriteAllBytes(path, mutated);
                    var failure = Record.Exception(() => PthFile.Open(path).Tensors());
                    Assert.True(failure is null or RefusedException, $"{good}, mutation {i}: {failure}");
                }
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_storage_whose_size_overflows_and_a_second_pickle_are_refused()
    {
        // _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', 2^62), 0, (1,), (1,))
        byte[] pickle = [0x80, 2, (byte)'}', (byte)'X', 1, 0, 0, 0, (byte)'w', .. "ctorch._utils\n_rebuild_tensor_v2\n(("u8, (byte)'X', 7, 0, 0, 0, .. "storage"u8, .. "ctorch\nFloatStorage\n"u8,
            (byte)'X', 1, 0, 0, 0, (byte)'0', (byte)'X', 3, 0, 0, 0, .. "cpu"u8, 0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x40, (byte)'t', (byte)'Q', (byte)'K', 0, (byte)'K', 1, 0x85, (byte)'K', 1, 0x85, (byte)'t', (byte)'R', (byte)'s', (byte)'.'];
        foreach (var second in new[] { false, true })
        {
            var path = Path.GetTempFileName();
            try
            {
                using (var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
                {
                    Add(zip, "a/data.pkl", pickle);
                    if (second) Add(zip, "b/data.pkl", pickle);
                    Add(zip, "a/data/0", new byte[4]);
                }
                var refusal = Assert.Throws<RefusedException>(() => PthFile.Open(path).Tensors());
                Assert.Contains(second ? "2 data.pkl" : "storage \"0\"", refusal.Message, StringComparison.Ordinal);
            }
            finally
            {
                File.Delete(path);
            }
        }

        static void Add(ZipArchive zip, string name, byte[] content)
        {
            using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            entry.Write(content);
        }
    }

    [Theory]
    [InlineData(true, "in each other without end")]
    [InlineData(false, "__torch__.M")]
    public void A_module_in_itself_and_a_module_without_a_script_are_refused(bool script, string said)
    {
        // M() whose attribute "a" is itself
        byte[] pickle = [0x80, 2, .. "c__torch__\nM\n"u8, (byte)')', 0x81, (byte)'q', 0, (byte)'}', (byte)'(', (byte)'X', 1, 0, 0, 0, (byte)'a', (byte)'h', 0, (byte)'u', (byte)'b', (byte)'.'];
        var path = Path.GetTempFileName();
        try
        {
            using (var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
                foreach (var (name, content) in new[] { ("m/data.pkl", pickle), ("m/constants.pkl", [0x80, 2, (byte)')', (byte)'.']), ("m/code/m.py", new byte[4000]) })
                {
                    if (!script && name != "m/data.pkl") continue;
                    using var entry = zip.CreateEntry(name, name.EndsWith(".py", StringComparison.Ordinal) ? CompressionLevel.Optimal : CompressionLevel.NoCompression).Open();
                    entry.Write(content);
                }

            Assert.Contains(said, Assert.Throws<RefusedException>(() => PthFile.Open(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_pickle_that_would_run_a_command_is_refused_by_name()
    {
        byte[] pickle = [0x80, 2, .. "cposix\nsystem\n"u8, (byte)'X', 4, 0, 0, 0, .. "true"u8, 0x85, (byte)'R', (byte)'.'];
        var position = 0;

        var refusal = Assert.Throws<RefusedException>(() => PickleReader.Read(pickle, ref position, "x.pth"));

        Assert.Contains("posix.system", refusal.Message, StringComparison.Ordinal);
    }
}
