using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>Gradients that functions of our own hand to the engine: it takes its own references only after the call, so they are let go at the next function's.</summary>
internal static class GivenBack
{
    [ThreadStatic] private static List<Tensor>? kept;

    /// <summary>Keeps a gradient until the next function's turn; returns it.</summary>
    internal static Tensor Keep(Tensor gradient)
    {
        (kept ??= []).Add(gradient.DetachFromDisposeScope());
        return gradient;
    }

    /// <summary>Lets go what earlier functions gave back.</summary>
    internal static void Release()
    {
        if (kept is null) return;
        foreach (var t in kept) t.Dispose();
        kept.Clear();
    }
}
