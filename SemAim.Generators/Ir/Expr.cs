using SemAim.Generators.Collections;

namespace SemAim.Generators.Ir;

/// <summary>An expression of a graph or of a size, as its author wrote it. <see cref="Id"/> finds its place in the source, which is no part of the model.</summary>
public abstract record Expr(int Id)
{
    /// <summary>A whole number.</summary>
    public sealed record Int(int Id, long Value) : Expr(Id);

    /// <summary>A size of the module: a constructor parameter or an <c>int</c> member.</summary>
    public sealed record Size(int Id, string Name) : Expr(Id);

    /// <summary>A local, a loop variable or a parameter of the graph; names are unique within the graph.</summary>
    public sealed record Local(int Id, string Name) : Expr(Id);

    /// <summary>A host value that the compiler passes on without looking at it, as C# text.</summary>
    public sealed record Host(int Id, string Code) : Expr(Id);

    /// <summary>A host value in which locals or sizes of the graph occur: C# texts around the parts, one text more than parts.</summary>
    public sealed record HostTemplate(int Id, EquatableArray<string> Texts, EquatableArray<Expr> Parts) : Expr(Id);

    /// <summary>A text: a pattern.</summary>
    public sealed record Text(int Id, string Value) : Expr(Id);

    /// <summary>No mask.</summary>
    public sealed record Null(int Id) : Expr(Id);

    /// <summary>A layer field.</summary>
    public sealed record Layer(int Id, string Field) : Expr(Id);

    /// <summary>One copy of a repeated layer; a <c>foreach</c> gives it a name.</summary>
    public sealed record Element(int Id, Expr Repeated, Expr Index, string? Name = null) : Expr(Id);

    /// <summary><c>left op right</c> over sizes or values; the operator in C# spelling.</summary>
    public sealed record Binary(int Id, string Operator, Expr Left, Expr Right) : Expr(Id);

    /// <summary><c>-operand</c>.</summary>
    public sealed record Negate(int Id, Expr Operand) : Expr(Id);

    /// <summary>A call: an operation of a value (target is the value), of <c>Ops</c> or <c>OrderMask</c> (no target), of a layer, or of a graph of this module (target is <see cref="This"/>).</summary>
    public sealed record Call(int Id, string Owner, string Method, Expr? Target, EquatableArray<Argument> Arguments) : Expr(Id);

    /// <summary><c>x["B [1..] D"]</c>; the arguments are sizes and their texts.</summary>
    public sealed record Slice(int Id, Expr Value, Text Pattern, EquatableArray<Argument> Arguments) : Expr(Id);

    /// <summary>Several values.</summary>
    public sealed record Tuple(int Id, EquatableArray<Expr> Items) : Expr(Id);

    /// <summary>The module itself.</summary>
    public sealed record This(int Id) : Expr(Id);

    /// <summary>What has been reported already; whatever depends on it stays silent.</summary>
    public sealed record Broken(int Id) : Expr(Id);
}

/// <summary>An argument by the name of its parameter; omitted ones do not appear.</summary>
public sealed record Argument(string Parameter, Expr Value);

/// <summary>A statement of a graph.</summary>
public abstract record Statement(int Id)
{
    /// <summary>Gives names to a value, or to the elements of a tuple; null elements are discarded.</summary>
    public sealed record Assign(int Id, EquatableArray<string?> Targets, Expr Value) : Statement(Id);

    /// <summary><c>for (var variable = from; variable &lt; limit; variable++)</c>; <see cref="Inclusive"/> for <c>&lt;=</c>.</summary>
    public sealed record For(int Id, string Variable, Expr From, Expr Limit, bool Inclusive, EquatableArray<Statement> Body) : Statement(Id);

    /// <summary><c>if</c> on an optional mask (<see cref="Mask"/> is not null) or on a host condition.</summary>
    public sealed record If(int Id, string? Mask, bool NotNull, string? Condition, EquatableArray<Statement> Then, EquatableArray<Statement> Else) : Statement(Id);

    /// <summary>The results.</summary>
    public sealed record Return(int Id, Expr Value) : Statement(Id);
}
