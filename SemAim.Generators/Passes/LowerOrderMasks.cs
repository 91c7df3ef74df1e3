using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Analyze;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>
/// Turns dense order masks into causal attention over sorted tokens (docs/compiler.md, "Order masks"). Everything between is token-wise,
/// proven from the bodies of the callees, hence commutes with sorting. The content stream [class token, t₁ … t_N] sees exactly the causal
/// triangle. The query stream's class-token row must reach nothing, and the last-ranked key is seen by nobody: queries t₁ … t_N over keys
/// [class token, t₁ … t_{N−1}] are the causal triangle again. Where any of this cannot be shown, the graph keeps its dense masks.
/// </summary>
public sealed class LowerOrderMasks(SizeFacts facts) : IPass
{
    private enum Stream { None, Content, Query }

    private readonly Dictionary<Value, Value> parent = [];         // values that carry the same tokens, as a union-find
    private readonly Dictionary<Value, Stream> streams = [];
    private readonly Dictionary<Value, Value> renamed = [];        // value → its sorted form
    private readonly Dictionary<(Region, Value), Value> sorted = [], restored = [];
    private Op? content, query;
    private Value causal = null!, order = null!, inverse = null!;
    private Dim tokens = Dim.Zero, batch = Dim.One;
    private readonly HashSet<Op> inserted = [];

    /// <inheritdoc />
    public string Name => nameof(LowerOrderMasks);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        var root = graph.Body;
        var masks = Rewriting.All(root).Where(o => o.Kind is OpKind.MaskUpTo or OpKind.MaskBefore).ToList();
        if (masks.Count == 0 || masks.Any(m => m.Text == "Together") || masks.Select(m => m.Operands[0]).Distinct().Count() != 1) return;
        var rank = masks[0].Operands[0]!;
        if (!root.Parameters.Contains(rank) && !root.Ops.Any(o => o.Results.Contains(rank))) return;
        tokens = facts.Normalise(masks[0].Result.Axes[1]);
        Hoist(root, masks, out content, out query);
        Connect(root);
        if (!Assign(root)) return;
        if (!RowZeroIsDead(root)) return;
        // the order must be known before the first value of a stream is made
        var known = root.Ops.FindIndex(o => o.Results.Contains(rank));
        if (root.Ops.Take(known).SelectMany(o => o.Results).Any(r => Of(r) != Stream.None)) return;
        batch = rank.Axes[0];
        Insert(root, rank);
        Rewrite(root, null);
    }

    // the masks of all blocks are two values at the top: one of each kind
    private static void Hoist(Region root, List<Op> masks, out Op? content, out Op? query)
    {
        content = masks.FirstOrDefault(m => m.Kind == OpKind.MaskUpTo);
        query = masks.FirstOrDefault(m => m.Kind == OpKind.MaskBefore);
        foreach (var mask in masks)
        {
            var kept = mask.Kind == OpKind.MaskUpTo ? content! : query!;
            if (kept != mask) Rewriting.Replace(root, mask.Result, kept.Result);
            Remove(root, mask);
        }
        foreach (var kept in new[] { query, content })
        {
            if (kept is null) continue;
            var at = root.Ops.FindIndex(o => o.Results.Contains(kept.Operands[0]!)) + 1;
            root.Ops.Insert(at, kept);
        }
    }

    private static void Remove(Region region, Op op)
    {
        if (region.Ops.Remove(op)) return;
        foreach (var inner in region.Ops.SelectMany(Rewriting.Regions)) Remove(inner, op);
    }

    private bool CarriesTokens(Value? v) => v is { Type: not ElementType.Mask } && v.Axes.Count >= 3 && facts.Same(v.Axes[1], tokens);

    private Value Root(Value v)
    {
        while (parent.TryGetValue(v, out var p) && p != v) v = p;
        return v;
    }

    private void Join(Value a, Value b)
    {
        var (x, y) = (Root(a), Root(b));
        if (x != y) parent[x] = y;
    }

    private void Connect(Region region)
    {
        foreach (var op in region.Ops)
        {
            if (op.Kind == OpKind.Repeat)
                for (var i = 0; i < op.Results.Count; i++)
                {
                    Join(op.Results[i], op.Body!.Parameters[i]);
                    Join(op.Results[i], op.Body.Results[i]);
                    // what enters a loop stays what it is: the sort stands between
                }
            if (op.Kind == OpKind.If)
                for (var i = 0; i < op.Results.Count; i++)
                {
                    Join(op.Results[i], op.Body!.Results[i]);
                    Join(op.Results[i], op.Otherwise!.Results[i]);
                }
            foreach (var inner in Rewriting.Regions(op)) Connect(inner);
            if (!IsTokenWise(op)) continue;
            foreach (var o in op.Operands)
                if (CarriesTokens(o) && !(op.Kind == OpKind.Call && IsMemory(op, o!))) Join(o!, op.Result);
        }
    }

    private bool IsTokenWise(Op op)
    {
        if (op.Results.Count != 1 || !CarriesTokens(op.Result)) return false;
        switch (op.Kind)
        {
            case var kind when op.Operands.Count == 1 && OpTable.Of(kind).KeepsApart(1, op.Result.Axes.Count, op.Axis): return CarriesTokens(op.Operands[0]);
            case OpKind.Binary: return op.Operands.All(o => CarriesTokens(o) || facts.Same(At1(o!, op.Result), Dim.One));
            case OpKind.Call: return Callee(op) is { Summary.IsTokenWise: true } callee && (MaskOf(op) is null ? op.Operands.Count == 1 && callee.Parameters.All(p => p.Kind != ParameterKind.Mask) : true);
            default: return false;
        }
    }

    // the size that stands at the result's axis 1
    private static Dim At1(Value operand, Value result)
    {
        var own = 1 - (result.Axes.Count - operand.Axes.Count);
        return own < 0 ? Dim.One : operand.Axes[own];
    }

    private static GraphContract? Callee(Op op) => op.Callee?.Graphs.FirstOrDefault(g => g.Name == op.Method);

    private Op? MaskOf(Op op) => op.Operands.Any(o => o is not null && o == content?.Result) ? content : op.Operands.Any(o => o is not null && o == query?.Result) ? query : null;

    // an operand of a query call that only serves as keys and values
    private static bool IsMemory(Op op, Value operand)
    {
        if (Callee(op) is not { } callee) return false;
        var mask = callee.Parameters.FirstOrDefault(p => p.Kind == ParameterKind.Mask);
        if (mask is null) return false;
        var axes = mask.Shape!.Text.Split(' ');
        if (axes[1] == axes[2]) return false;
        var places = callee.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        for (var i = 0; i < places.Count; i++)
            if (op.Operands[i] == operand && places[i].Kind == ParameterKind.Value && places[i].Shape!.Text.Split(' ') is { Length: > 1 } shape && shape[1] == axes[1]) return false;
        return true;
    }

    /// <summary>Gives every class of values its stream; false where a class would be two things, or a mask is used other than by token-wise callees.</summary>
    private bool Assign(Region root)
    {
        foreach (var op in Rewriting.All(root))
        {
            if (MaskOf(op) is not { } mask) continue;
            if (op.Kind != OpKind.Call || !IsTokenWise(op)) return false;
            if (TokenCall.ResultPlace(op, Callee(op)!, v => CarriesTokens(v) ? 1 : -1, mask.Result) != 1) return false;
            var axes = Callee(op)!.Parameters.First(p => p.Kind == ParameterKind.Mask).Shape!.Text.Split(' ');
            var wanted = mask == content ? Stream.Content : Stream.Query;
            if (wanted == Stream.Query && axes[1] == axes[2]) return false;
            if (!Set(op.Result, wanted)) return false;
            foreach (var o in op.Operands)
                if (CarriesTokens(o) && IsMemory(op, o!) && !Set(o!, Stream.Content)) return false;
        }
        return true;

        bool Set(Value v, Stream s)
        {
            var r = Root(v);
            if (streams.TryGetValue(r, out var known) && known != s) return false;
            streams[r] = s;
            return true;
        }
    }

    private Stream Of(Value? v) => v is not null && streams.TryGetValue(Root(v), out var s) ? s : Stream.None;

    /// <summary>Every way out of a query stream drops its first row.</summary>
    private bool RowZeroIsDead(Region root)
    {
        if (root.Results.Any(r => Of(r) == Stream.Query)) return false;
        foreach (var op in Rewriting.All(root))
            foreach (var o in op.Operands)
            {
                if (Of(o) != Stream.Query || op.Kind == OpKind.Repeat || op.Results.Count == 1 && Of(op.Result) == Stream.Query) continue;
                if (!IsPatchSlice(op)) return false;
            }
        return true;
    }

    private bool IsPatchSlice(Op op) => op.Kind == OpKind.Narrow && op.Axis == 1 && facts.Same(op.Dims[0], Dim.One) && facts.Same(op.Dims[1], tokens - 1);

    private void Insert(Region root, Value rank)
    {
        var at = root.Ops.FindIndex(o => o.Results.Contains(rank)) + 1;
        var source = (content ?? query)!.Source;
        var n = rank.Axes[1];
        order = Add(OpKind.SortOrder, [rank.Axes[0], n], rank, "order", ElementType.Int64);
        inverse = Add(OpKind.InverseOrder, [rank.Axes[0], n], order, "place", ElementType.Int64);
        causal = Add(OpKind.MaskCausal, [], null, "causal", ElementType.Mask);
        var entering = new List<Op>();
        foreach (var p in root.Parameters.Where(p => Of(p) != Stream.None)) Enter(p, Of(p), entering, Sorted(p));
        inserted.UnionWith(entering);
        root.Ops.InsertRange(at, entering);

        Value Add(OpKind kind, IReadOnlyList<Dim> axes, Value? operand, string name, ElementType type)
        {
            var op = new Op(kind, source);
            if (operand is not null) op.Operands.Add(operand);
            var value = new Value(axes, type, name) { Producer = op };
            op.Results.Add(value);
            root.Ops.Insert(at++, op);
            return value;
        }
    }

    private Value Sorted(Value v)
    {
        if (renamed.TryGetValue(v, out var known)) return known;
        var axes = v.Axes.ToList();
        if (Of(v) == Stream.Query) axes[1] = tokens - 1;
        axes[0] = batch;
        return renamed[v] = new(axes, v.Type, v.Name) { Producer = v.Producer };
    }

    /// <summary>Rewrites what runs in a region; its results leave in the given streams, those of the graph in their natural order.</summary>
    private void Rewrite(Region region, IReadOnlyList<Stream>? results)
    {
        var ops = new List<Op>();
        foreach (var op in region.Ops)
        {
            if (op == content || op == query) continue;
            if (inserted.Contains(op)) { ops.Add(op); continue; }
            if (op.Kind == OpKind.Repeat)
            {
                var carried = op.Results.Select(Of).ToList();
                for (var i = 0; i < op.Results.Count; i++)
                {
                    if (Of(op.Results[i]) == Stream.None) { op.Operands[i] = Natural(op.Operands[i]!, region, ops); continue; }
                    op.Operands[i] = InStream(op.Operands[i]!, Of(op.Results[i]), region, ops);
                    op.Body!.Parameters[i] = Sorted(op.Body.Parameters[i]);
                    op.Results[i] = Sorted(op.Results[i]);
                }
                Rewrite(op.Body!, [.. op.Results.Select((_, i) => carried[i])]);
                ops.Add(op);
                continue;
            }
            if (op.Kind == OpKind.If)
            {
                var chosen = op.Results.Select(Of).ToList();
                foreach (var inner in Rewriting.Regions(op)) Rewrite(inner, chosen);
                for (var i = 0; i < op.Results.Count; i++)
                    if (chosen[i] != Stream.None)
                    {
                        op.Results[i] = Sorted(op.Results[i]);
                        op.Results[i].Producer = op;
                    }
                ops.Add(op);
                continue;
            }
            var mask = MaskOf(op);
            var stream = op.Results.Count == 1 ? Of(op.Result) : Stream.None;
            if (stream != Stream.None && !IsTokenWise(op))
            {
                // made in natural order, sorted from here on
                for (var i = 0; i < op.Operands.Count; i++)
                    if (op.Operands[i] is { } operand) op.Operands[i] = Natural(operand, region, ops);
                ops.Add(op);
                Enter(op.Result, stream, ops, Sorted(op.Result));
                continue;
            }
            if (stream == Stream.None && op.Operands.Count == 1 && Of(op.Operands[0]) == Stream.Query && IsPatchSlice(op))
            {
                Reorder(op, Sorted(op.Operands[0]!), inverse, "patches");          // the class token is not among the queries: putting them back is all
                ops.Add(op.Results[0].Producer!);
                continue;
            }
            for (var i = 0; i < op.Operands.Count; i++)
            {
                var o = op.Operands[i];
                if (o is null) continue;
                if (mask is not null && o == mask.Result) op.Operands[i] = causal;
                else if (stream == Stream.None || !CarriesTokens(o)) op.Operands[i] = Natural(o, region, ops);
                else if (mask is not null && mask == query && IsMemory(op, o)) op.Operands[i] = WithoutLast(InStream(o, Stream.Content, region, ops), op, ops);
                else op.Operands[i] = InStream(o, stream, region, ops);
            }
            if (stream != Stream.None)
            {
                var result = Sorted(op.Result);
                result.Producer = op;
                op.Results[0] = result;
                if (stream == Stream.Query && op.Kind == OpKind.Call) op.Bound = [.. op.Bound.Select(b => facts.Same(b, tokens) ? tokens - 1 : b)];
            }
            ops.Add(op);
        }
        region.Ops = ops;
        for (var i = 0; i < region.Results.Count; i++)
            region.Results[i] = results is not null && results[i] != Stream.None ? InStream(region.Results[i], results[i], region, ops) : Natural(region.Results[i], region, ops);
    }

    private static void Reorder(Op slice, Value x, Value by, string which)
    {
        var op = new Op(OpKind.Reorder, slice.Source) { Operands = [x, by], Method = which, Results = slice.Results };
        slice.Result.Producer = op;
    }

    private Value InStream(Value v, Stream stream, Region region, List<Op> ops)
    {
        if (Of(v) == stream) return Sorted(v);
        if (sorted.TryGetValue((region, v), out var done)) return done;
        return sorted[(region, v)] = Enter(Natural(v, region, ops), stream, ops, null, v.Name);
    }

    // a value in natural order, sorted; one that is the same for all samples is not afterwards
    private Value Enter(Value natural, Stream stream, List<Op> ops, Value? into, string? name = null)
    {
        if (stream == Stream.Query) natural = Slice(natural, Dim.One, tokens - 1, ops);
        if (!facts.Same(natural.Axes[0], batch))
        {
            List<Dim> axes = [batch, .. natural.Axes.Skip(1)];
            natural = Append(OpKind.Expand, axes, [natural], ops, o => o.Dims = axes, null);
        }
        var result = Append(OpKind.Reorder, natural.Axes, [natural, order], ops, o => o.Method = stream == Stream.Query ? "patches" : "tokens", name);
        if (into is null) return result;
        into.Producer = result.Producer;
        result.Producer!.Results[0] = into;
        return into;
    }

    private Value Natural(Value v, Region region, List<Op> ops)
    {
        if (Of(v) == Stream.None) return v;
        var key = (region, v);
        return restored.TryGetValue(key, out var done) ? done : restored[key] = Append(OpKind.Reorder, v.Axes, [Sorted(v), inverse], ops, o => o.Method = "tokens", v.Name);
    }

    private Value WithoutLast(Value v, Op call, List<Op> ops)
    {
        // one slice serves all operands of the call that read the same memory
        if (ops.LastOrDefault(o => o.Kind == OpKind.Narrow && o.Operands[0] == v && o.Source == call.Source) is { } same) return same.Result;
        return Slice(v, Dim.Zero, tokens - 1, ops, call.Source);
    }

    private static Value Slice(Value v, Dim start, Dim length, List<Op> ops, int source = 0)
        => Append(OpKind.Narrow, [.. v.Axes.Select((a, i) => i == 1 ? length : a)], [v], ops, o => { o.Axis = 1; o.Dims = [start, length]; }, null, source);

    private static Value Append(OpKind kind, IReadOnlyList<Dim> axes, List<Value?> operands, List<Op> ops, System.Action<Op> set, string? name, int source = 0)
    {
        var op = new Op(kind, source) { Operands = operands };
        set(op);
        var value = new Value(axes, operands[0]!.Type, name) { Producer = op };
        op.Results.Add(value);
        ops.Add(op);
        return value;
    }
}
