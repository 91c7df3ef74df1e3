using SemAim.Dsl;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>Products in bfloat16 for a model that is only looked at, with weights cast once; a model that learns has a <see cref="ParameterArena"/>.</summary>
internal static class FrozenProducts
{
    /// <summary>From now on the model computes products in bfloat16. Its state_dict stays float32; the cast weights are the slots' and are disposed with <see cref="Release"/>.</summary>
    internal static void Narrow(GraphModule model)
    {
        using var guard = no_grad();
        foreach (var slot in model.Slots().ToList())
        {
            if (slot.Owner is Dsl.LayerNorm norm) norm.IsNarrow = true;
            if (!slot.IsProductWeight || slot.Owner.get_parameter(slot.Local) is not Parameter master) continue;
            slot.Owner.Replace(slot.Local, master.to(bfloat16).DetachFromDisposeScope(), master);
        }
    }

    /// <summary>Disposes what <see cref="Narrow"/> cast.</summary>
    internal static void Release(GraphModule model)
    {
        foreach (var slot in model.Slots().Where(s => s.IsProductWeight)) slot.Weight.Tensor.Dispose();
    }
}
