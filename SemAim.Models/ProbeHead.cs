using SemAim.Dsl;
using TorchSharp;
using F = TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Models;

/// <summary>
/// Head of a linear probe (behaviour.md 6.8): features less their mean, divided by their deviation, then one dense layer. In training mean and
/// deviation are the micro-batch's; running averages (momentum 0.1, unbiased variance) take their place when it is judged.
/// </summary>
/// <remarks>Written by hand: running averages are a side effect, which a declared graph does not have.</remarks>
/// <param name="D">width of a feature</param>
/// <param name="K">classes</param>
public sealed class ProbeHead(int D, int K) : GraphModule
{
    private const double Momentum = 0.1, Eps = 1e-6;
    private readonly Constant runningMean = new([D], Inits.Zeros);
    private readonly Constant runningVar = new([D], Inits.Ones);
    private readonly Linear linear = new(D, K);

    /// <summary>Classifies features.</summary>
    /// <param name="features">B × D, at least two rows in training</param>
    /// <returns>B × K, fresh</returns>
    public Tensor Forward(Tensor features)
    {
        Trace.Value("", "features", features);
        using var normalised = F.batch_norm(features, runningMean.Tensor, runningVar.Tensor, null, null, Train, Momentum, Eps);
        Trace.Value("head.0", "BatchNorm1d", normalised);
        var logits = F.linear(normalised, linear.Weight, linear.Bias);
        Trace.Value("head.1", "weight", linear.Weight);
        Trace.Value("head.1", "bias", linear.Bias!);
        Trace.Value("head.1", "Linear", logits);
        return logits;
    }

    /// <summary>Fills the dense layer as the original does: N(0, std²), bias 0.</summary>
    /// <returns>this head</returns>
    public ProbeHead Initialise(double std = 0.01)
    {
        using var guard = torch.no_grad();
        torch.nn.init.normal_(linear.Weight, 0, std);
        torch.nn.init.zeros_(linear.Bias!);
        return this;
    }

    /// <inheritdoc />
    protected override void RegisterLayers()
    {
        Register("head.0.running_mean", runningMean);
        Register("head.0.running_var", runningVar);
        Register("head.1", linear);
    }
}
