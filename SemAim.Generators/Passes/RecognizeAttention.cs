using System.Collections.Generic;
using System.Linq;
using SemAim.Generators.Ir;
using SemAim.Generators.Symbols;

namespace SemAim.Generators.Passes;

/// <summary>Finds softmax(q·kᵀ/√E)·v written out as two einsums, with the scale on the scores or on the queries, and makes it one attention: its map is never materialised.</summary>
public sealed class RecognizeAttention(SizeFacts facts) : IPass
{
    /// <inheritdoc />
    public string Name => nameof(RecognizeAttention);

    /// <inheritdoc />
    public void Run(CheckedGraph graph)
    {
        Run(graph.Body, Readers(graph));
    }

    /// <summary>The softmaxes that the pass would make part of an attention.</summary>
    public IEnumerable<Op> Maps(CheckedGraph graph)
    {
        var readers = Readers(graph);
        IEnumerable<Op> Of(Region region) => region.Ops.SelectMany(o => Rewriting.Regions(o).SelectMany(Of).Concat(Match(o, region, readers) is null ? [] : [o.Operands[0]!.Producer!]));
        return Of(graph.Body);
    }

    private static Dictionary<Value, int> Readers(CheckedGraph graph)
    {
        var readers = new Dictionary<Value, int>();
        foreach (var v in graph.Body.Results.Concat(graph.Body.Ops.SelectMany(Rewriting.Reads))) readers[v] = readers.TryGetValue(v, out var n) ? n + 1 : 1;
        return readers;
    }

    private void Run(Region region, Dictionary<Value, int> readers)
    {
        for (var i = 0; i < region.Ops.Count; i++)
        {
            foreach (var inner in Rewriting.Regions(region.Ops[i])) Run(inner, readers);
            if (Match(region.Ops[i], region, readers) is not { } found) continue;
            var attend = new Op(OpKind.Attend, region.Ops[i].Source) { Operands = [found.Q, found.K, found.V, null], Results = region.Ops[i].Results };
            attend.Result.Producer = attend;
            region.Ops[i] = attend;
        }
    }

    private (Value Q, Value K, Value V)? Match(Op weighted, Region region, Dictionary<Value, int> readers)
    {
        // values between the two products that nobody else reads
        Op? Made(Value? v, OpKind kind) => v?.Producer is { } p && p.Kind == kind && readers[v] == 1 && region.Ops.Contains(p) ? p : null;
        if (weighted.Kind != OpKind.Einsum || !Is(weighted.Text, "pqrs,pqst->pqrt")) return null;
        if (Made(weighted.Operands[0], OpKind.Softmax) is not { Axis: 3 } softmax) return null;
        var (scores, scaled) = (softmax.Operands[0], false);
        if (Made(scores, OpKind.Scalar) is { } scale)
        {
            if (!IsRoot(scale, weighted.Result.Axes[3])) return null;
            (scores, scaled) = (scale.Operands[0], true);
        }
        if (Made(scores, OpKind.Einsum) is not { } product || !Is(product.Text, "pqrs,pqts->pqrt")) return null;
        var (q, k, v) = (product.Operands[0]!, product.Operands[1]!, weighted.Operands[1]!);
        if (!scaled)
        {
            if (q.Producer is not { Kind: OpKind.Scalar } before || !IsRoot(before, q.Axes[3])) return null;
            q = before.Operands[0]!;
        }
        // Attend divides by the root of the queries' width and wants values as wide
        return facts.Same(q.Axes[3], v.Axes[3]) && facts.Same(k.Axes[2], v.Axes[2]) ? (q, k, v) : null;
    }

    // the same letters in the same places, whatever they are called
    private static bool Is(string letters, string wanted)
    {
        if (letters.Length != wanted.Length) return false;
        var names = new Dictionary<char, char>();
        for (var i = 0; i < letters.Length; i++)
            if (!char.IsLetter(wanted[i]) ? letters[i] != wanted[i] : names.TryGetValue(wanted[i], out var l) ? l != letters[i] : names.ContainsValue(letters[i])) return false;
            else if (char.IsLetter(wanted[i])) names[wanted[i]] = letters[i];
        return true;
    }

    // times 1/√E, or divided by √E
    private bool IsRoot(Op scale, Dim width)
    {
        var text = scale.Text.Replace("global::", "").Replace("System.", "").Replace(" ", "");
        while (text.StartsWith("(", System.StringComparison.Ordinal) && text.EndsWith(")", System.StringComparison.Ordinal) && Balanced(text)) text = text.Substring(1, text.Length - 2);
        var size = facts.Code(width).Replace(" ", "");
        return scale.Method == "/" ? text == $"Math.Sqrt({size})" : scale.Method == "*" && (text == $"1/Math.Sqrt({size})" || text == $"1.0/Math.Sqrt({size})" || text == $"Math.Pow({size},-0.5)");
    }

    private static bool Balanced(string text)
    {
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
            if (text[i] == '(') depth++;
            else if (text[i] == ')' && --depth == 0 && i < text.Length - 1) return false;
        return true;
    }
}
