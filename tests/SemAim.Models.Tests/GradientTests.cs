using SemAim.Models.Objectives;
using SemAim.Models.Orders;
using SemAim.Runtime.Optim;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>Every trained weight learns in every mode, in both precisions (behaviour.md trap 14: in the original the encoder stops learning where the student predicts its own tokens).</summary>
public sealed class GradientTests
{
    public static TheoryData<string, AttentionType, bool, bool, bool> Modes
    {
        get
        {
            var modes = new TheoryData<string, AttentionType, bool, bool, bool>();
            foreach (var target in new[] { "none L2", "none L1 raw", "none blur", "inference", "ema", "teacher" })
                foreach (var narrow in new[] { false, true })
                    modes.Add(target, narrow ? AttentionType.Gap : AttentionType.Cls, narrow, false, false);
            modes.Add("inference", AttentionType.Self, true, true, false);
            modes.Add("inference", AttentionType.Self, true, false, true);
            modes.Add("none L2", AttentionType.Self, false, true, true);
            return modes;
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Every_trained_weight_gets_a_gradient(string target, AttentionType type, bool narrow, bool linearHead, bool share)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var pixels = target.StartsWith("none", StringComparison.Ordinal);
        AimViT Make() => new(S: 16, P: 4, D: 16, H: 2, L: 3, Q: 3, O: pixels ? 48 : target == "teacher" ? 24 : 16, linearHead: linearHead, shareWeight: share);
        var model = Make();
        using var arena = new ParameterArena(model, s => ParameterGroups.Pretraining(s), narrow);
        using var average = new ExponentialMovingAverage(arena);
        var mean = Make();
        average.Attach(mean);
        var images = randn(3, 3, 16, 16, generator: new Generator(9));

        // guidance first, as in a step: its pass without gradient must not keep the training pass from one
        var (tokens, map) = target == "teacher" ? (randn(3, 17, 24), rand(3, 16)) : new EncoderGuidance(target == "ema" ? mean : model, type, tokens: !pixels, map: true).Look(images);
        var rank = new AttentionCenter().Rank(map, rand(3, 16), model.PatchGrid);
        var predicted = model.Predict(images, rank);
        using var objective = new PixelObjective(target == "none blur" ? 3 : 0, target == "none blur" ? 1 : 0, normalise: target != "none L1 raw", lossType: target == "none L1 raw" ? "L1" : "L2");
        var (loss, _) = pixels ? objective.Loss(model, predicted, images) : new FeatureObjective((int)tokens!.size(2)).Loss(predicted, tokens!.narrow(1, 1, 16));
        loss.backward();
        arena.CollectGradients();

        Assert.False(tokens?.requires_grad ?? false);
        foreach (var spec in arena.Specs.Where(s => !s.Name.EndsWith("attn.k.bias", StringComparison.Ordinal)))
            Assert.True(arena.View(arena.Gradients, spec.Name).abs().max().item<float>() > 0, $"{spec.Name} gets no gradient");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_average_of_the_weights_is_computed_with_as_the_student_computes(bool narrow)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        random.manual_seed(4);
        AimViT student = new(S: 16, P: 4, D: 32, H: 2, L: 2, Q: 2, O: 48), mean = new(S: 16, P: 4, D: 32, H: 2, L: 2, Q: 2, O: 48);
        using var arena = new ParameterArena(student, s => ParameterGroups.Pretraining(s), narrow);
        using var average = new ExponentialMovingAverage(arena);
        average.Attach(mean);
        var images = randn(3, 3, 16, 16, generator: new Generator(9));

        // before the first update the average is the student
        var seen = new EncoderGuidance(student, AttentionType.Cls, tokens: true, map: true).Look(images);
        var averaged = new EncoderGuidance(mean, AttentionType.Cls, tokens: true, map: true).Look(images);

        Assert.True(seen.Tokens!.equal(averaged.Tokens!).all().item<bool>());
        Assert.True(seen.Map!.equal(averaged.Map!).all().item<bool>());
    }
}
