using System.Reflection;
using SemAim.Dsl;
using SemAim.Generators.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests.Passes;

/// <summary>With any one pass left out every declared model gives the same numbers: values and the gradient of every weight, in float64.</summary>
public sealed class PassEquivalenceTests
{
    public static TheoryData<string> Passes => [.. PassPipeline.Names];

    private static readonly Lazy<Assembly> Whole = new(() => typeof(AimViT).Assembly);

    [Theory]
    [MemberData(nameof(Passes))]
    public void Without_a_pass_the_numbers_are_the_same(string pass)
    {
        var (without, generated) = CompiledModels.Compile("SemAim.Models", CompiledModels.Sources, properties: ("SemAimWithoutPass", pass));
        Assert.NotEmpty(generated);

        using var scope = NewDisposeScope();
        foreach (var (name, type, sizes, graph, input, draws) in Cases())
        {
            Tensor[] Run(Assembly assembly)
            {
                var model = CompiledModels.Make(assembly, "SemAim.Models." + type, sizes);
                Comparison.Fill(model);
                object[] arguments = [.. input];
                if (draws is not null) arguments = [.. input, .. type is "Block" or "QueryBlock" ? new object[] { default(AttentionBias) } : [], new Draws(draws)];
                return Comparison.Gradients(model, CompiledModels.Call(model, graph, arguments), (Tensor)input[0]);
            }
            Comparison.Equal(Run(Whole.Value), Run(without), $"{name} without {pass}");
        }
    }

    internal static IEnumerable<(string Name, string Type, object[] Sizes, string Graph, object[] Input, Tensor? Draws)> Cases(int width = 8)
    {
        object[] aim = [16, 4, width, 2, 4, 2, 5, 2, 0.3, false], vit = [16, 16, 4, width, 2, 32, 2, 7];
        Tensor Images() => Comparison.Input(2, 3, 16, 16);
        Tensor rank = (arange(32, float64) * 7 % 5).reshape(2, 16), table = (arange(64, float64) * 0.61 % 1).reshape(-1, 2);     // five ranks for sixteen patches: ties
        yield return ("AimViT.PredictMlp", "AimViT", aim, "PredictMlp", [Images(), rank], null);
        yield return ("AimViT.PredictMlp in training", "AimViT", aim, "PredictMlp", [Images(), rank], table);
        yield return ("AimViT.PredictTiedMlp", "AimViT", aim, "PredictTiedMlp", [Images(), rank], null);
        yield return ("AimViT.PredictLinear", "AimViT", [16, 4, width, 2, 4, 2, 5, 2, 0.3, true], "PredictLinear", [Images(), rank], null);
        yield return ("AimViT.Encode", "AimViT", aim, "Encode", [Images()], null);
        yield return ("AimViT.EncodeGap", "AimViT", aim, "EncodeGap", [Images()], null);
        yield return ("AimViT.SelfAttentionMap", "AimViT", aim, "SelfAttentionMap", [Images()], null);
        foreach (var loss in new[] { "Loss", "AbsoluteLoss", "RawLoss", "RawAbsoluteLoss" }) yield return ("AimViT." + loss, "AimViT", aim, loss, [Comparison.Input(2, 16, 48), Images().detach()], null);
        yield return ("VisionTransformer.Forward", "VisionTransformer", vit, "Forward", [Images()], null);
        yield return ("VisionTransformer.Forward pooled", "VisionTransformer", [16, 16, 4, width, 2, 32, 2, 7, true], "Forward", [Images()], null);
        yield return ("VisionTransformer.Encode", "VisionTransformer", vit, "Encode", [Images()], null);
        yield return ("ClipVision.Forward", "Teachers.ClipVision", [16, 4, width, 2, 2, 6], "Forward", [Images()], null);
        yield return ("Block.Forward in training", "Block", [width, 2, 32, 0.3], "Forward", [Comparison.Input(2, 5, width)], table);
        yield return ("QueryBlock.Forward", "QueryBlock", [width, 2, 32, 0.3], "Forward", [Comparison.Input(2, 5, width), Comparison.Input(2, 7, width)], null);
        yield return ("FeatureObjective.Loss", "Objectives.FeatureObjective", [6], "Loss", [Comparison.Input(2, 5, 6), Comparison.Input(2, 5, 6)], null);
    }
}
