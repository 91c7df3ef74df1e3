using System.ComponentModel;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>How the values of one call are computed: with stochastic operations or without, and from which random numbers.</summary>
/// <remarks>
/// Row i of the draws (sites × B, uniform in [0, 1)) belongs to the i-th stochastic operation in order of execution. The caller fills
/// them from (seed, step, sample), so a run with the same draws gives the same numbers: here, in generated code and after a resume.
/// </remarks>
public sealed class Run
{
    private readonly Draws? draws;

    private Run(Draws? draws) => this.draws = draws;

    /// <summary>No stochastic operations.</summary>
    public static Run Eval { get; } = new(null);

    /// <summary>With stochastic operations, from draws sites × B, which stay the caller's.</summary>
    public static Run Train(Tensor draws) => new(new Draws(draws));

    /// <summary>For generated code: a training pass with the draws of a compiled one, or an evaluation where there are none.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public static Run Of(Draws? draws) => draws is null ? Eval : new(draws);

    internal bool IsTraining => draws is not null;
    internal Tensor Draw() => draws!.Next();
}
