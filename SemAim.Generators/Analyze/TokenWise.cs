using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Check;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Analyze;

/// <summary>
/// Proves that a graph commutes with a permutation of its tokens. With a mask over axes (T, M): every value that carries T or M
/// carries it along untouched, and only attention under that mask brings the two together. Without a mask: every leading axis is carried along.
/// </summary>
public sealed class TokenWise
{
    private readonly SizeFacts facts;
    private readonly Value? mask;
    private readonly Dictionary<Value, int> place = [];            // position of the token axis; absent: none
    private bool holds = true;

    private TokenWise(SizeFacts facts, Value? mask) => (this.facts, this.mask) = (facts, mask);

    /// <summary>True only where it is proven.</summary>
    public static bool Holds(CheckedGraph graph, SizeFacts facts)
    {
        var masks = graph.Body.Parameters.Where(p => p.Type == ElementType.Mask).ToList();
        if (masks.Count > 1) return false;
        var proof = new TokenWise(facts, masks.FirstOrDefault());
        foreach (var p in graph.Body.Parameters)
        {
            if (p.Type == ElementType.Mask) continue;
            var at = masks.Count == 1
                ? IndexOf(p, a => a.Equals(masks[0].Axes[1]) || a.Equals(masks[0].Axes[2]))
                : p.Axes.Count < 2 ? -1 : p.Axes[0].Equals(Dim.Symbol("…")) ? 0 : p.Axes.Count - 2;
            if (at >= 0) proof.place[p] = at;
        }
        if (proof.place.Count == 0) return false;
        proof.Run(graph.Body);
        return proof.holds && graph.Body.Results.All(proof.place.ContainsKey);
    }

    private static int IndexOf(Value v, System.Func<Dim, bool> match)
    {
        for (var i = 0; i < v.Axes.Count; i++) if (match(v.Axes[i])) return i;
        return -1;
    }

    private void Run(Region region)
    {
        foreach (var op in region.Ops)
        {
            if (!holds) return;
            Step(op);
        }
    }

    private int At(Value? v) => v is not null && place.TryGetValue(v, out var p) ? p : -1;

    private void Step(Op op)
    {
        if (op.Kind is OpKind.Repeat)
        {
            for (var i = 0; i < op.Operands.Count; i++) Carry(op.Operands[i], op.Body!.Parameters[i]);
            Run(op.Body!);
            for (var i = 0; i < op.Results.Count; i++)
            {
                if (At(op.Body!.Results[i]) != At(op.Operands[i])) holds = false;
                Carry(op.Operands[i], op.Results[i]);
            }
            return;
        }
        if (op.Kind is OpKind.If)
        {
            Run(op.Body!);
            Run(op.Otherwise!);
            for (var i = 0; i < op.Results.Count; i++)
            {
                if (At(op.Body!.Results[i]) != At(op.Otherwise!.Results[i])) holds = false;
                Carry(op.Body!.Results[i], op.Results[i]);
            }
            return;
        }
        if (op.Operands.All(o => At(o) < 0)) return;
        var p = At(op.Operands.First(o => At(o) >= 0));
        var x = op.Operands[0]!;
        switch (op.Kind)
        {
            case var kind when op.Operands.Count == 1 && OpTable.Of(kind).Reach != Reach.Other: Keep(op, p, OpTable.Of(kind).KeepsApart(p, x.Axes.Count, op.Axis)); break;
            case OpKind.Binary or OpKind.Compare: Elementwise(op); break;
            case OpKind.Reshape: Reshaped(op, x, p); break;
            case OpKind.Permute: Keep(op, op.Order.ToList().IndexOf(p), true); break;
            case OpKind.Expand: Keep(op, p, true); break;
            case OpKind.Select: Keep(op, p > op.Axis ? p - 1 : p, op.Axis != p); break;
            case OpKind.Narrow: Keep(op, p, op.Axis != p); break;
            case OpKind.Reduce: Keep(op, !op.Keep && p > op.Axis ? p - 1 : p, op.Axis >= 0 && op.Axis != p); break;
            case OpKind.Concat: Keep(op, p, op.Axis != p && op.Operands.All(o => At(o) == p)); break;
            case OpKind.Attend:
                Keep(op, 2, At(op.Operands[0]) == 2 && At(op.Operands[1]) == 2 && At(op.Operands[2]) == 2 && op.Operands[3] == mask && mask is not null);
                break;
            case OpKind.Call: Called(op); break;
            default: holds = false; break;
        }
    }

    private void Carry(Value? from, Value to)
    {
        if (At(from) is >= 0 and var p) place[to] = p;
    }

    private void Keep(Op op, int at, bool allowed)
    {
        if (!allowed || at < 0) holds = false;
        else foreach (var r in op.Results) place[r] = at;
    }

    private void Elementwise(Op op)
    {
        var (l, r) = (op.Operands[0]!, op.Operands[1]!);
        var rank = op.Result.Axes.Count;
        int Aligned(Value v) => At(v) < 0 ? -1 : At(v) + rank - v.Axes.Count;
        var at = System.Math.Max(Aligned(l), Aligned(r));
        foreach (var v in new[] { l, r })
        {
            if (Aligned(v) == at) continue;
            var own = at - (rank - v.Axes.Count);
            if (Aligned(v) >= 0 || own >= 0 && !facts.Same(v.Axes[own], Dim.One)) holds = false;
        }
        Keep(op, at, true);
    }

    // the axis survives where the product of what stands before it is the same
    private void Reshaped(Op op, Value x, int p)
    {
        var before = x.Axes.Take(p).Aggregate(Dim.One, (a, b) => a * b);
        var product = Dim.One;
        for (var i = 0; i < op.Result.Axes.Count; i++)
        {
            if (facts.Same(product, before) && facts.Same(op.Result.Axes[i], x.Axes[p])) { Keep(op, i, true); return; }
            product *= op.Result.Axes[i];
        }
        holds = false;
    }

    private void Called(Op op)
    {
        if (op.Callee?.Graphs.FirstOrDefault(g => g.Name == op.Method) is not { Summary.IsTokenWise: true } callee) { holds = false; return; }
        var at = TokenCall.ResultPlace(op, callee, At, mask);
        Keep(op, at, at >= 0);
    }
}

/// <summary>How a token-wise callee carries the tokens of its operands.</summary>
public static class TokenCall
{
    /// <summary>Position of the token axis in the results, or -1 where the operands do not carry it as the callee's contract does.</summary>
    public static int ResultPlace(Op call, GraphContract callee, System.Func<Value?, int> at, Value? mask)
    {
        var parameters = callee.Parameters.Where(p => p.Kind != ParameterKind.Host).ToList();
        var maskParameter = parameters.FirstOrDefault(p => p.Kind == ParameterKind.Mask);
        string[] tokens = maskParameter is null ? [] : Axes(maskParameter.Shape!.Text);
        var result = -1;
        for (var i = 0; i < parameters.Count; i++)
        {
            var operand = call.Operands[i];
            if (parameters[i].Kind == ParameterKind.Mask)
            {
                if (operand is null || mask is null || operand != mask) return -1;
                continue;
            }
            var axes = Axes(parameters[i].Shape!.Text);
            var p = at(operand);
            if (maskParameter is null)
            {
                if (p < 0 || p >= operand!.Axes.Count - 1) return -1;
                if (axes[0] != "..." && p != operand.Axes.Count - 2) return -1;
                result = p;
                continue;
            }
            if (p < 0 || p >= axes.Length || axes[p] != tokens[1] && axes[p] != tokens[2]) return -1;
        }
        return maskParameter is null ? result : System.Array.IndexOf(Axes(callee.Results[0].Text), tokens[1]);
    }

    private static string[] Axes(string shape) => shape.Split([' '], System.StringSplitOptions.RemoveEmptyEntries);
}
