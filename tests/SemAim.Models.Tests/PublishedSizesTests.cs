using System.Globalization;
using System.Text.RegularExpressions;
using SemAim.Dsl;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Names, shapes and counts of every published configuration (behaviour.md 1.2, 6.1; fixtures/state_dict_keys.txt).</summary>
/// <remarks>The large ones would fill the memory: a model with as many blocks and small, distinct sizes has the same names, and its axes say which size each of them is.</remarks>
public sealed partial class PublishedSizesTests
{
    public static TheoryData<string> Configurations => [.. Sections().Select(s => s.Title)];

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Names_shapes_and_counts_are_the_originals(string title)
    {
        var keys = Sections().Single(s => s.Title == title).Keys;
        var name = title.Split(' ')[0];
        var size = Published(name);
        Dictionary<long, long> meaning;
        GraphModule model;
        if (name.StartsWith("aim_", StringComparison.Ordinal))
        {
            model = new AimViT(Y: size["Y"], X: size["X"], P: size["P"], D: 20, H: 5, F: 44, L: size["L"], Q: size["Q"], M: size["M"], O: 52);
            meaning = new() { [20] = size["D"], [44] = size["F"], [60] = 3 * size["D"], [52] = size["O"] };
            Assert.Equal((size["Y"], size["P"], size["D"]), ModelCatalogue.AimSizes(name));
            Assert.Contains(size["Q"], AimViT.QueryDepths(size["L"]));
        }
        else
        {
            model = new VisionTransformer(size["Y"], size["X"], size["P"], 20, 5, 44, size["L"], 52, globalPool: title.Contains("global_pool=true", StringComparison.Ordinal));
            meaning = new() { [20] = size["D"], [44] = size["F"], [60] = 3 * size["D"], [52] = 1000 };
        }

        long Meant(long axis) => meaning.GetValueOrDefault(axis, axis);
        var own = model.Slots().Select(s => (s.Name, Shape: s.Weight.Tensor.shape.Select(Meant).ToArray())).ToList();
        model.Dispose();

        Assert.Equal(keys.Where(k => k.Name != "gaussian_blur.weight").OrderBy(k => k.Name, StringComparer.Ordinal).Select(k => $"{k.Name} {k.Shape}"), own.OrderBy(o => o.Name, StringComparer.Ordinal).Select(o => $"{o.Name} {string.Join('x', o.Shape)}"));
        var trained = own.Where(o => name.StartsWith("vit_", StringComparison.Ordinal) || o.Name != "pos_embed").Sum(o => o.Shape.Aggregate(1L, (a, b) => a * b));
        Assert.Equal(Counts[name], trained);
    }

    [Theory]
    [InlineData("aim_base", 171_292_416, 0, true)]
    [InlineData("aim_base", 174_637_568, 512, false)]
    public void Other_heads_change_the_count_as_in_the_original(string name, long trained, int features, bool linear)
    {
        var size = Published(name);
        var model = new AimViT(Y: size["Y"], X: size["X"], P: size["P"], D: 20, H: 5, F: 44, L: size["L"], Q: size["Q"], M: size["M"], O: 52, linearHead: linear);
        Dictionary<long, long> meaning = new() { [20] = size["D"], [44] = size["F"], [60] = 3 * size["D"], [52] = features > 0 ? features : size["O"] };

        Assert.Equal(trained, model.Slots().Where(s => s.IsTrained).Sum(s => s.Weight.Tensor.shape.Aggregate(1L, (a, b) => a * meaning.GetValueOrDefault(b, b))));
    }

    // trained weights; the classification models with 1000 classes train their positions too
    private static readonly Dictionary<string, long> Counts = new()
    {
        ["aim_base"] = 175_424_256,
        ["aim_large"] = 461_599_488,
        ["aim_huge"] = 955_996_928,
        ["vit_small_patch16"] = 22_050_664,
        ["vit_base_patch16"] = 86_567_656,
        ["vit_large_patch16"] = 304_326_632,
        ["vit_huge_patch14"] = 632_045_800,
    };

    private static IEnumerable<(string Title, List<(string Name, string Shape)> Keys)> Sections()
    {
        (string Title, List<(string, string)> Keys)? section = null;
        foreach (var line in File.ReadLines(Path.Combine(GoldenFolder.Fixtures, "state_dict_keys.txt")))
        {
            if (line.StartsWith('#'))
            {
                if (section is { } done) yield return done;
                section = (line[2..], []);
            }
            else if (line.Split('\t') is [var key, var shape])
            {
                section!.Value.Keys.Add((key, shape));
            }
        }
        if (section is { } last) yield return last;
    }

    // the sizes as the declaration states them
    private static Dictionary<string, int> Published(string name)
    {
        var source = File.ReadAllText(Path.Combine(GoldenFolder.Repository, "SemAim.Models", name.StartsWith("aim_", StringComparison.Ordinal) ? "AimViT.cs" : "VisionTransformer.cs"));
        var at = source.IndexOf($"[Variant(\"{name}\")]", StringComparison.Ordinal);
        Assert.True(at >= 0, $"{name} is not declared");
        return Size().Matches(source[at..source.IndexOf(';', at)]).ToDictionary(m => m.Groups[1].Value, m => int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("\\b([A-Z]): (\\d+)")]
    private static partial Regex Size();
}
