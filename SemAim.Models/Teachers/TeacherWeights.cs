using System.Globalization;
using SemAim.Dsl;
using SemAim.Models.Orders;
using SemAim.Runtime;
using SemAim.Runtime.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Teachers;

/// <summary>A public teacher's weights by name: sizes are read from their shapes, and every key of the file is accounted for. Only the network's own tensors are read.</summary>
internal sealed class TeacherWeights : IDisposable
{
    private const int ChannelsPerHead = 64;
    private readonly WeightFile file;
    private readonly int? heads;
    private readonly Dictionary<string, WeightEntry> entries = [];

    /// <summary>Opens a file, takes <c>module.</c> and <c>backbone.</c> off names and keeps those below a prefix.</summary>
    /// <param name="path">.pth or .safetensors</param>
    /// <param name="prefix">of the network's own names; a file without it has them bare</param>
    /// <param name="known">other names that may be there and are not used</param>
    /// <param name="options">which dictionary of the file, and what its weights do not show</param>
    internal TeacherWeights(string path, string prefix, Func<string, bool> known, TeacherOptions options)
    {
        heads = options.Heads;
        file = WeightFile.Open(path, options.Key);
        try
        {
            var prefixed = prefix.Length > 0 && file.Entries.Any(e => Bare(e.Name).StartsWith(prefix, StringComparison.Ordinal));
            foreach (var entry in file.Entries)
            {
                var name = Bare(entry.Name);
                if (prefixed ? !name.StartsWith(prefix, StringComparison.Ordinal) : prefix.Length == 0 && known(name))
                {
                    if (!known(name)) throw new RefusedException($"{path}: has \"{entry.Name}\", which is no weight of this kind of teacher");
                }
                else if (!entries.TryAdd(prefixed ? name[prefix.Length..] : name, entry))
                {
                    throw new RefusedException($"{path}: has \"{entry.Name}\" twice once prefixes are taken off");
                }
            }
        }
        catch
        {
            file.Dispose();
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
        => entries.GetValueOrDefault(name) is { } entry && entry.Shape.Length == axes && entry.Shape.All(s => s is > 0 and < 1 << 20) ? [.. entry.Shape.Select(s => (int)s)]
            : throw new RefusedException($"{file.Path}: no teacher of this kind: \"{name}\" is {(entries.ContainsKey(name) ? "of another shape" : "lacking")}");

    /// <summary>How many blocks stand below a prefix.</summary>
    internal int Count(string stack)
        => entries.Keys.Where(n => n.StartsWith(stack, StringComparison.Ordinal)).Select(n => n[stack.Length..].Split('.')[0]).Distinct().Count(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out _));

    /// <summary>As given; public towers have 64 channels a head.</summary>
    internal int Heads(int width)
        => heads is { } given ? given > 0 && width % given == 0 ? given : throw new UsageException($"--teacher_heads {given}: the teacher's width is {width}; choose one of {string.Join(", ", Enumerable.Range(1, width).Where(h => width % h == 0))}")
            : width % ChannelsPerHead == 0 ? width / ChannelsPerHead
            : throw new RefusedException($"{file.Path}: its width {width} is no multiple of {ChannelsPerHead}, and weights do not show the number of heads; give --teacher_heads");

    /// <summary>The side of the teacher's pictures, which must be the student's, patch for patch.</summary>
    internal int Side(int imageSize, int patch, int tokens, Grid patches)
    {
        if (!PositionEmbeddings.IsSquare(tokens - 1, out var side)) throw new RefusedException($"{file.Path}: {tokens - 1} positions are no square grid");
        return patches.Rows == side && patches.Columns == side && side * patch == imageSize ? imageSize
            : throw new RefusedException($"{file.Path}: the teacher sees {side} × {side} patches of {patch} px, the model {patches.Rows} × {patches.Columns} patches in pictures of {imageSize} px");
    }

    /// <summary>Fills a network; nothing may be missing, left over or of another shape. The network is freed where it does not fit.</summary>
    internal T Fill<T>(T network) where T : GraphModule
    {
        try
        {
            using var guard = no_grad();
            var slots = network.Slots().ToDictionary(s => s.Name);
            if (entries.Keys.FirstOrDefault(k => !slots.ContainsKey(k)) is { } strange) throw new RefusedException($"{file.Path}: has \"{strange}\", which is no weight of this kind of teacher");
            foreach (var (name, slot) in slots)
            {
                if (!entries.TryGetValue(name, out var entry)) throw new RefusedException($"{file.Path}: lacks \"{name}\"");
                if (!entry.Shape.SequenceEqual(slot.Weight.Tensor.shape)) throw new RefusedException($"{file.Path}: \"{name}\" is {string.Join("×", entry.Shape)}, the teacher has {string.Join("×", slot.Weight.Tensor.shape)}");
                using var value = file.ReadTensor(entry.Name);
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

    public void Dispose() => file.Dispose();
}
