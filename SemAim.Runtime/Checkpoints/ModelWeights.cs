using SemAim.Dsl;
using TorchSharp;
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
    /// <exception cref="RefusedException">a key does not fit; the first is named</exception>
    public static void Load(GraphModule model, string path)
    {
        using var file = WeightFile.Open(path);
        Load(model, file, LoadRules.Strict);
    }

    /// <summary>Reads the weights of a file into a model under stated rules. The model is changed only if every key is explained.</summary>
    /// <returns>what became of every key</returns>
    /// <exception cref="RefusedException">a key is not explained, or a tensor is damaged</exception>
    public static LoadReport Load(GraphModule model, WeightFile file, LoadRules rules)
    {
        var (report, plan) = Plan(model, file, rules);
        report.Require();
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var values = plan.Select(p => (p.Slot, Value: p.Patches is { } patches ? PositionEmbeddings.Interpolate(file.ReadTensor(p.Key).to(float32), patches, 1) : file.ReadTensor(p.Key))).ToList();
        foreach (var (slot, value) in values) slot.Weight.Tensor.copy_(value);
        return report;
    }

    /// <summary>What <see cref="Load(GraphModule, WeightFile, LoadRules)"/> would do; nothing is read or changed.</summary>
    public static LoadReport Explain(GraphModule model, WeightFile file, LoadRules rules) => Plan(model, file, rules).Report;

    private static (LoadReport Report, List<(WeightSlot Slot, string Key, long? Patches)> Plan) Plan(GraphModule model, WeightFile file, LoadRules rules)
    {
        var slots = model.Slots().ToDictionary(s => s.Name);
        var (filled, misfits) = (new Dictionary<string, string>(), new HashSet<string>());
        var plan = new List<(WeightSlot, string, long?)>();
        var keys = new List<KeyReport>();
        foreach (var entry in file.Entries)
        {
            var name = WeightFile.WithoutPrefix(entry.Name);
            var (fate, reason) = name == entry.Name ? (KeyFate.Used, "") : (KeyFate.Renamed, "\"module.\" of several processes dropped");
            long? patches = null;
            if (!slots.TryGetValue(name, out var slot))
            {
                (fate, reason) = Rule(rules.Ignored, name) is { } why ? (KeyFate.Ignored, why) : (KeyFate.Refused, "is unknown to this model");
            }
            else if (!ElementTypes.IsFloating(entry.Type))
            {
                (fate, reason) = (KeyFate.Refused, $"has type {entry.TypeName}, where floating-point numbers belong");
            }
            else if (filled.TryGetValue(name, out var other))
            {
                (fate, reason) = (KeyFate.Refused, $"fills what \"{other}\" fills");
            }
            else if (slot.Weight.Tensor.shape is var shape && !entry.Shape.SequenceEqual(shape))
            {
                if (rules.InterpolatePositions && name == "pos_embed" && entry.Shape is [1, > 1, var width] && shape is [1, > 1, var own] && width == own && PositionEmbeddings.IsSquare(entry.Shape[1] - 1, out var from) && PositionEmbeddings.IsSquare(shape[1] - 1, out var to))
                    (fate, reason, patches) = (KeyFate.Interpolated, $"bicubic from {from}×{from} to {to}×{to} patches", shape[1] - 1);
                else
                    (fate, reason) = Rule(rules.OtherShape, name) is { } why ? (KeyFate.Ignored, why) : (KeyFate.Refused, $"is {Axes(entry.Shape)}, this model has {Axes(shape)}");
            }
            keys.Add(new(entry.Name, fate, reason));
            if (fate == KeyFate.Refused) misfits.Add(name);
            if (fate is not (KeyFate.Used or KeyFate.Renamed or KeyFate.Interpolated)) continue;
            filled[name] = entry.Name;
            plan.Add((slot!, entry.Name, patches));
        }
        foreach (var name in slots.Keys.Where(n => !filled.ContainsKey(n) && !misfits.Contains(n)))
            keys.Add(Rule(rules.MayLack, name) is { } why ? new(name, KeyFate.Fresh, why) : new(name, KeyFate.Refused, "is lacking, this model needs it"));
        return (new(file.Path, file.Format, keys), plan);
    }

    private static string? Rule(IReadOnlyList<(string Beginning, string Why)> rules, string name) => rules.FirstOrDefault(r => name.StartsWith(r.Beginning, StringComparison.Ordinal)).Why;

    private static string Axes(long[] shape) => shape.Length == 0 ? "a single number" : string.Join('×', shape);
}
