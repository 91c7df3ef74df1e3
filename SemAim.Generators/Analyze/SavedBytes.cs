using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;
using SemAim.Generators.Passes;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Analyze;

/// <summary>
/// Bytes that autograd keeps for the backward pass of a compiled graph on a CPU, weights and arguments not counted. A value that two operations need is kept once;
/// views keep what they look at. Every floating argument counts as one that needs a gradient.
/// </summary>
public sealed class SavedBytes
{
    private readonly ModuleScope scope;
    private readonly bool narrow;
    private readonly Dictionary<Value, Value> looksAt = [];         // view → what owns the memory
    private readonly HashSet<Value> small = [];                     // bfloat16 where products are
    private readonly HashSet<Value> kept = [];
    private readonly HashSet<Value> parameters;
    private readonly HashSet<Value> read = [];                      // parameters that products read
    private readonly Dictionary<Value, int> uses = [];
    private readonly List<string> loops = [];
    private Dim sum = Dim.Zero;
    private bool isKnown = true;

    private SavedBytes(ModuleScope scope, CheckedGraph graph, bool narrow) => (this.scope, this.narrow, parameters) = (scope, narrow, [.. graph.Body.Parameters]);

    /// <summary>Bytes, or null where unknown, the arguments that are kept too, and those that products read: whether these are kept, the caller knows.</summary>
    /// <param name="scope">the module</param>
    /// <param name="graph">after the passes</param>
    /// <param name="narrow">products in bfloat16</param>
    public static (Dim? Bytes, EquatableArray<string> Arguments, EquatableArray<string> Products) Of(ModuleScope scope, CheckedGraph graph, bool narrow)
    {
        var analysis = new SavedBytes(scope, graph, narrow);
        analysis.Use(graph.Body);
        analysis.Run(graph.Body);
        var values = graph.Unit.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        EquatableArray<string> Names(HashSet<Value> set) => values.Where((_, i) => set.Contains(graph.Body.Parameters[i])).Select(p => p.Name).ToEquatable();
        return (analysis.isKnown ? analysis.sum : null, Names(analysis.kept), Names(analysis.read));
    }

    private Value Owner(Value v)
    {
        while (looksAt.TryGetValue(v, out var base_)) v = base_;
        return v;
    }

    private Dim Bytes(Value v) => Costs.Elements(v) * (narrow && small.Contains(v) ? 2 : 4);

    private void Keep(Value? v)
    {
        if (v is not { Type: ElementType.Float } || v.IsRootedInWeight) return;
        var owner = Owner(v);
        if (owner.IsRootedInWeight || !kept.Add(owner)) return;
        if (owner.Producer is not null) sum += Bytes(owner);        // parameters of graphs and loops are settled by their owners
    }

    private void Use(Region region)
    {
        foreach (var v in region.Ops.SelectMany(o => o.Operands).Concat(region.Results))
            if (v is not null) uses[v] = uses.TryGetValue(v, out var n) ? n + 1 : 1;
        foreach (var op in region.Ops)
            foreach (var inner in new[] { op.Body, op.Otherwise })
                if (inner is not null) Use(inner);
    }

    // A product keeps no normalisation but what was normalised, which the normalisation itself keeps (NormalizedValue in SemAim.Runtime),
    // as long as someone still holds that: nobody does where the normalisation was its only reader.
    private void Read(Value x, bool isCall)
    {
        var source = x.Producer is { Kind: OpKind.Lower } cast ? cast.Operands[0]! : x;
        if (source.Producer is { Kind: OpKind.LayerNorm } norm && (norm.Operands[0]!.Producer is null || uses[norm.Operands[0]!] > 1)) return;
        if (parameters.Contains(source)) read.Add(source);
        else if (isCall && narrow && !small.Contains(x)) sum += 2 * Costs.Elements(x);                  // the callee's narrow copy
        else Keep(x);
    }

    private void View(Op op) => View(op.Result, op.Operands[0]!);

    private void View(Value view, Value whole)
    {
        looksAt[view] = whole;
        if (small.Contains(whole)) small.Add(view);
    }

    private void Run(Region region)
    {
        foreach (var op in region.Ops) Step(op);
    }

    private void Step(Op op)
    {
        var x = op.Operands.Count > 0 ? op.Operands[0] : null;
        switch (op.Kind)
        {
            case OpKind.Permute or OpKind.Select or OpKind.Narrow or OpKind.Expand or OpKind.Detach: View(op); return;
            case OpKind.Unbind:
                foreach (var part in op.Results) View(part, x!);
                return;
            case OpKind.Reshape:
                // a permuted value is copied, except what attention gives: its memory lies in token order
                if (x!.Producer is { Kind: OpKind.Permute } p && !(p.Operands[0]!.Producer is { Kind: OpKind.Attend } && !narrow)) { if (small.Contains(x)) small.Add(op.Result); }
                else View(op);
                return;
            case OpKind.Lower:
                if (narrow && !small.Contains(x!)) small.Add(op.Result); else View(op);
                return;
            case OpKind.Raise:
                if (!narrow || !small.Contains(x!)) View(op);
                return;
            case OpKind.Linear or OpKind.Conv2d:
                if (op.Kind == OpKind.Linear) Read(x!, isCall: false); else Keep(x);
                if (narrow) small.Add(op.Result);
                return;
            case OpKind.LayerNorm:
                Keep(x);
                if (narrow && op.Method == NarrowNorms.Method) small.Add(op.Result);
                sum += 8 * x!.Axes.Take(x.Axes.Count - 1).Aggregate(Dim.One, (a, b) => a * b);   // mean and deviation of every row
                return;
            case OpKind.Attend: Attend(op); return;
            case OpKind.Einsum:
                foreach (var o in op.Operands) Keep(o);
                if (op.Operands.All(o => small.Contains(o!))) small.Add(op.Result);
                return;
            case OpKind.Softmax: Keep(op.Result); return;
            case OpKind.Normalize: Keep(x); return;
            case OpKind.Unary when op.Method is "neg": break;
            case OpKind.Unary when op.Method is "tanh" or "sigmoid" or "exp" or "sqrt" or "relu": Follow(op); Keep(op.Result); return;
            case OpKind.Unary when op.Method is "quickgelu": Follow(op); Keep(x); sum += 2 * Bytes(op.Result); return;
            case OpKind.Unary: Follow(op); Keep(x); return;
            case OpKind.Scalar when op.Method == "pow" && op.Text == "0.5": Follow(op); Keep(op.Result); return;
            case OpKind.Scalar when op.Method is "pow" or "r/": Follow(op); Keep(x); return;
            case OpKind.Binary when op.Method is "*" or "/":
                foreach (var o in op.Operands) Keep(o);
                break;
            case OpKind.Reduce when op.Method is "var" or "max" or "min": Keep(x); return;
            // indices, of eight bytes a row, where anything flows back through them
            case OpKind.Reorder when !x!.IsRootedInWeight: sum += 8 * x.Axes[0] * x.Axes[1]; break;
            case OpKind.Call: Call(op); return;
            case OpKind.Repeat: Repeat(op); return;
            case OpKind.If: If(op); return;
        }
        Follow(op);
    }

    private void Follow(Op op)
    {
        if (op.Results.Count == 1 && op.Operands.Where(o => o is { Type: ElementType.Float }).All(o => small.Contains(o!)) && op.Operands.Any(o => o is { Type: ElementType.Float })) small.Add(op.Result);
    }

    // float32: the fused kernel keeps its operands, its result and one number a row. bfloat16: written out, which copies the operands and keeps the map (Kernels.Attend)
    private void Attend(Op op)
    {
        var (q, k, v) = (op.Operands[0]!, op.Operands[1]!, op.Operands[2]!);
        if (narrow && small.Contains(q))
        {
            small.Add(op.Result);
            sum += 2 * (Costs.Elements(q) + Costs.Elements(k) + Costs.Elements(v)) + 2 * q.Axes[0] * q.Axes[1] * q.Axes[2] * k.Axes[2];
            if (op.Operands[3]?.Producer?.Kind == OpKind.MaskCausal) sum += q.Axes[2] * k.Axes[2];
            return;
        }
        foreach (var o in new[] { q, k, v, op.Result }) Keep(o);
        sum += 4 * q.Axes[0] * q.Axes[1] * q.Axes[2];
    }

    private void Call(Op op)
    {
        if (Costs.Graph(scope, op) is not { Summary.Cost: { } cost } callee || Costs.OfCall(scope, op, narrow ? cost.SavedNarrow : cost.Saved) is not { } bytes) { isKnown = false; return; }
        sum += bytes;
        var arguments = narrow ? cost.ArgumentsNarrow : cost.Arguments;
        var values = callee.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        for (var i = 0; i < values.Count; i++)
        {
            if (arguments.Contains(values[i].Name)) Keep(op.Operands[i]);
            if (cost.Products.Contains(values[i].Name) && op.Operands[i] is { Type: ElementType.Float } product) Read(product, isCall: true);
        }
    }

    // a value carried around n times is n + 1 values: the first is the operand, the last the result
    private void Repeat(Op op)
    {
        if (Costs.Trips(op, loops) is not { } trips) { isKnown = false; return; }
        var outer = sum;
        sum = Dim.Zero;
        loops.Add(op.Variable);
        for (var i = 0; i < op.Operands.Count; i++) if (small.Contains(op.Operands[i]!)) small.Add(op.Body!.Parameters[i]);
        Run(op.Body!);
        loops.RemoveAt(loops.Count - 1);
        sum = outer + trips * sum;
        for (var i = 0; i < op.Results.Count; i++)
        {
            if (small.Contains(op.Body!.Results[i])) small.Add(op.Results[i]);
            var (begins, ends) = (kept.Contains(op.Body.Parameters[i]), kept.Contains(Owner(op.Body.Results[i])));
            if (begins) Keep(op.Operands[i]);
            if (ends && Owner(op.Body.Results[i]) != op.Body.Parameters[i]) kept.Add(op.Results[i]);                // counted in the body, trip by trip
            else if (begins) sum += (trips - 1) * Bytes(op.Results[i]);
        }
    }

    private void If(Op op)
    {
        var before = sum;
        Run(op.Body!);
        var then = sum - before;
        sum = before;
        Run(op.Otherwise!);
        var otherwise = sum - before;
        if (Costs.Greater(scope.Facts, then, otherwise) is { } greater) sum = before + greater;
        else isKnown = false;
        for (var i = 0; i < op.Results.Count; i++) if (small.Contains(op.Body!.Results[i]) && small.Contains(op.Otherwise!.Results[i])) small.Add(op.Results[i]);
    }
}
