using System;
using System.Collections.Generic;

namespace SemAim.Generators.Ir;

/// <summary>Which positions of its operand an operation looks at for one position of its result.</summary>
public enum Reach
{
    /// <summary>The same position alone: it commutes with slicing, repeating and permuting any axis.</summary>
    Element,
    /// <summary>All along the first axis: samples are told apart.</summary>
    First,
    /// <summary>All along the last axis.</summary>
    Last,
    /// <summary>All along <see cref="Op.Axis"/>.</summary>
    Axis,
    /// <summary>As the kind says.</summary>
    Other,
}

/// <summary>Whom a result belongs to.</summary>
public enum Ownership
{
    /// <summary>A tensor of its own; whoever reads it last disposes it.</summary>
    Fresh,
    /// <summary>A handle of its own over its operand's memory; the operand's may go first.</summary>
    View,
    /// <summary>Nobody's to dispose: a layer's weight, or a word.</summary>
    Handle,
    /// <summary>What its regions make.</summary>
    Regions,
}

/// <summary>How wide a result is where weights are narrow.</summary>
public enum Precision
{
    /// <summary>The type of the products.</summary>
    Product,
    /// <summary>float32.</summary>
    Statistic,
    /// <summary>The widest of its operands.</summary>
    Follow,
    /// <summary>What a callee or a region makes.</summary>
    Unknown,
}

/// <summary>Types of elements that an operand may have.</summary>
[Flags]
public enum ElementSet
{
    /// <summary>None: no such operand.</summary>
    None = 0,
    /// <summary>Numbers.</summary>
    Float = 1,
    /// <summary>Indices and counts.</summary>
    Int64 = 2,
    /// <summary>Truth values.</summary>
    Bool = 4,
    /// <summary>Whatever can be subtracted.</summary>
    Countable = Float | Int64,
    /// <summary>Every value.</summary>
    Value = Countable | Bool,
    /// <summary>An order mask.</summary>
    Mask = 8,
}

/// <summary>What the elements of a result are.</summary>
public enum ElementResult
{
    /// <summary>Numbers, whatever came in.</summary>
    Float,
    /// <summary>Positions along the axis that the operation looks at.</summary>
    Position,
    /// <summary>Truth values.</summary>
    Bool,
    /// <summary>An order mask.</summary>
    Mask,
    /// <summary>Elements of the operands that <see cref="ElementRow.Of"/> names, as they were, in the widest of their types: an index stays one.</summary>
    Chosen,
    /// <summary>Made of those operands, in the widest of their types.</summary>
    Computed,
    /// <summary>The same, but truth values are counted.</summary>
    Counted,
    /// <summary>What a callee or a region gives.</summary>
    Inner,
}

/// <summary>What an operation does with the types of elements, as libtorch promotes them; where an operation is said to take numbers alone, so it is by the language.</summary>
/// <param name="Gives">its result</param>
/// <param name="Takes">its operands, in order; the last entry holds for all that follow</param>
/// <param name="Of">operands of which <see cref="ElementResult.Chosen"/>, <see cref="ElementResult.Computed"/> and <see cref="ElementResult.Counted"/> speak: from the first number to the second; (0, 0) is the first alone</param>
public sealed record ElementRow(ElementResult Gives, IReadOnlyList<ElementSet> Takes, (int First, int Last) Of = default)
{
    /// <summary>What an operand may be.</summary>
    public ElementSet At(int operand) => Takes[Math.Min(operand, Takes.Count - 1)];
}

/// <summary>What the passes and analyses must know of a kind of operation, whatever it computes.</summary>
/// <param name="Reach">positions it looks at</param>
/// <param name="Result">whom its result belongs to</param>
/// <param name="Precision">width of its result</param>
/// <param name="Draws">takes a row of the draws, so it is neither removed nor shared</param>
/// <param name="IsSmall">costs next to nothing beside what reads it, or is the same for every round: leaves a loop where it can</param>
public sealed record OpRow(Reach Reach, Ownership Result, Precision Precision, bool Draws = false, bool IsSmall = false)
{
    /// <summary>True if one position of an axis never sees another.</summary>
    /// <param name="axis">of the result</param>
    /// <param name="rank">axes of the result</param>
    /// <param name="along">the operation's own axis</param>
    public bool KeepsApart(int axis, int rank, int along) => Reach switch
    {
        Reach.Element => true,
        Reach.First => axis != 0,
        Reach.Last => axis != rank - 1,
        Reach.Axis => axis != along,
        _ => false,
    };
}

/// <summary>One row for each kind of operation.</summary>
public static partial class OpTable
{
    /// <summary>The row of a kind.</summary>
    public static OpRow Of(OpKind kind) => Rows[(int)kind] ?? throw new System.ArgumentOutOfRangeException(nameof(kind), kind, "a kind without a row");

    private static readonly OpRow?[] Rows = Table();

    private static OpRow?[] Table()
    {
        var rows = new OpRow?[System.Enum.GetValues(typeof(OpKind)).Length];
        void Row(OpRow row, params OpKind[] kinds)
        {
            foreach (var kind in kinds) rows[(int)kind] = row;
        }
        Row(new(Reach.Other, Ownership.Handle, Precision.Statistic, IsSmall: true), OpKind.Weight);
        Row(new(Reach.Last, Ownership.Fresh, Precision.Product), OpKind.Linear);
        Row(new(Reach.Other, Ownership.Fresh, Precision.Product), OpKind.Conv2d);
        Row(new(Reach.Last, Ownership.Fresh, Precision.Statistic), OpKind.LayerNorm);
        Row(new(Reach.Axis, Ownership.Fresh, Precision.Statistic), OpKind.Softmax, OpKind.Normalize);
        Row(new(Reach.Other, Ownership.Fresh, Precision.Statistic), OpKind.Reduce);
        Row(new(Reach.Element, Ownership.Fresh, Precision.Follow), OpKind.Unary, OpKind.Scalar);
        Row(new(Reach.Element, Ownership.View, Precision.Follow), OpKind.Detach);
        Row(new(Reach.Element, Ownership.Fresh, Precision.Product, IsSmall: true), OpKind.Lower);
        Row(new(Reach.Element, Ownership.Fresh, Precision.Statistic, IsSmall: true), OpKind.Raise);
        Row(new(Reach.First, Ownership.Fresh, Precision.Follow, Draws: true), OpKind.DropPath);
        // several operands, which may broadcast
        Row(new(Reach.Element, Ownership.Fresh, Precision.Follow), OpKind.Binary, OpKind.Compare, OpKind.Where);
        Row(new(Reach.Axis, Ownership.Fresh, Precision.Follow), OpKind.Concat);
        Row(new(Reach.Other, Ownership.View, Precision.Follow, IsSmall: true), OpKind.Reshape, OpKind.Permute, OpKind.Expand, OpKind.Select, OpKind.Unbind, OpKind.Narrow);
        Row(new(Reach.Other, Ownership.Fresh, Precision.Follow), OpKind.Einsum, OpKind.Attend, OpKind.SortOrder, OpKind.InverseOrder, OpKind.Gather, OpKind.Sort);
        Row(new(Reach.Other, Ownership.Fresh, Precision.Follow, IsSmall: true), OpKind.Reorder, OpKind.MaskUpTo, OpKind.MaskBefore);
        Row(new(Reach.Other, Ownership.Handle, Precision.Follow), OpKind.MaskCausal);
        Row(new(Reach.Other, Ownership.Fresh, Precision.Unknown), OpKind.Call);
        Row(new(Reach.Other, Ownership.Fresh, Precision.Follow), OpKind.Cut);
        Row(new(Reach.Other, Ownership.Regions, Precision.Unknown), OpKind.Repeat, OpKind.If);
        return rows;
    }
}
