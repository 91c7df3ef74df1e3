using System.Collections.Generic;
using System.Linq;

namespace SemAim.Generators.Ir;

/// <summary>Types of elements, for each kind of operation and, where they differ, each of its methods.</summary>
public static partial class OpTable
{
    private const int Every = int.MaxValue;
    private static readonly IReadOnlyDictionary<(OpKind Kind, string Method), ElementRow> ElementRows = Elements();

    /// <summary>The methods whose rows differ from the row of their kind, by kind.</summary>
    public static ILookup<OpKind, string> ElementMethods { get; } = ElementRows.Keys.Where(k => k.Method.Length > 0).ToLookup(k => k.Kind, k => k.Method);

    /// <summary>What an operation does with the types of elements.</summary>
    /// <param name="kind">what it does</param>
    /// <param name="method">its function or operator</param>
    public static ElementRow Elements(OpKind kind, string method) => ElementRows.TryGetValue((kind, method), out var row) || ElementRows.TryGetValue((kind, ""), out row)
        ? row : throw new System.ArgumentOutOfRangeException(nameof(method), $"{kind} {method}", "an operation without a row");

    private static Dictionary<(OpKind, string), ElementRow> Elements()
    {
        var rows = new Dictionary<(OpKind, string), ElementRow>();
        void Row(ElementRow row, OpKind kind, params string[] methods)
        {
            foreach (var method in methods.Length > 0 ? methods : [""]) rows.Add((kind, method), row);
        }
        ElementRow Numbers() => new(ElementResult.Float, [ElementSet.Float]);
        ElementRow Chosen(int last = 0) => new(ElementResult.Chosen, [ElementSet.Value], (0, last));

        Row(new(ElementResult.Float, [ElementSet.None]), OpKind.Weight);
        foreach (var kind in new[] { OpKind.Linear, OpKind.LayerNorm, OpKind.Conv2d, OpKind.Softmax, OpKind.Normalize, OpKind.Einsum, OpKind.DropPath, OpKind.Lower, OpKind.Raise }) Row(Numbers(), kind);
        Row(new(ElementResult.Float, [ElementSet.Float, ElementSet.Float, ElementSet.Float, ElementSet.Mask]), OpKind.Attend);

        Row(Numbers(), OpKind.Unary, "gelu", "silu", "quickgelu");
        Row(new(ElementResult.Computed, [ElementSet.Countable]), OpKind.Unary, "relu", "abs", "neg");
        Row(new(ElementResult.Float, [ElementSet.Value]), OpKind.Unary, "tanh", "sigmoid", "exp", "log", "sqrt");

        Row(new(ElementResult.Float, [ElementSet.Value]), OpKind.Scalar, "+", "*", "/", "r/");
        Row(new(ElementResult.Float, [ElementSet.Countable]), OpKind.Scalar, "-", "r-");
        Row(Numbers(), OpKind.Scalar, "pow");
        Row(new(ElementResult.Computed, [ElementSet.Value], (0, 1)), OpKind.Binary, "+", "*");
        Row(new(ElementResult.Computed, [ElementSet.Countable], (0, 1)), OpKind.Binary, "-");
        Row(new(ElementResult.Float, [ElementSet.Value]), OpKind.Binary, "/");
        Row(new(ElementResult.Bool, [ElementSet.Value]), OpKind.Compare, "<", "<=", ">", ">=");
        Row(new(ElementResult.Chosen, [ElementSet.Bool, ElementSet.Value], (1, 2)), OpKind.Where);

        Row(Numbers(), OpKind.Reduce, "mean", "var");
        Row(new(ElementResult.Counted, [ElementSet.Value]), OpKind.Reduce, "sum");
        Row(Chosen(), OpKind.Reduce, "max", "min");
        Row(new(ElementResult.Position, [ElementSet.Countable]), OpKind.Reduce, "argmax");

        foreach (var kind in new[] { OpKind.Reshape, OpKind.Permute, OpKind.Expand, OpKind.Select, OpKind.Unbind, OpKind.Narrow, OpKind.Detach }) Row(Chosen(), kind);
        Row(Chosen(Every), OpKind.Concat);
        Row(new(ElementResult.Chosen, [ElementSet.Value, ElementSet.Int64]), OpKind.Gather);
        Row(new(ElementResult.Chosen, [ElementSet.Value, ElementSet.Int64]), OpKind.Reorder);
        foreach (var kind in new[] { OpKind.Sort, OpKind.SortOrder }) Row(new(ElementResult.Position, [ElementSet.Value]), kind);
        Row(new(ElementResult.Position, [ElementSet.Int64]), OpKind.InverseOrder);
        foreach (var kind in new[] { OpKind.MaskUpTo, OpKind.MaskBefore }) Row(new(ElementResult.Mask, [ElementSet.Value]), kind);
        Row(new(ElementResult.Mask, [ElementSet.None]), OpKind.MaskCausal);
        // a callee's contract says what it takes, regions ask for themselves
        foreach (var kind in new[] { OpKind.Call, OpKind.Cut, OpKind.Repeat, OpKind.If }) Row(new(ElementResult.Inner, [ElementSet.Value | ElementSet.Mask]), kind);
        return rows;
    }
}
