using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Check;

/// <summary>Compares what a published configuration holds with the keys and shapes of a checkpoint that was written to NAME.manifest.json.</summary>
public static class ManifestChecker
{
    private const int ModulePlace = 1, MostNames = 4;         // a module's name is the first place it numbers

    /// <summary>Findings for each configuration that has a file; the name of the file is that of the configuration.</summary>
    /// <param name="scope">a module that was found right</param>
    /// <param name="files">name without folders and text of each manifest</param>
    public static IEnumerable<Finding> Check(ModuleScope scope, IEnumerable<(string Name, string Text)> files)
    {
        foreach (var (name, text) in files)
        {
            if (scope.Unit.Variants.FirstOrDefault(v => v.Name + Extension == name) is not { } variant) continue;
            var (checkpoint, problem) = ManifestText.Parse(text);
            if (checkpoint is null)
            {
                yield return new("SEM0601", $"{name} is no list of keys and shapes ({problem}); write it with ckpt-inspect --manifest", ModulePlace);
                continue;
            }
            var model = Expand(scope, variant);
            if (model is null) continue;
            var held = new HashSet<string>(model.Select(m => m.Key));
            if (model.FirstOrDefault(m => checkpoint.TryGetValue(m.Key, out var tensor) && !tensor.Shape.SequenceEqual(m.Shape)) is { Key: not null } wrong)
            {
                var fits = scope.Unit.Variants.FirstOrDefault(v => v != variant && Expand(scope, v) is { } other && other.All(o => !checkpoint.TryGetValue(o.Key, out var s) || s.Shape.SequenceEqual(o.Shape)));
                yield return new("SEM0601", $"{name}: \"{wrong.Key}\" is {Show(checkpoint[wrong.Key].Shape)}, this model has {Show(wrong.Shape)}{(fits is null ? "" : $" ({fits.Name}?)")}", wrong.At);
                continue;
            }
            if (model.FirstOrDefault(m => checkpoint.TryGetValue(m.Key, out var tensor) && !tensor.IsFloating) is { Key: not null } odd)
            {
                yield return new("SEM0601", $"{name}: \"{odd.Key}\" is {checkpoint[odd.Key].Type}, this model has a floating-point weight", odd.At);
                continue;
            }
            var lacking = model.Where(m => !checkpoint.ContainsKey(m.Key)).ToList();
            if (lacking.Count > 0)
                yield return new("SEM0602", $"checkpoint {name} lacks \"{lacking[0].Key}\"{(lacking.Count > 1 ? $" (and {(lacking.Count - 1).ToString(CultureInfo.InvariantCulture)} keys like it)" : "")}{Missing(lacking[0].Key, checkpoint.Keys)}", lacking[0].At);
            var unread = checkpoint.Keys.Where(k => !held.Contains(k)).OrderBy(k => k, System.StringComparer.Ordinal).ToList();
            if (unread.Count > 0)
                yield return new("SEM0603", $"checkpoint {name} has {unread.Count.ToString(CultureInfo.InvariantCulture)} {(unread.Count == 1 ? "key" : "keys")} that nobody reads: {string.Join(", ", unread.Take(MostNames))}{(unread.Count > MostNames ? ", …" : "")}", ModulePlace);
        }
    }

    /// <summary>What to say of a manifest that no published configuration of any module answers to: nothing would ever compare it. Null for any other.</summary>
    /// <param name="file">its name without folders</param>
    /// <param name="published">names of the configurations of all modules</param>
    public static string? Stranger(string file, IReadOnlyCollection<string> published)
    {
        var variant = file.Substring(0, file.Length - Extension.Length);
        if (published.Contains(variant)) return null;
        return published.Count == 0 ? $"{file} is compared with nothing: no module publishes a configuration; mark one with [Variant(\"{variant}\")]"
            : $"{file} is compared with nothing: no module publishes a configuration \"{variant}\"{Nearest.Suggest(variant, published)}";
    }

    /// <summary>How the name of a manifest ends.</summary>
    public const string Extension = ".manifest.json";

    // a whole part of the model that the file does not have
    private static string Missing(string key, IEnumerable<string> held)
    {
        var part = key.Substring(0, System.Math.Max(0, key.IndexOf('.')) is > 0 and var dot ? dot : key.Length);
        return part != key && !held.Any(k => k.StartsWith(part + ".", System.StringComparison.Ordinal)) ? $"; it has nothing below \"{part}\"" : "";
    }

    private static string Show(IEnumerable<long> shape) => string.Join("×", shape.Select(n => n.ToString(CultureInfo.InvariantCulture)));

    private static IReadOnlyList<(string Key, long[] Shape, int At)>? Expand(ModuleScope scope, Variant variant) => VariantNumbers.Weights(scope.Unit, variant, Manifest.Of(scope));
}
