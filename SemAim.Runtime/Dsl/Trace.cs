using System.ComponentModel;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>Looks at every value of a graph while it runs: always in a specification, in compiled code where it was built with <c>SemAimTrace=true</c>.</summary>
/// <remarks>Each value is read to the host, so a traced run is slow; without a watcher on the thread nothing is looked at. Needs no other build: run the author's method over <see cref="Sym"/>.</remarks>
public static class Trace
{
    [ThreadStatic] private static Watcher? current;

    /// <summary>Calls <paramref name="seen"/> with every value that <paramref name="run"/> makes on this thread, in order.</summary>
    /// <param name="model">names of layers are counted from here</param>
    /// <param name="seen">gets the values; layers report their weights before their result</param>
    /// <param name="run">calls graphs over <see cref="Sym"/></param>
    public static void Watch(GraphModule model, Action<TracedValue> seen, Action run)
    {
        var outer = current;
        current = new(model, seen);
        try { run(); }
        finally { current = outer; }
    }

    /// <summary>The first value that is not finite, or null; the run ends there.</summary>
    /// <param name="model">names of layers are counted from here</param>
    /// <param name="run">calls graphs over <see cref="Sym"/></param>
    public static TracedValue? FirstNonFinite(GraphModule model, Action run)
    {
        TracedValue? first = null;
        try
        {
            Watch(model, value =>
            {
                if (value.IsFinite) return;
                first = value;
                throw new FoundException();
            }, run);
        }
        catch (FoundException) when (first is not null) { }
        return first;
    }

    /// <summary>Called by compiled code after each operation.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public static void Value(string graph, string name, Tensor value) => current?.Report(graph, name, value, 0);

    internal static void Operation(string name, Tensor value, long multiplyAdds = 0) => current?.Report(null, name, value, multiplyAdds);

    internal static void Layer(GraphModule layer, Tensor value, long multiplyAdds) => current?.Report(layer, value, multiplyAdds);

    internal static void Weight(Weight weight) => current?.Report(weight);

    private sealed class FoundException : Exception;

    private sealed class Watcher(GraphModule model, Action<TracedValue> seen)
    {
        private readonly Dictionary<Weight, string> weights = model.Slots().ToDictionary(s => s.Weight, s => s.Name);
        private readonly ILookup<GraphModule, WeightSlot> layers = model.Slots().ToLookup(s => s.Owner);
        private string place = "";

        internal void Report(string? graph, string name, Tensor value, long multiplyAdds) => seen(Look(graph ?? place, name, value, multiplyAdds));

        internal void Report(GraphModule layer, Tensor value, long multiplyAdds)
        {
            foreach (var slot in layers[layer])
            {
                place = slot.Name[..Math.Max(0, slot.Name.Length - slot.Local.Length - 1)];
                seen(Look(place, slot.Local, slot.Weight.Tensor, 0));
            }
            seen(Look(place, layer.GetName(), value, multiplyAdds));
        }

        internal void Report(Weight weight)
        {
            if (weights.TryGetValue(weight, out var name)) seen(Look(place = name, "weight", weight.Tensor, 0));
        }

        private static TracedValue Look(string place, string name, Tensor value, long multiplyAdds)
        {
            var (largest, finite) = (0.0, true);
            if (value.is_floating_point() && value.numel() > 0)
            {
                using var scope = torch.NewDisposeScope();
                using var guard = torch.no_grad();
                largest = value.detach().to(torch.ScalarType.Float64).abs().max().item<double>();
                finite = double.IsFinite(largest);
            }
            return new(place, name, value.shape, value.dtype, largest, finite, multiplyAdds);
        }
    }
}
