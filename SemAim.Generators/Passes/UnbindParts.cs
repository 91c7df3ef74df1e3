using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>
/// Takes an axis apart at once where its positions are selected one by one, each once. On the way back one stack puts the parts' gradients together; of separate
/// selections each would fill a value of the whole size with zeros, and these would be added up. A permutation before it moves to the parts: the stack then
/// writes what was split in its own order.
/// </summary>
public sealed class UnbindParts(SizeFacts facts) : IPass
{
    private const int MostParts = 4;                               // Kernels.Unbind2, 3, 4

    /// <inheritdoc />
    public string Name => nameof(UnbindParts);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body);

    private void Run(Region region)
    {
        foreach (var op in region.Ops) foreach (var inner in Rewriting.Regions(op)) Run(inner);
        foreach (var whole in region.Parameters.Concat(region.Ops.SelectMany(o => o.Results)).ToList())
            if (Parts(region, whole) is { } parts) Replace(region, whole, parts);
    }

    // the selections of every position of one axis, in order of position; null where something else reads the value, or a position is missing or taken twice
    private List<Op>? Parts(Region region, Value whole)
    {
        if (whole.HasOpenRank || region.Results.Contains(whole)) return null;
        var readers = region.Ops.Where(o => Rewriting.Reads(o).Contains(whole)).ToList();
        if (readers.Count is < 2 or > MostParts || readers.Any(o => o.Kind != OpKind.Select || o.Axis != readers[0].Axis)) return null;
        if (!facts.Same(whole.Axes[readers[0].Axis], Dim.Const(readers.Count))) return null;
        var inOrder = Enumerable.Range(0, readers.Count).Select(i => readers.FirstOrDefault(o => facts.Same(o.Dims[0], Dim.Const(i)))).ToList();
        return inOrder.Any(o => o is null) ? null : inOrder!;
    }

    private static void Replace(Region region, Value whole, List<Op> parts)
    {
        var axis = parts[0].Axis;
        var source = whole;
        Op? permute = whole.Producer is { Kind: OpKind.Permute } p && region.Ops.Contains(p) ? p : null;
        if (permute is not null) (source, axis) = (permute.Operands[0]!, permute.Order[axis]);
        var unbind = new Op(OpKind.Unbind, parts[0].Source) { Operands = [source], Axis = axis };
        var place = permute is null ? region.Ops.IndexOf(parts.OrderBy(region.Ops.IndexOf).First()) : region.Ops.IndexOf(permute);
        region.Ops.Insert(place++, unbind);
        foreach (var part in parts)
        {
            if (permute is null)
            {
                unbind.Results.Add(part.Result);
                part.Result.Producer = unbind;
                region.Ops.Remove(part);
                continue;
            }
            var taken = new Value([.. source.Axes.Where((_, i) => i != axis)], source.Type) { Producer = unbind, IsRootedInWeight = source.IsRootedInWeight };
            unbind.Results.Add(taken);
            var order = permute.Order.Where(o => o != axis).Select(o => o > axis ? o - 1 : o).ToList();
            if (order.Select((o, i) => o == i).All(s => s))
            {
                taken.Name = part.Result.Name;
                Rewriting.Replace(region, part.Result, taken);
            }
            else
            {
                var moved = new Op(OpKind.Permute, part.Source) { Operands = [taken], Results = [part.Result], Order = order };
                part.Result.Producer = moved;
                region.Ops.Insert(region.Ops.IndexOf(part), moved);
            }
            region.Ops.Remove(part);
        }
        if (permute is not null) region.Ops.Remove(permute);
    }
}
