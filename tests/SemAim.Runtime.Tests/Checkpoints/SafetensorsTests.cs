using System.Buffers.Binary;
using System.Text;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tests.Checkpoints;

/// <summary>Files from outside are hostile until read.</summary>
public sealed class SafetensorsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("semaim-st-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_again()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "a.safetensors");
        var tensors = new Dictionary<string, Tensor> { ["b"] = arange(6, float32).reshape(2, 3), ["a"] = tensor(new long[] { 1, -2 }), ["empty"] = zeros(0, 4), ["scalar"] = tensor(2.5), ["half"] = ones(3).to(bfloat16) };

        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["model"] = "x" });

        using var file = SafetensorsFile.Open(path);
        Assert.Equal(tensors.Keys, file.Names);
        Assert.Equal("x", file.Metadata["model"]);
        foreach (var (name, tensor) in tensors)
        {
            using var read = file.Read(name);
            Assert.Equal(tensor.dtype, read.dtype);
            Assert.Equal(tensor.shape, read.shape);
            Assert.True(read.numel() == 0 || read.equal(tensor).all().item<bool>());
        }
    }

    [Fact]
    public void The_recorded_files_can_be_read()
    {
        foreach (var path in GoldenFolder.Files("*.safetensors"))
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var name in file.Names) file.Read(name).Dispose();
        }
    }

    [Theory]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8)]
    [InlineData("{\"a\":{\"dtype\":\"XX\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("[1,2]", 0)]
    [InlineData("{\"a\":3}", 0)]
    [InlineData("{", 0)]
    public void A_header_that_cannot_be_is_refused(string header, int data)
    {
        var path = Write(header, data);

        Assert.Throws<RefusedException>(() => SafetensorsFile.Open(path).Dispose());
    }

    [Fact]
    public void Three_hundred_mutated_files_are_refused_or_read()
    {
        using var scope = NewDisposeScope();
        var good = Path.Combine(folder, "good.safetensors");
        SafetensorsWriter.Write(good, [KeyValuePair.Create("a", arange(20, float32)), KeyValuePair.Create("b", zeros(3, 5))]);
        var bytes = File.ReadAllBytes(good);
        var random = new Random(11);
        for (var i = 0; i < 300; i++)
        {
            var mutated = (byte[])bytes.Clone();
            for (var n = random.Next(1, 4); n > 0; n--) mutated[random.Next(random.Next(2) == 0 ? 200 : mutated.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) mutated = mutated[..random.Next(mutated.Length)];
            var path = Path.Combine(folder, "mutated.safetensors");
            File.WriteAllBytes(path, mutated);
            try
            {
                using var file = SafetensorsFile.Open(path);
                foreach (var name in file.Names) file.Read(name).Dispose();
            }
            catch (RefusedException)
            {
                // as it should be
            }
        }
    }

    private string Write(string header, int data)
    {
        var path = Path.Combine(folder, "bad.safetensors");
        var text = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + text.Length + data];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)text.Length);
        text.CopyTo(file, 8);
        File.WriteAllBytes(path, file);
        return path;
    }
}
