using System;
using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Ir;

/// <summary>
/// What holds of a graph before and after every pass: each value is made once and before it is read, loops carry what they return, axes and sizes fit. Tests ask between passes; a compiler that runs does not.
/// </summary>
public sealed class Verifier
{
    private readonly SizeFacts facts;
    private readonly List<string> problems = [];
    private readonly Dictionary<Value, Op> makers = [];
    private readonly HashSet<Op> seen = [];

    private Verifier(SizeFacts facts) => this.facts = facts;

    /// <summary>What does not hold; empty where all does.</summary>
    /// <param name="graph">a checked graph</param>
    /// <param name="facts">what its module knows of sizes</param>
    /// <param name="isScheduled">handles have their ends: none is read after it, none is left</param>
    public static IReadOnlyList<string> Problems(CheckedGraph graph, SizeFacts facts, bool isScheduled = false)
    {
        var verifier = new Verifier(facts);
        verifier.Region(graph.Body, [], "the graph");
        if (isScheduled) verifier.Scheduled(graph.Body, []);
        return verifier.problems;
    }

    private void Require(bool holds, string problem)
    {
        if (!holds) problems.Add(problem);
    }

    private static string Name(Op op) => $"{op.Kind}{(op.Method.Length > 0 ? " " + op.Method : "")}{(op.Text.Length > 0 ? " " + op.Text : "")}";

    private void Region(Region region, HashSet<Value> outer, string where)
    {
        var known = new HashSet<Value>(outer);
        foreach (var p in region.Parameters) Require(known.Add(p), $"{where}: a parameter is a value that exists already");
        foreach (var op in region.Ops)
        {
            Require(seen.Add(op), $"{Name(op)} stands in two places");
            foreach (var o in op.Operands) Require(o is null || known.Contains(o), $"{Name(op)} reads {o?.Name ?? "a value"} before it is made");
            var called = op.Kind == OpKind.Call && op.Body is not null;              // a private graph's operations stand on its call until they take its place
            if (op.Body is not null) Region(op.Body, known, Name(op));
            if (op.Otherwise is not null) Region(op.Otherwise, known, Name(op));
            Structure(op);
            if (!op.Operands.Concat(op.Results).Any(v => v is { HasOpenRank: true })) Sizes(op);
            foreach (var r in op.Results)
            {
                if (called) { known.Add(r); continue; }
                Require(!makers.ContainsKey(r), $"{Name(op)} makes a value that {(makers.TryGetValue(r, out var other) ? Name(other) : "")} has made");
                makers[r] = op;
                known.Add(r);
                Require(r.Producer == op, $"the result of {Name(op)} says that {(r.Producer is null ? "nothing" : Name(r.Producer))} makes it");
            }
        }
        foreach (var r in region.Results) Require(known.Contains(r), $"{where} returns {r.Name ?? "a value"}, which it does not make");
    }

    private void Structure(Op op)
    {
        if (op.Kind == OpKind.Repeat)
        {
            var body = op.Body!;
            Require(op.Operands.Count == op.Results.Count && body.Parameters.Count == op.Results.Count && body.Results.Count == op.Results.Count, "a loop carries other values than it returns");
            for (var i = 0; i < op.Results.Count && i < body.Results.Count && i < body.Parameters.Count && i < op.Operands.Count; i++)
                Require(Same(op.Operands[i]!.Axes, body.Parameters[i].Axes) && Same(body.Results[i].Axes, op.Results[i].Axes) && Same(body.Parameters[i].Axes, op.Results[i].Axes), $"a loop changes the shape of {op.Results[i].Name ?? "a value"}");
        }
        if (op.Kind == OpKind.If)
            Require(op.Body!.Results.Count == op.Results.Count && op.Otherwise!.Results.Count == op.Results.Count && op.Results.Select((r, i) => Same(r.Axes, op.Body.Results[i].Axes) && Same(r.Axes, op.Otherwise.Results[i].Axes)).All(s => s), "branches give other values than the choice returns");
        if (op.Kind is not (OpKind.Attend or OpKind.Call or OpKind.If or OpKind.Repeat)) Require(op.Operands.All(o => o is not { Type: ElementType.Mask }), $"{Name(op)} reads a mask");
    }

    private void Sizes(Op op)
    {
        var x = op.Operands.Count > 0 ? op.Operands[0] : null;
        switch (op.Kind)
        {
            case OpKind.Reshape: Require(Same(op.Dims, op.Result.Axes) && facts.Same(Product(x!.Axes), Product(op.Dims)), $"a reshape of {Show(x!)} to {Show(op.Result)} keeps not all elements"); break;
            case OpKind.Permute: Require(op.Order.OrderBy(o => o).SequenceEqual(Enumerable.Range(0, x!.Axes.Count)) && Same([.. op.Order.Select(o => x.Axes[o])], op.Result.Axes), $"no permutation of {Show(x!)} gives {Show(op.Result)}"); break;
            case OpKind.Expand: Require(op.Result.Axes.Count == x!.Axes.Count && x.Axes.Zip(op.Result.Axes, (a, b) => facts.Same(a, b) || facts.Same(a, 1)).All(s => s), $"{Show(x!)} is not repeated to {Show(op.Result)}"); break;
            case OpKind.Select: Require(op.Axis >= 0 && op.Axis < x!.Axes.Count && Same([.. x.Axes.Where((_, i) => i != op.Axis)], op.Result.Axes), $"a position of {Show(x!)} is not {Show(op.Result)}"); break;
            case OpKind.Narrow: Require(op.Axis >= 0 && op.Axis < x!.Axes.Count && Same([.. x.Axes.Select((a, i) => i == op.Axis ? op.Dims[1] : a)], op.Result.Axes), $"a range of {Show(x!)} is not {Show(op.Result)}"); break;
            case OpKind.Unary or OpKind.Softmax or OpKind.Normalize or OpKind.LayerNorm or OpKind.Detach or OpKind.DropPath or OpKind.Lower or OpKind.Raise or OpKind.Scalar: Require(Same(x!.Axes, op.Result.Axes), $"{Name(op)} makes {Show(op.Result)} of {Show(x!)}"); break;
            case OpKind.Linear: Require(Same([.. x!.Axes.Take(x.Axes.Count - 1)], [.. op.Result.Axes.Take(op.Result.Axes.Count - 1)]), $"{Name(op)} makes {Show(op.Result)} of {Show(x!)}"); break;
            case OpKind.Attend: Require(Same(x!.Axes, op.Result.Axes), $"attention of {Show(x!)} gives {Show(op.Result)}"); break;
            case OpKind.Cut: Require(op.Operands.Count == op.Results.Count && op.Operands.Zip(op.Results, (a, b) => Same(a!.Axes, b.Axes)).All(s => s), "a cut changes values"); break;
        }
    }

    // reads of values that have gone, and owned values that are neither gone nor given away at the end
    private void Scheduled(Region region, IReadOnlyList<Value> entering)
    {
        var owned = new HashSet<Value>(entering.Except(region.Unread));
        var gone = new HashSet<Value>(region.Unread);
        foreach (var op in region.Ops)
        {
            foreach (var v in Rewriting.Reads(op)) Require(!gone.Contains(v), $"{Name(op)} reads {v.Name ?? "a value"} after its end");
            foreach (var v in op.Dying) Require(owned.Remove(v) && gone.Add(v), $"{Name(op)} ends {v.Name ?? "a value"}, which is not the region's");
            if (op.Body is not null) Scheduled(op.Body, op.Kind == OpKind.Repeat ? op.Body.Parameters : []);
            if (op.Otherwise is not null) Scheduled(op.Otherwise, []);
            if (op.IsHandle) continue;
            foreach (var r in op.Results) if (!op.Unread.Contains(r)) owned.Add(r);
        }
        foreach (var r in region.Results) Require(!gone.Contains(r), $"{r.Name ?? "a value"} is returned after its end");
        foreach (var v in owned.Except(region.Results)) Require(false, $"{v.Name ?? (v.Producer is null ? "a value" : "the result of " + Name(v.Producer))} is left");
    }

    private static Dim Product(IReadOnlyList<Dim> axes) => axes.Aggregate(Dim.One, (a, b) => a * b);

    private bool Same(IReadOnlyList<Dim> a, IReadOnlyList<Dim> b) => a.Count == b.Count && a.Zip(b, facts.Same).All(s => s);

    private string Show(Value v) => string.Join(" ", v.Axes.Select(facts.Show));
}
