using SemAim.Dsl;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>Weights of a model to a file and back, under the original's names.</summary>
public static class ModelWeights
{
    /// <summary>Writes every weight and constant.</summary>
    public static void Save(GraphModule model, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var state = model.state_dict();                            // the masters, not what a precision plan computes with
        SafetensorsWriter.Write(path, model.Slots().Select(s => KeyValuePair.Create(s.Name, state[s.Name])), metadata);
    }

    /// <summary>Reads every weight and constant; nothing may be missing, left over or of another shape.</summary>
    /// <exception cref="RefusedException">a key does not fit; the first few are named</exception>
    public static void Load(GraphModule model, string path)
    {
        using var file = SafetensorsFile.Open(path);
        using var guard = no_grad();
        var slots = model.Slots().ToDictionary(s => s.Name);
        var (missing, strange) = (slots.Keys.Where(k => !file.Names.Contains(k)).ToList(), file.Names.Where(k => !slots.ContainsKey(k)).ToList());
        if (missing.Count > 0) throw new RefusedException($"{path}: lacks \"{missing[0]}\"{(missing.Count > 1 ? $" and {missing.Count - 1} more" : "")} of this model");
        if (strange.Count > 0) throw new RefusedException($"{path}: has \"{strange[0]}\"{(strange.Count > 1 ? $" and {strange.Count - 1} more" : "")}, which this model does not know");
        foreach (var (name, slot) in slots)
        {
            if (!file.Shape(name).SequenceEqual(slot.Weight.Tensor.shape)) throw new RefusedException($"{path}: \"{name}\" is {string.Join("×", file.Shape(name))}, this model has {string.Join("×", slot.Weight.Tensor.shape)}");
            using var value = file.Read(name);
            slot.Weight.Tensor.copy_(value);
        }
    }
}
