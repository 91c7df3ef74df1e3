using System.Text.RegularExpressions;
using SemAim.App.Figures;
using SemAim.App.Report;
using SemAim.Dsl;
using SemAim.Models;
using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Tests.Report;

/// <summary>What is shown of a model is what the compiler published, and what a run of the specification counts.</summary>
public sealed class ModelCardTests
{
    public static TheoryData<string> Names => [.. ModelCard.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_published_model_is_shown_with_the_numbers_that_the_compiler_counted(string name)
    {
        var before = Environment.WorkingSet;

        var card = ModelCard.Named(name);

        var main = card.Costs.Single(c => c.Graph == card.CountedGraph);
        // of a classifier the compiler counted what is before the head, and both norms of which it has one
        var head = card.Layers.Where(l => l.Name.StartsWith("head.", StringComparison.Ordinal)).ToList();
        Assert.Equal(card.QueryBlocks > 0 ? 0 : 2, head.Count);
        Assert.Equal(main.Parameters + head.Sum(l => l.Count) - (head.Count > 0 ? 2 * card.Width : 0), card.Parameters);
        Assert.Equal(main.MultiplyAdds + head.Sum(l => l.Macs), card.ForwardMacs);
        if (card.QueryBlocks > 0) Assert.Equal(card.Costs.Single(c => c.Graph == "Encode").MultiplyAdds, card.GuidanceMacs);
        Assert.Equal(card.Parameters, card.Layers.Where(l => l.Trained).Sum(l => l.Count));
        Assert.Equal(card.Layers.Sum(l => l.Count), card.Folded().Sum(f => f.Values));
        Assert.Equal(main.ActivationBytes(8, bfloat16: true), card.ActivationBytes(8, narrow: true));
        Assert.Contains(card.Passes, p => p is { Module: "Mlp", Pass: "FuseGelu" });
        // aim_huge has 3.8 GB of weights: none of them is filled for this (other tests take some memory meanwhile)
        Assert.True(Environment.WorkingSet - before < 1_500_000_000);
    }

    [Fact]
    public void The_cost_of_aim_base_is_the_recorded_one()
    {
        var card = ModelCard.Named("aim_base");
        Assert.Equal(175_424_256, card.Parameters);
        // behaviour.md 10 runs the head on the class token too, and counts the last block's attention in guidance twice
        const double head = 768 * 3072 * 2;
        Assert.Equal(35.9401, (card.ForwardMacs + head) / 1e9, 4);
        Assert.Equal(17.5631, (card.GuidanceMacs - 196 * 768) / 1e9, 4);
        Assert.Equal(107.705 + 17.5631, (card.StepMacs + 3 * head) / 1e9, 3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Multiply_adds_of_every_layer_are_those_that_a_run_of_the_specification_makes(bool linearHead)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var model = new AimViT(S: 32, P: 8, D: 16, H: 2, L: 2, Q: 1, O: 192, linearHead: linearHead);
        var card = ModelCard.Of("aim_mine", model);
        var counted = new Dictionary<string, long>();
        Trace.Watch(model, v => counted[v.Place] = counted.GetValueOrDefault(v.Place) + v.MultiplyAdds, () => model.Predict(Sym.Of(randn(1, 3, 32, 32), Run.Eval), Sym.Of(rand(1, 16), Run.Eval)));

        Assert.Equal(counted.Values.Sum(), card.ForwardMacs);
        foreach (var layer in card.Layers.Where(l => l.Name.EndsWith(".fc1.weight", StringComparison.Ordinal) || l.Name.EndsWith(".proj.weight", StringComparison.Ordinal)))
            Assert.Equal(counted[layer.Name[..^".weight".Length]], layer.Macs);
        Assert.Empty(card.Costs);                                                    // nobody published these sizes
        Assert.Equal(model.parameters().Sum(p => p.numel()), card.Parameters);
    }

    [Fact]
    public void Multiply_adds_of_a_classifier_are_those_that_a_run_of_the_specification_makes()
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        using var model = VisionTransformer.Tiny();
        long counted = 0;
        Trace.Watch(model, v => counted += v.MultiplyAdds, () => model.Forward(Sym.Of(randn(1, 3, 64, 64), Run.Eval)));

        Assert.Equal(counted, ModelCard.Of("vit_tiny", model).ForwardMacs);
    }

    [Fact]
    public void Symbolic_axes_give_the_shape_of_every_weight()
    {
        var card = ModelCard.Named("aim_tiny");
        var sizes = card.Axes.ToDictionary(a => a.Symbol, a => a.Size);
        foreach (var layer in card.Layers)
            Assert.Equal(layer.Shape, layer.Symbolic.Split(" × ").Select(axis => axis.Split('·').Aggregate(1L, (product, f) => product * (sizes.TryGetValue(f, out var size) ? size : long.Parse(f, System.Globalization.CultureInfo.InvariantCulture)))));
        Assert.Equal("3·D × D", card.Layers.Single(l => l.Name == "blocks.0.attn.qkv.weight").Symbolic);
    }

    [Fact]
    public void Passes_say_what_they_changed_in_the_model_and_in_its_parts()
    {
        var rows = ModelCard.Named("aim_base").MainPasses.ToList();
        Assert.Contains("+1 SortOrder", rows.Single(p => p is { Module: "AimViT", Graph: "PredictMlp", Pass: "LowerOrderMasks" }).Changes);
        Assert.Equal("−1 norm1", rows.Single(p => p is { Module: "QueryBlock", Pass: "CommonSubexpressions" }).Changes);
        Assert.Equal(["AimViT"], rows.Where(p => p.Graph != "Forward").Select(p => p.Module).Distinct());
    }

    [Fact]
    public void A_misspelt_model_is_refused_with_the_one_that_was_meant()
        => Assert.StartsWith("--model vit_bse_patch16: there is no such model (did you mean vit_base_patch16?)", Assert.Throws<UsageException>(() => ModelCard.Named("vit_bse_patch16")).Message);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_compilers_diagram_is_drawn_with_all_its_nodes_and_arrows_within_the_drawing(string name)
    {
        var card = ModelCard.Named(name);
        var svg = System.Xml.Linq.XElement.Parse(GraphDiagram.Svg(card.Mermaid, name));

        var arrows = card.Mermaid.Split('\n').Count(l => l.Contains("-->"));
        var boxes = svg.Elements("rect").Where(r => (string)r.Attribute("class")! != "loop").Select(r => (X: (int)r.Attribute("x")!, Y: (int)r.Attribute("y")!, Width: (int)r.Attribute("width")!)).ToList();
        Assert.Equal(arrows, svg.Elements("path").Count());
        Assert.Equal(card.Mermaid.Split('\n').Count(l => l.TrimStart().StartsWith('n') && !l.Contains("-->")), boxes.Count);
        Assert.Equal(boxes.Count, boxes.Distinct().Count());
        var size = ((string)svg.Attribute("viewBox")!).Split(' ').Select(int.Parse).ToArray();
        Assert.All(svg.Elements("rect"), r => Assert.True((int)r.Attribute("x")! >= 0 && (int)r.Attribute("y")! >= 0 && (int)r.Attribute("x")! + (int)r.Attribute("width")! <= size[2] && (int)r.Attribute("y")! + (int)r.Attribute("height")! <= size[3]));
        // an arrow's straight parts keep to places without a box
        foreach (var straight in svg.Elements("path").SelectMany(p => Regex.Matches((string)p.Attribute("d")!, @"(\d+) (\d+)H(\d+)")).Select(m => m.Groups.Values.Skip(1).Select(g => int.Parse(g.ValueSpan)).ToArray()))
            Assert.DoesNotContain(boxes, b => b.Y <= straight[1] && straight[1] <= b.Y + 34 && b.X < straight[2] && straight[0] < b.X + b.Width);
        Assert.Contains(name.StartsWith("aim", StringComparison.Ordinal) ? "queryBlocks s" : "blocks i", svg.Value);
        Assert.StartsWith("<svg class=\"diagram\"", ModelDiagram.Svg(card));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_words_of_every_box_and_frame_fit_into_it_even_in_print(string name)
    {
        var card = ModelCard.Named(name);
        // the page's style sheet may not make them larger than what the boxes were measured for
        Assert.Equal([ModelDiagram.LargestText], Regex.Matches(ReportPage.Asset("report.css"), @"\.diagram text\{[^}]*font-size:(\d+)px").Select(m => int.Parse(m.Groups[1].ValueSpan)));
        using var font = EmbeddedFont.At(ModelDiagram.LargestText);
        foreach (var svg in new[] { ModelDiagram.Svg(card), GraphDiagram.Svg(card.Mermaid, name) }.Select(s => System.Xml.Linq.XElement.Parse(s)))
        {
            Assert.True(svg.Elements("text").Count() > 5);
            foreach (var text in svg.Elements("text"))
            {
                var box = (System.Xml.Linq.XElement)text.PreviousNode!;
                Assert.Equal("rect", box.Name.LocalName);
                var (x, left, width, words) = ((int)text.Attribute("x")!, (int)box.Attribute("x")!, (int)box.Attribute("width")!, font.MeasureText(text.Value));
                var (begins, ends) = (string?)text.Attribute("text-anchor") == "middle" ? (x - words / 2, x + words / 2) : (x, x + words);
                Assert.True(begins >= left + 4 && ends <= left + width - 2, $"'{text.Value}' from {begins} to {ends} in a box from {left} to {left + width}");
            }
        }
    }
}
