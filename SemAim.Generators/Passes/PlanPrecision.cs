using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Passes;

/// <summary>Places casts: products read the type of their weights, statistics and losses float32. Where weights are float32 both do nothing.</summary>
public sealed class PlanPrecision : IPass
{
    private enum Width { Wide, Narrow, Open }

    private readonly Dictionary<Value, Width> widths = [];

    /// <inheritdoc />
    public string Name => nameof(PlanPrecision);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        foreach (var p in graph.Body.Parameters) widths[p] = Width.Open;
        Run(graph.Body);
    }

    private void Run(Region region)
    {
        var planned = new List<Op>();
        var lowered = new Dictionary<Value, Value>();
        var raised = new Dictionary<Value, Value>();
        foreach (var op in region.Ops)
        {
            foreach (var inner in Rewriting.Regions(op))
            {
                foreach (var (p, o) in inner.Parameters.Zip(op.Operands, (p, o) => (p, o))) widths[p] = Width.Open;
                Run(inner);
            }
            if (op.Kind is OpKind.Linear or OpKind.Conv2d && Of(op.Operands[0]) != Width.Narrow) op.Operands[0] = Cast(OpKind.Lower, op.Operands[0]!, op, lowered, planned);
            if (op.Kind is OpKind.Softmax or OpKind.Normalize || op.Kind == OpKind.Reduce && op.Method != "argmax")
                if (Of(op.Operands[0]) != Width.Wide) op.Operands[0] = Cast(OpKind.Raise, op.Operands[0]!, op, raised, planned);
            // products of values have no layer to say their type: where it is not certain, the kernel brings them together
            if (op.Kind == OpKind.Einsum && op.Operands.Select(Of).ToList() is var read && (read.Contains(Width.Open) || read.Distinct().Count() > 1)) op.Method = "mixed";
            planned.Add(op);
            foreach (var r in op.Results) widths[r] = ResultWidth(op);
        }
        region.Ops = planned;
    }

    private Value Cast(OpKind kind, Value x, Op reader, Dictionary<Value, Value> done, List<Op> planned)
    {
        if (done.TryGetValue(x, out var known)) return known;
        var op = new Op(kind, reader.Source) { Operands = [x], Text = kind == OpKind.Lower ? reader.Text : "", Index = reader.Index };
        var result = new Value(x.Axes, x.Type) { Producer = op, IsRootedInWeight = x.IsRootedInWeight };
        op.Results.Add(result);
        planned.Add(op);
        widths[result] = kind == OpKind.Lower ? Width.Narrow : Width.Wide;
        return done[x] = result;
    }

    private Width Of(Value? v) => v is not null && widths.TryGetValue(v, out var w) ? w : Width.Open;

    private Width ResultWidth(Op op) => OpTable.Of(op.Kind).Precision switch
    {
        Precision.Product => Width.Narrow,
        Precision.Statistic => Width.Wide,
        Precision.Unknown => Width.Open,
        _ => op.Operands.Where(o => o is { Type: ElementType.Float }).Select(Of).ToList() is var w && (w.Count == 0 || w.Contains(Width.Wide)) ? Width.Wide : w.Contains(Width.Open) ? Width.Open : Width.Narrow,
    };
}
