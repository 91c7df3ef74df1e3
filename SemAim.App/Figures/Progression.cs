namespace SemAim.App.Figures;

/// <summary>A picture predicted in one order.</summary>
/// <param name="Title">of the order</param>
/// <param name="Warmth">one value a patch: 1 where it is predicted first, 0 where last</param>
/// <param name="Predicted">every patch as the network predicts it from those before it in the order</param>
/// <param name="Loss">one value a patch: error of its prediction; 1 is as bad as predicting the patch's mean</param>
internal sealed record Progression(string Title, double[] Warmth, Picture Predicted, double[] Loss)
{
    private const byte Hidden = 0xe4;

    /// <summary>Patches by their place in the order.</summary>
    internal int[] Sequence => [.. Enumerable.Range(0, Warmth.Length).OrderByDescending(i => Warmth[i]).ThenBy(i => i)];

    /// <summary>What is known when a share of the patches is given, and the prediction of the next ones; the rest is plain grey.</summary>
    /// <param name="target">what is to be predicted</param>
    /// <param name="known">patches that are given</param>
    /// <param name="next">patches whose prediction is shown after them</param>
    internal Picture Stage(Picture target, int known, int next)
    {
        var (given, guessed) = (new bool[Warmth.Length], new bool[Warmth.Length]);
        var sequence = Sequence;
        for (var i = 0; i < sequence.Length; i++)
        {
            given[sequence[i]] = i < known;
            guessed[sequence[i]] = i >= known && i < known + next;
        }
        return Picture.Plain(target.Size, Hidden).With(target, given).With(Predicted, guessed);
    }
}

/// <summary>A picture, what is to be predicted of it, and its prediction in several orders.</summary>
/// <param name="Input">as the network sees it</param>
/// <param name="Target">as it is to be predicted, blurred where the objective blurs</param>
/// <param name="IsBlurred">the target is blurred</param>
/// <param name="Orders">one progression an order</param>
internal sealed record PredictedPicture(Picture Input, Picture Target, bool IsBlurred, IReadOnlyList<Progression> Orders)
{
    /// <summary>Predictions of several networks, one an order, beside each other.</summary>
    /// <param name="networks">pictures of each network with its one order; empty where none were predicted</param>
    internal static List<PredictedPicture> Beside(IReadOnlyList<IReadOnlyList<PredictedPicture>> networks)
        => [.. networks[0].Select((picture, i) => picture with { Orders = [.. networks.Select(n => n[i].Orders[0])] })];
}
