using System.IO.Compression;
using System.Security.Cryptography;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Checkpoints;

/// <summary>What is written is what torch.load opens: the bytes recorded here were opened once by torch.load(weights_only=True) of PyTorch 1.13.</summary>
public sealed class PthWriterTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-pth-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_bytes_are_those_that_torch_opened()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "small.pth");

        PthWriter.Write(path, Small(), new Dictionary<string, object> { ["epoch"] = 300L, ["model"] = "aim_toy" });

        Assert.Equal("9808f7e7a75ac9c7826e72172a2504307004476e9da6858112b1d816a6ff76a8", Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))));
    }

    [Fact]
    public void Names_shapes_strides_types_and_values_come_back()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "back.pth");
        var written = Small();

        PthWriter.Write(path, written, new Dictionary<string, object> { ["epoch"] = 3_000_000_000L });

        using var file = WeightFile.Open(path);
        Assert.Equal(written.Keys, file.Entries.Select(e => e.Name));
        Assert.Equal("3000000000", file.Facts["epoch"]);
        foreach (var entry in file.Entries)
        {
            var (want, got) = (written[entry.Name], file.ReadTensor(entry.Name));
            Assert.Equal(want.dtype, got.dtype);
            Assert.Equal(want.shape, got.shape);
            if (want.numel() > 0) Assert.Equal(want.stride(), got.stride());
            Assert.True(want.numel() == 0 || want.to(float64).allclose(got.to(float64), 0, 0, equal_nan: true), entry.Name);
        }
    }

    [Fact]
    public void Every_entry_is_stored_and_begins_at_a_multiple_of_64()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "aligned.pth");

        PthWriter.Write(path, Small(), key: "");

        var bytes = File.ReadAllBytes(path);
        using var zip = ZipFile.OpenRead(path);
        Assert.Equal(["archive/data.pkl", "archive/byteorder", .. Enumerable.Range(0, Small().Count).Select(i => $"archive/data/{i}"), "archive/version"], zip.Entries.Select(e => e.FullName));
        foreach (var entry in zip.Entries.Where(e => e.Length >= 16))
        {
            Assert.Equal(entry.Length, entry.CompressedLength);
            using var source = entry.Open();
            var content = new byte[entry.Length];
            source.ReadExactly(content);
            var at = bytes.AsSpan().IndexOf(content);
            Assert.Equal(0, at % 64);
        }
    }

    private static Dictionary<string, Tensor> Small() => new()
    {
        ["blocks.0.weight"] = arange(6, float32).reshape(2, 3),
        ["transposed"] = arange(12, float32).reshape(3, 4).t(),
        ["strided"] = arange(24, float64).reshape(4, 6).narrow(1, 1, 4),
        ["half"] = tensor(new[] { 0.5f, float.NaN, -2 }).to(float16),
        ["bfloat"] = ones(3, dtype: bfloat16),
        ["long"] = tensor(new[] { 1L, -2L }),
        ["flag"] = tensor(new[] { true, false, true }),
        ["byte"] = tensor(new byte[] { 0, 255 }),
        ["scalar"] = tensor(2.5f),
        ["empty"] = zeros(0, 5),
    };
}
