using SemAim.Dsl;
using SemAim.Runtime;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.App.Training;

/// <summary>Finds what in a repeated step is not finite.</summary>
internal static class NotFinite
{
    /// <summary>True where an element is infinite or no number.</summary>
    internal static bool Is(Tensor t)
    {
        using var each = t.isfinite();
        using var all = each.all();
        return !all.item<bool>();
    }

    /// <summary>Refuses weights that no result can come from.</summary>
    /// <param name="model">holds them</param>
    /// <param name="path">they came from, for the message</param>
    /// <exception cref="RefusedException">names the first weight</exception>
    internal static void Refuse(GraphModule model, string path)
    {
        foreach (var slot in model.Slots())
            if (Is(slot.Weight.Tensor)) throw new RefusedException($"{path}: \"{slot.Name}\" has values that are not finite");
    }

    /// <summary>The line that names the first picture of a batch with a value that is not finite, or null.</summary>
    internal static string? Picture(Tensor images, Func<int, StepSample> sample)
    {
        for (var row = 0; row < images.size(0); row++)
        {
            using var picture = images.select(0, row);
            if (Is(picture)) return $"first value not finite: the picture {sample(row).Path}";
        }
        return null;
    }

    /// <summary>A loss whose gradients are NaN where it is not finite itself, as in training.</summary>
    internal static Tensor Spoiled(Tensor loss) => loss.mul(loss.detach().mul(Number.Of(0)).add(Number.One, Number.One));

    /// <summary>The weight whose gradient went bad first: a backward pass reaches last what the forward pass used first.</summary>
    /// <param name="arena">with the gradients</param>
    /// <param name="model">of the arena's names</param>
    /// <param name="forward">the pass over the specification</param>
    internal static string Gradient(ParameterArena arena, GraphModule model, Action forward)
    {
        var used = new List<string>();
        var names = arena.Specs.Select(s => s.Name).ToHashSet();
        using (no_grad())
            Trace.Watch(model, value =>
            {
                var name = value.Place.Length > 0 ? $"{value.Place}.{value.Name}" : value.Name;
                if (names.Contains(name)) used.Add(name);
                else if (value.Name == "weight" && names.Contains(value.Place)) used.Add(value.Place);
            }, forward);
        // what a graph reads without a layer comes in no trace: last
        foreach (var name in used.Distinct().Reverse().Concat(names.Except(used)))
        {
            using var gradient = arena.View(arena.Gradients, name);
            if (Is(gradient)) return name;
        }
        return "none";
    }
}
