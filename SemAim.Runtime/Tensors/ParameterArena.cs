using SemAim.Dsl;
using SemAim.Runtime.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SemAim.Runtime.Tensors;

/// <summary>One trained weight: where it lies and how it is used.</summary>
/// <param name="Name">state-dict name</param>
/// <param name="Shape">axes</param>
/// <param name="Group">optimiser group</param>
/// <param name="IsNarrow">the forward pass reads it as bfloat16</param>
internal sealed record ParameterSpec(string Name, long[] Shape, int Group, bool IsNarrow)
{
    internal long Count => Shape.Aggregate(1L, (a, b) => a * b);
}

/// <summary>
/// Weights, gradients and moments as one tensor each, of the weights' own type (float32; float64 for comparisons). What autograd sees are views: of the weights where the forward pass reads
/// float32, of one flat bfloat16 copy elsewhere; those lie first, so that the copy is one cast of a range.
/// </summary>
internal sealed class ParameterArena : IDisposable
{
    /// <summary>Offsets are multiples of this many elements, so that bfloat16 views stay aligned; the padding stays 0.</summary>
    internal const long Alignment = 128;

    private const long Part = 1 << 20, Row = 2048;                             // the buffers are whole rows, for the norm in two stages
    private readonly Dictionary<string, (long Offset, ParameterSpec Spec)> places = [];
    private readonly List<(int Group, long Offset, long Count)> ranges = [];
    private readonly List<Tensor> owned = [];
    private readonly List<(Tensor Leaf, Tensor Gradient)> direct = [];
    private readonly Tensor rows;
    private readonly Tensor? wideHead, gradientHead;

    /// <summary>Takes the weights of a model over: it computes with views of this arena from now on.</summary>
    /// <param name="model">on its device, float32</param>
    /// <param name="group">the optimiser group of a weight, or null where it is not trained</param>
    /// <param name="narrow">compute products in bfloat16</param>
    internal ParameterArena(GraphModule model, Func<WeightSlot, int?> group, bool narrow)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var slots = model.Slots().Where(s => s.IsTrained).DistinctBy(s => s.Weight).Select(s => (Slot: s, Group: group(s))).Where(s => s.Group is not null)
            .Select(s => (s.Slot, Spec: new ParameterSpec(s.Slot.Name, s.Slot.Weight.Tensor.shape, s.Group!.Value, narrow && s.Slot.IsProductWeight))).ToList();
        if (slots.Count == 0) throw new ArgumentException("the model has no trained weights", nameof(model));
        var device = slots[0].Slot.Weight.Tensor.device;
        // narrow part by group ascending, wide part by group descending: the group at the seam stays one range
        var ordered = slots.Where(s => s.Spec.IsNarrow).OrderBy(s => s.Spec.Group).Concat(slots.Where(s => !s.Spec.IsNarrow).OrderByDescending(s => s.Spec.Group)).ToList();
        long end = 0;
        foreach (var (_, spec) in ordered)
        {
            var room = (spec.Count + Alignment - 1) / Alignment * Alignment;
            places.Add(spec.Name, (end, spec));
            if (ranges.Count > 0 && ranges[^1].Group == spec.Group) ranges[^1] = (spec.Group, ranges[^1].Offset, ranges[^1].Count + room);
            else ranges.Add((spec.Group, end, room));
            end += room;
            if (spec.IsNarrow) Narrow = end;
        }
        var rest = (Row - end % Row) % Row;
        end += rest;
        ranges[^1] = (ranges[^1].Group, ranges[^1].Offset, ranges[^1].Count + rest);

        Allocator.KeepMemory();                                // not before: the model's own weights are given back below, one by one
        var type = slots[0].Slot.Weight.Tensor.dtype;
        Weights = Own(zeros(end, dtype: type, device: device));
        Gradients = Own(zeros(end, dtype: type, device: device));
        FirstMoment = Own(zeros(end, dtype: type, device: device));
        SecondMoment = Own(zeros(end, dtype: type, device: device));
        // products of our own add their gradients to the wide ones, and need no narrow ones
        var isDirect = device.type == DeviceType.CPU && OneDnn.IsAvailable;
        if (Narrow > 0)
        {
            NarrowWeights = Own(zeros(Narrow, dtype: bfloat16, device: device));
            wideHead = Own(Weights.narrow(0, 0, Narrow));
            if (!isDirect)
            {
                NarrowGradients = Own(zeros(Narrow, dtype: bfloat16, device: device));
                gradientHead = Own(Gradients.narrow(0, 0, Narrow));
            }
        }
        rows = Own(Gradients.view(-1, Row));
        foreach (var (slot, spec) in ordered)
        {
            using var old = slot.Weight.Tensor;
            var master = new Parameter(View(Weights, spec.Name).DetachFromDisposeScope());
            master.copy_(old);
            var leaf = spec.IsNarrow ? Own(View(NarrowWeights!, spec.Name).detach()).requires_grad_(true) : master;
            if (spec.IsNarrow && isDirect) direct.Add((leaf, Own(View(Gradients, spec.Name))));
            else leaf.grad = View(spec.IsNarrow ? NarrowGradients! : Gradients, spec.Name);                       // backward accumulates into this storage
            if (slot.Owner is Dsl.Linear layer)
            {
                var (wide, gradient) = (layer.Wide ?? new(null, null), spec.IsNarrow && isDirect ? direct[^1].Gradient : null);
                layer.Wide = slot.Local == "weight" ? wide with { Weight = gradient } : wide with { Bias = gradient };
            }
            if (slot.Owner is Dsl.LayerNorm norm) norm.IsNarrow = Narrow > 0;
            slot.Owner.Replace(slot.Local, leaf, master);
        }
        RefreshNarrow();
        Specs = [.. ordered.Select(o => o.Spec)];
    }

    /// <summary>Every trained weight, in order of the buffers.</summary>
    internal IReadOnlyList<ParameterSpec> Specs { get; }

    internal Tensor Weights { get; }

    internal Tensor Gradients { get; }

    internal Tensor FirstMoment { get; }

    internal Tensor SecondMoment { get; }

    /// <summary>bfloat16 copy of the first <see cref="Narrow"/> elements of the weights; null where everything is float32.</summary>
    internal Tensor? NarrowWeights { get; }

    internal Tensor? NarrowGradients { get; }

    internal long Narrow { get; }

    /// <summary>The parts of a flat buffer that belong to one group, as views that the caller disposes.</summary>
    internal Tensor[] Ranges(Tensor flat, int group) => [.. ranges.Where(r => r.Group == group).Select(r => flat.narrow(0, r.Offset, r.Count))];

    internal IEnumerable<int> Groups => ranges.Select(r => r.Group).Distinct();

    /// <summary>The part of a flat buffer that holds a weight, in its shape; a view that the caller disposes.</summary>
    internal Tensor View(Tensor flat, string name)
    {
        var (offset, spec) = places[name];
        using var part = flat.narrow(0, offset, spec.Count);
        return part.view(spec.Shape);
    }

    /// <summary>Start of a step.</summary>
    internal void ZeroGradients()
    {
        using var guard = no_grad();
        Gradients.zero_().Dispose();
        NarrowGradients?.zero_().Dispose();
    }

    /// <summary>After every backward pass: adds the narrow gradients to the wide ones, so that micro-batches accumulate in float32.</summary>
    internal void CollectGradients()
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (leaf, gradient) in direct)
        {
            if (leaf.grad is not { } made) continue;             // of layers that are no products of ours: a convolution
            gradient.add_(made, Number.One);
            leaf.grad = null;
        }
        if (NarrowGradients is null) return;
        // in parts: a sum of two types makes a copy of one of them first
        for (long at = 0; at < Narrow; at += Part)
        {
            var count = Math.Min(Part, Narrow - at);
            gradientHead!.narrow(0, at, count).add_(NarrowGradients.narrow(0, at, count), Number.One);
        }
        NarrowGradients.zero_();
    }

    /// <summary>The norm of all gradients, a fresh 0-d tensor.</summary>
    /// <remarks>By rows first: on a CPU the norm of one long float32 tensor adds up naively and is 2 % off at 150 million elements; this costs the same and is exact to 1e-7.</remarks>
    internal Tensor GradientNorm()
    {
        using var byRow = rows.norm(1, false, 2);
        return byRow.norm();
    }

    /// <summary>After every update, and after the weights were loaded.</summary>
    internal void RefreshNarrow()
    {
        if (NarrowWeights is null) return;
        using var guard = no_grad();
        NarrowWeights.copy_(wideHead!);
    }

    private Tensor Own(Tensor t)
    {
        owned.Add(t.DetachFromDisposeScope());
        return t;
    }

    public void Dispose()
    {
        foreach (var t in owned) t.Dispose();
        owned.Clear();
    }
}
