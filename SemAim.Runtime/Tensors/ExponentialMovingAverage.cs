using SemAim.Dsl;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>
/// The average teacher (behaviour.md 3.3): e ← δ·e + (1 − δ)·s over the arena's weights, one operation for all of them, after every update; a
/// skipped update leaves it alone. Constants need no average: those of the student do not change.
/// </summary>
internal sealed class ExponentialMovingAverage : IDisposable
{
    private readonly ParameterArena arena;
    private readonly Tensor taken;                             // 1 − δ
    private Tensor? narrow;

    /// <summary>Starts from the weights as they are.</summary>
    /// <param name="arena">of the student; stays the caller's</param>
    internal ExponentialMovingAverage(ParameterArena arena)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        this.arena = arena;
        Weights = arena.Weights.clone().DetachFromDisposeScope();
        taken = zeros(Array.Empty<long>(), device: Weights.device).DetachFromDisposeScope();
    }

    /// <summary>The averaged weights, flat, laid out as the arena's; <see cref="ParameterArena.View"/> finds one of them.</summary>
    internal Tensor Weights { get; }

    /// <summary>δ of the original: set at the start of each epoch, 0.999 rising to 0.9999 at epoch 100.</summary>
    /// <param name="epoch">epochs done, whole</param>
    internal static double Decay(long epoch) => epoch < 100 ? 0.999 + epoch / 100.0 * 0.0009 : 0.9999;

    /// <summary>Sets what <see cref="Update"/> keeps of the average.</summary>
    /// <param name="decay">δ</param>
    internal void SetDecay(double decay)
    {
        using var guard = no_grad();
        taken.fill_(Number.Of(1 - decay));
    }

    /// <summary>After an update of the student. Reads nothing from the host, so it may be part of a captured step.</summary>
    /// <param name="skipped">1 where the update was skipped, 0-d float32; null: it was made</param>
    internal void Update(Tensor? skipped = null)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var rate = skipped is null ? taken : taken - taken * skipped;
        Weights.lerp_(arena.Weights, rate);
        RefreshNarrow();
    }

    /// <summary>After an update, and after the average was loaded.</summary>
    internal void RefreshNarrow()
    {
        if (narrow is null) return;
        using var guard = no_grad();
        using var head = Weights.narrow(0, 0, arena.Narrow);
        narrow.copy_(head);
    }

    /// <summary>Lets a model of the student's kind compute with the average from now on, in the student's precision; it needs no gradients.</summary>
    internal void Attach(GraphModule teacher)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        if (arena.Narrow > 0) narrow ??= zeros(arena.Narrow, dtype: bfloat16, device: Weights.device).DetachFromDisposeScope();
        var slots = teacher.Slots().ToDictionary(s => s.Name);
        foreach (var spec in arena.Specs)
        {
            var slot = slots.GetValueOrDefault(spec.Name) ?? throw new ArgumentException($"\"{spec.Name}\" is no weight of this model", nameof(teacher));
            using var old = slot.Weight.Tensor;
            var master = new Parameter(arena.View(Weights, spec.Name).DetachFromDisposeScope(), requires_grad: false);
            if (slot.Owner is Dsl.LayerNorm norm) norm.IsNarrow = arena.Narrow > 0;
            slot.Owner.Replace(slot.Local, spec.IsNarrow ? arena.View(narrow!, spec.Name).DetachFromDisposeScope() : master, master);
        }
        RefreshNarrow();
    }

    public void Dispose()
    {
        Weights.Dispose();
        taken.Dispose();
        narrow?.Dispose();
    }
}
