using System.Collections.Generic;
using System.Linq;
using System.Text;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>Computes equal things once: <c>norm1.Forward(h)</c> for key and value, the weight that two expressions read.</summary>
public sealed class CommonSubexpressions(SizeFacts facts) : IPass
{
    private readonly Dictionary<Value, int> numbers = [];

    /// <inheritdoc />
    public string Name => nameof(CommonSubexpressions);

    /// <inheritdoc />
    public void Run(CheckedGraph graph) => Run(graph.Body, graph.Body, []);

    private void Run(Region region, Region root, Dictionary<string, Op> outer)
    {
        var seen = new Dictionary<string, Op>(outer);
        foreach (var op in region.Ops.ToList())
        {
            foreach (var inner in Rewriting.Regions(op)) Run(inner, root, seen);
            if (op.Body is not null || !Rewriting.IsPure(op)) continue;
            var key = Key(op);
            if (!seen.TryGetValue(key, out var first)) { seen[key] = op; continue; }
            for (var i = 0; i < op.Results.Count; i++) Rewriting.Replace(root, op.Results[i], first.Results[i]);
            region.Ops.Remove(op);
        }
    }

    private string Key(Op op)
    {
        var key = new StringBuilder().Append(op.Kind).Append('|').Append(op.Text).Append('|').Append(op.Method).Append('|').Append(op.Axis).Append('|').Append(op.Keep)
            .Append('|').Append(op.Index is null ? "" : facts.Normalise(op.Index).ToString());
        foreach (var o in op.Operands) key.Append(',').Append(o is null ? -1 : Number(o));
        key.Append('|');
        foreach (var d in op.Dims) key.Append(facts.Normalise(d)).Append(',');
        key.Append('|');
        foreach (var o in op.Order) key.Append(o).Append(',');
        foreach (var h in op.Host.OrderBy(h => h.Key, System.StringComparer.Ordinal)) key.Append('|').Append(h.Key).Append('=').Append(h.Value);
        return key.ToString();
    }

    private int Number(Value v) => numbers.TryGetValue(v, out var n) ? n : numbers[v] = numbers.Count;
}
