using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>Float32 gradients of a dense layer whose weights are computed with as bfloat16: views of an arena, which owns them.</summary>
/// <param name="Weight">out × in, or null</param>
/// <param name="Bias">out, or null</param>
internal sealed record WideGradients(Tensor? Weight, Tensor? Bias);
