using System.Globalization;
using SemAim.Dsl;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Teachers;

/// <summary>A public teacher's weights by name: sizes are read from them, and every key of the file is accounted for.</summary>
internal sealed class TeacherWeights : IDisposable
{
    private const int ChannelsPerHead = 64;
    private readonly string path;
    private readonly Dictionary<string, Tensor> weights = [];

    private TeacherWeights(string path) => this.path = path;

    /// <summary>Reads a file, takes <c>module.</c> and <c>backbone.</c> off names and keeps those below a prefix.</summary>
    /// <param name="path">.pth or .safetensors</param>
    /// <param name="prefix">of the network's own names; a file without it has them bare</param>
    /// <param name="known">other names that may be there and are not used</param>
    internal static TeacherWeights Read(string path, string prefix, Func<string, bool> known)
    {
        if (!File.Exists(path)) throw new UsageException($"--teacher {path}: there is no such file");
        var read = WeightFile.Read(path);
        var own = new TeacherWeights(path);
        try
        {
            var prefixed = prefix.Length > 0 && read.Keys.Any(k => Bare(k).StartsWith(prefix, StringComparison.Ordinal));
            foreach (var (key, value) in read)
            {
                var name = Bare(key);
                if (prefixed && !name.StartsWith(prefix, StringComparison.Ordinal))
                {
                    if (!known(name)) throw new RefusedException($"{path}: has \"{key}\", which is no weight of this kind of teacher");
                    value.Dispose();
                }
                else if (!own.weights.TryAdd(prefixed ? name[prefix.Length..] : name, value))
                {
                    throw new RefusedException($"{path}: has \"{key}\" twice once prefixes are taken off");
                }
            }
            if (!prefixed)
                foreach (var name in own.weights.Keys.Where(k => prefix.Length == 0 && known(k)).ToList())
                    if (own.weights.Remove(name, out var unused)) unused.Dispose();
            return own;
        }
        catch
        {
            foreach (var value in read.Values) value.Dispose();
            throw;
        }
    }

    private static string Bare(string name)
    {
        foreach (var wrapper in (ReadOnlySpan<string>)["module.", "backbone."])
            if (name.StartsWith(wrapper, StringComparison.Ordinal)) name = name[wrapper.Length..];
        return name;
    }

    /// <summary>The axes of a weight that must be there.</summary>
    internal int[] Shape(string name, int axes)
        => weights.TryGetValue(name, out var value) && value.dim() == axes ? [.. value.shape.Select(s => (int)s)]
            : throw new RefusedException($"{path}: {(value is null ? $"lacks \"{name}\"" : $"\"{name}\" has {value.dim()} axes instead of {axes}")}, so it is not a teacher of this kind");

    /// <summary>How many blocks stand below a prefix.</summary>
    internal int Count(string stack)
        => weights.Keys.Where(n => n.StartsWith(stack, StringComparison.Ordinal)).Select(n => n[stack.Length..].Split('.')[0]).Distinct().Count(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out _));

    /// <summary>Public towers have 64 channels a head.</summary>
    internal int Heads(int width)
        => width % ChannelsPerHead == 0 ? width / ChannelsPerHead : throw new RefusedException($"{path}: its width {width} is no multiple of {ChannelsPerHead}, so its heads are unknown");

    /// <summary>The side of the teacher's pictures, which must be the student's, patch for patch.</summary>
    internal int Side(int imageSize, int patch, int tokens, Grid patches)
    {
        var side = (int)Math.Round(Math.Sqrt(tokens - 1));
        if (side * side != tokens - 1) throw new RefusedException($"{path}: {tokens - 1} positions are no square grid");
        if (patches.Rows != side || patches.Columns != side || side * patch != imageSize)
            throw new RefusedException($"{path}: the teacher sees {side} × {side} patches of {patch} px, the model {patches.Rows} × {patches.Columns} patches of pictures of {imageSize} px");
        return imageSize;
    }

    /// <summary>Fills a network; nothing may be missing, left over or of another shape. The network is freed where it does not fit.</summary>
    internal T Fill<T>(T network) where T : GraphModule
    {
        try
        {
            using var guard = no_grad();
            var slots = network.Slots().ToDictionary(s => s.Name);
            if (weights.Keys.FirstOrDefault(k => !slots.ContainsKey(k)) is { } strange) throw new RefusedException($"{path}: has \"{strange}\", which is no weight of this kind of teacher");
            foreach (var (name, slot) in slots)
            {
                if (!weights.TryGetValue(name, out var value)) throw new RefusedException($"{path}: lacks \"{name}\"");
                if (!value.shape.SequenceEqual(slot.Weight.Tensor.shape)) throw new RefusedException($"{path}: \"{name}\" is {string.Join("×", value.shape)}, the teacher has {string.Join("×", slot.Weight.Tensor.shape)}");
                slot.Weight.Tensor.copy_(value);
            }
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var value in weights.Values) value.Dispose();
        weights.Clear();
    }
}
